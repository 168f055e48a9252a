#include "actors/mapreduce/output_directory.hpp"

#include "actors/mapreduce/file.hpp"
#include "actors/mapreduce/task_code.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
namespace troupe::mapreduce {
namespace {
namespace fs = std::filesystem;
std::string temporary(const std::string& output) { return output + "/_temporary"; }
std::string token_file(const std::string& output) { return temporary(output) + "/token"; }
bool exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}
}  // namespace

std::string part_name(std::uint32_t partition) {
  char name[32];
  std::snprintf(name, sizeof name, "part-%05u", partition);
  return name;
}

std::string attempt_file(const std::string& output, std::uint32_t partition,
                         std::uint32_t attempt) {
  return temporary(output) + "/" + part_name(partition) + "-" + std::to_string(attempt);
}

void prepare_output(const std::string& output, const std::string& token) {
  if (output.empty()) throw task_error{"the job has no output directory: name one with --output"};
  std::error_code error;
  fs::create_directories(output, error);
  if (error)
    throw task_error{"cannot create the output directory " + output + ": " + error.message()};
  const bool empty = fs::is_empty(output, error);
  if (error)
    throw task_error{"cannot look into the output directory " + output + ": " + error.message()};
  if (!empty)
    throw task_error{"the output directory " + output +
                     " holds files already: remove them, or name another"};
  fs::create_directory(temporary(output), error);
  if (error)
    throw task_error{"cannot write to the output directory " + output + ": " + error.message()};
  auto f = file::create(token_file(output));
  f.append(token);
  f.sync();
  f.close();
}

void find_output(const std::string& output, const std::string& token) {
  std::string found(token.size() + 1, '\0');
  try {
    const auto f = file::open(token_file(output));
    found.resize(f.read_some(found.data(), found.size(), 0));
  } catch (const task_error&) {
    found.clear();
  }
  if (found != token || token.empty())
    throw task_error{"the output directory " + output +
                     " is not the one that the job's master sees: inputs and output must lie on a "
                     "file system that "
                     "all nodes see"};
}

void commit_part(const std::string& output, std::uint32_t partition, const std::string& attempt) {
  const auto part = output + "/" + part_name(partition);
  if (std::rename(attempt.c_str(), part.c_str()) != 0) {
    const int error = errno;
    if (error == ENOENT && exists(part)) return;
    throw task_error{"cannot rename " + attempt + " to " + part + ": " + std::strerror(error)};
  }
  sync_directory(output);
}

void finish_output(const std::string& output, std::uint32_t parts) {
  for (std::uint32_t p = 0; p < parts; ++p)
    if (!exists(output + "/" + part_name(p)))
      throw task_error{"the output directory " + output + " lacks " + part_name(p) +
                       ", which was written: somebody else removed it"};
  std::error_code ignored;
  fs::remove_all(temporary(output), ignored);
  auto f = file::create(output + "/_SUCCESS");
  f.sync();
  f.close();
  sync_directory(output);
}

void abort_output(const std::string& output, std::uint32_t parts) {
  std::error_code ignored;
  // without our token it is not our job's directory
  if (output.empty() || !exists(token_file(output))) return;
  for (std::uint32_t p = 0; p < parts; ++p) remove_file(output + "/" + part_name(p));
  remove_file(output + "/_SUCCESS");
  fs::remove_all(temporary(output), ignored);
  fs::remove(output, ignored);  // unless it holds something
}
}  // namespace troupe::mapreduce

#include "actors/mapreduce/output_directory.hpp"

#include "actors/mapreduce/file.hpp"
#include "actors/mapreduce/task_code.hpp"

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
namespace troupe::mapreduce {
namespace {
namespace fs = std::filesystem;
std::string temporary(const std::string& output) { return output + "/_temporary"; }
std::string token_file(const std::string& output) { return temporary(output) + "/token"; }
std::string attempts(const std::string& output, const std::string& token, std::uint64_t fence) {
  return temporary(output) + "/of-" + token + (fence == 0 ? "" : "-" + std::to_string(fence));
}
// Whose attempts lie in a directory of this name: the master's fence; nothing: no directory of attempts.
std::optional<std::uint64_t> fence_in(std::string_view name, const std::string& token) {
  const auto prefix = "of-" + token;
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  if (name.empty()) return 0;
  std::uint64_t fence = 0;
  const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), fence);
  const bool whole = name[0] == '-' && error == std::errc{} && end == name.data() + name.size();
  return whole ? std::optional{fence} : std::nullopt;
}
std::map<std::uint64_t, fs::path> all_attempts(const std::string& output, const std::string& token,
                                               std::error_code& error) {
  std::map<std::uint64_t, fs::path> found;
  for (auto it = fs::directory_iterator{temporary(output), error}; !error && it != fs::end(it);
       it.increment(error))
    if (const auto fence = fence_in(it->path().filename().string(), token))
      found[*fence] = it->path();
  return found;
}
bool exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

bool is_ours(const std::string& output, const std::string& token) {
  if (output.empty() || token.empty()) return false;
  std::string found(token.size() + 1, '\0');
  try {
    const auto f = file::open(token_file(output));
    found.resize(f.read_some(found.data(), found.size(), 0));
  } catch (const task_error&) {
    return false;
  }
  return found == token;
}

[[noreturn]] void not_ours(const std::string& output) {
  throw task_error{"the output directory " + output +
                   " is no longer this job's: somebody removed it, or another job writes there"};
}

// With each directory's entry on disk before the next is made.
void make_directories(const fs::path& path, const std::string& output) {
  std::error_code error;
  if (path.empty() || fs::is_directory(path, error)) return;
  const auto above = path.parent_path();
  if (path.has_filename()) {
    make_directories(above, output);
    fs::create_directory(path, error);
    if (error)
      throw task_error{"cannot create the output directory " + output + ": " + error.message()};
    return sync_directory(above.empty() ? "." : above.string());
  }
  make_directories(above, output);
}

// Removes the attempts' files: under another name first, lest one that still runs adds to them.
void remove_attempts(const std::string& output, const std::string& token, std::error_code& error) {
  std::error_code unread;
  auto all = all_attempts(output, token, unread);
  all.emplace(0, attempts(output, token, 0));  // or what was left of it
  for (const auto& [fence, path] : all) {
    const auto aside = path.string() + "-removed";
    fs::rename(path, aside, error);
    if (error && error != std::errc::no_such_file_or_directory) return;
    error.clear();
    fs::remove_all(aside, error);
    if (error) return;
  }
}

// Removes what prepare_output made, unless it comes to its end.
class unfinished {
 public:
  unfinished(const std::string& output, std::string staging)
      : output_{output}, staging_{std::move(staging)} {}
  ~unfinished() {
    if (done_) return;
    std::error_code ignored;
    fs::remove_all(staging_, ignored);
    if (made_output) fs::remove(output_, ignored);
  }
  void done() { done_ = true; }
  bool made_output = false;

 private:
  const std::string& output_;
  const std::string staging_;
  bool done_ = false;
};
}  // namespace

std::string part_name(std::uint32_t partition) {
  char name[32];
  std::snprintf(name, sizeof name, "part-%05u", partition);
  return name;
}

std::string attempt_file(const std::string& output, const std::string& token,
                         std::uint32_t partition, std::uint32_t attempt, std::uint64_t fence) {
  return attempts(output, token, fence) + "/" + part_name(partition) + "-" + std::to_string(attempt);
}

std::string attempt_file(const std::string& output, const std::string& token,
                         const std::string& name, std::uint64_t fence) {
  return attempts(output, token, fence) + "/" + fs::path{name}.filename().string();
}

// The token is there as soon as its directory is, since both get their place by one rename.
void prepare_output(const std::string& output, const std::string& token, std::uint64_t fence) {
  if (output.empty()) throw task_error{"the job has no output directory: name one with --output"};
  const auto check = [&](const std::error_code& error, const char* what) {
    if (error)
      throw task_error{"cannot " + std::string{what} + " the output directory " + output + ": " +
                       error.message()};
  };
  std::error_code error;
  const bool there = exists(output);
  make_directories(output, output);
  const bool empty = fs::is_empty(output, error);
  check(error, "look into");
  const auto taken = [&] {
    return task_error{"the output directory " + output +
                      " is in use by another job, or was left by one whose master died: name "
                      "another, or remove it if no job writes there"};
  };
  if (fence != 0 && is_ours(output, token)) return take_output(output, token, fence);
  if (exists(temporary(output))) throw taken();
  // what an earlier master of the same job began
  const auto begun = temporary(output) + "." + token;
  bool others = false;
  for (const auto& entry : fs::directory_iterator{output, error}) {
    if (fence != 0 && entry.path().string().starts_with(begun))
      fs::remove_all(entry.path(), error);
    else
      others = true;
  }
  if (!empty && others)
    throw task_error{"the output directory " + output +
                     " holds files already: remove them, or name another"};
  const auto staging = begun + (fence == 0 ? "" : "-" + std::to_string(fence));
  unfinished made{output, staging};
  made.made_output = !there;
  fs::create_directory(staging, error);
  check(error, "write to");
  may_fail(failpoint::output_token, token_file(output));
  auto f = file::create(staging + "/token");
  f.append(token);
  f.sync();
  f.close();
  fs::create_directory(staging + "/" + fs::path{attempts(output, token, fence)}.filename().string(),
                       error);
  check(error, "write to");
  sync_directory(staging);
  fs::rename(staging, temporary(output), error);
  if (error == std::errc::directory_not_empty || error == std::errc::file_exists) throw taken();
  check(error, "write to");
  made.done();
  sync_directory(output);
  reached(failpoint::output_prepared);
}

void take_output(const std::string& output, const std::string& token, std::uint64_t fence) {
  if (exists(output + "/_SUCCESS") && !exists(token_file(output))) return;  // it is at its end
  if (!is_ours(output, token)) not_ours(output);
  const auto own = attempts(output, token, fence);
  std::error_code error;
  const auto all = all_attempts(output, token, error);
  if (!error && !all.empty() && all.rbegin()->first > fence)
    throw task_error{"another master has taken over the output directory " + output};
  for (auto it = all.rbegin(); !error && it != all.rend(); ++it) {
    if (it->first == fence) continue;
    fs::rename(it->second, own, error);
    if (error == std::errc::directory_not_empty) fs::remove_all(it->second, error);
  }
  if (!error) fs::create_directory(own, error);
  if (error)
    throw task_error{"cannot take over the output directory " + output + ": " + error.message()};
  sync_directory(temporary(output));
}

void find_output(const std::string& output, const std::string& token) {
  if (!is_ours(output, token))
    throw task_error{"the output directory " + output +
                     " is not the one that the job's master sees: inputs and output must lie on a "
                     "file system that "
                     "all nodes see"};
}

void commit_part(const std::string& output, const std::string& token, std::uint32_t partition,
                 const std::string& attempt) {
  if (!is_ours(output, token)) not_ours(output);
  const auto part = output + "/" + part_name(partition);
  may_fail(failpoint::commit_rename, part);
  if (std::rename(attempt.c_str(), part.c_str()) != 0) {
    const int error = errno;
    // looked at in this order: the part was there while the directory was ours
    if (error == ENOENT && exists(part) && is_ours(output, token)) return;
    throw task_error{"cannot rename " + attempt + " to " + part + ": " + std::strerror(error)};
  }
  may_fail(failpoint::commit_renamed, output);
  sync_directory(output);
  reached(failpoint::commit_synced);
}

void finish_output(const std::string& output, const std::string& token, std::uint32_t parts) {
  const auto success = output + "/_SUCCESS";
  for (std::uint32_t p = 0; p < parts; ++p)
    if (!exists(output + "/" + part_name(p)))
      throw task_error{"the output directory " + output + " lacks " + part_name(p) +
                       ", which was written: somebody else removed it"};
  if (!is_ours(output, token)) {
    if (exists(success) && !exists(token_file(output))) return;
    not_ours(output);
  }
  if (!exists(success)) {
    may_fail(failpoint::finish_success, success);
    auto f = file::create(success);
    f.sync();
    f.close();
    sync_directory(output);
  }
  // the token last: without it abort_output could not undo what fails before
  std::error_code error;
  if (reached(failpoint::finish_marked)) error = std::make_error_code(std::errc::io_error);
  if (!error) remove_attempts(output, token, error);
  if (!error) fs::remove(token_file(output), error);
  if (error)
    throw task_error{"cannot remove the temporary files in " + temporary(output) + ": " +
                     error.message()};
  fs::remove(temporary(output), error);  // unless somebody keeps files of his own there
  reached(failpoint::finish_done);
}

void abort_output(const std::string& output, const std::string& token, std::uint32_t parts) {
  if (!is_ours(output, token)) return;
  std::error_code ignored;
  remove_attempts(output, token, ignored);
  for (std::uint32_t p = 0; p < parts; ++p) remove_file(output + "/" + part_name(p));
  remove_file(output + "/_SUCCESS");
  remove_file(token_file(output));
  fs::remove(temporary(output), ignored);
  fs::remove(output, ignored);  // unless it holds something
}
}  // namespace troupe::mapreduce

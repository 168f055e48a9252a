#include "actors/mapreduce/job_input.hpp"

#include "actors/mapreduce/split_reader.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
namespace troupe::mapreduce {
namespace {
namespace fs = std::filesystem;
constexpr std::uint64_t windows = 128;
constexpr std::uint64_t window_bytes = 32 << 10;
constexpr std::size_t cut_bytes_max = 256;  // a cut need not be a whole key

std::int64_t nanoseconds(const fs::path& path, std::error_code& error) {
  const auto at = fs::last_write_time(path, error);
  return error ? 0
               : std::chrono::duration_cast<std::chrono::nanoseconds>(
                     std::chrono::file_clock::to_sys(at).time_since_epoch())
                     .count();
}

void list_directory(const std::string& path, std::vector<input_file>& to,
                    const std::atomic<bool>& cancelled) {
  std::error_code error;
  for (auto it = fs::recursive_directory_iterator(path, error); !error && it != fs::end(it);
       it.increment(error)) {
    if (cancelled) throw task_cancelled{};
    if (it->is_symlink(error) || !it->is_regular_file(error)) continue;
    const auto size = it->file_size(error);
    const auto changed = error ? 0 : nanoseconds(it->path(), error);
    if (error) break;
    if (size > 0) to.push_back({it->path().string(), size, changed});
  }
  if (error) throw task_error{"cannot list the input directory " + path + ": " + error.message()};
}

class sampler final : public map_sink {
 public:
  void add(std::string_view key, std::string_view) override {
    ++emitted;
    keys.emplace_back(key.substr(0, cut_bytes_max));
  }
  std::vector<std::string> keys{};

 private:
  void add_cell(combining_table::cell&, const hashed_key& key, std::uint64_t) override {
    keys.emplace_back(std::string_view{key.data, key.size}.substr(0, cut_bytes_max));
  }
};

// Adds the keys of one part of a file. A bad record ends it, with what it threw; whether that ends
// the job is for its map task to find out.
std::string sample(const job_class& job, const job_spec& spec, const piece& part,
                   const std::atomic<bool>& cancelled, sampler& sink) {
  const auto code = job.make(spec.settings);
  split_reader reader{job,
                      *code,
                      {.input = {.pieces = {part}, .bytes = part.length},
                       .record_max = record_max(spec),
                       .check = [&](std::uint64_t) {
                         if (cancelled) throw task_cancelled{};
                       }}};
  try {
    code->map(reader, sink);
    return {};
  } catch (const task_error&) {
    throw;
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "it threw something that is no std::exception";
  }
}
}  // namespace

std::vector<input_file> list_inputs(const std::vector<std::string>& paths,
                                    const std::atomic<bool>& cancelled) {
  if (paths.empty())
    throw task_error{"the job has no input: name files or directories with --input"};
  std::vector<input_file> files;
  for (const auto& path : paths) {
    std::error_code error;
    const auto status = fs::status(path, error);
    if (!fs::exists(status))
      throw task_error{"the input " + path + " does not exist on the master's node"};
    if (error) throw task_error{"cannot look at the input " + path + ": " + error.message()};
    if (fs::is_directory(status)) {
      list_directory(path, files, cancelled);
    } else if (fs::is_regular_file(status)) {
      const auto size = fs::file_size(path, error);
      const auto changed = error ? 0 : nanoseconds(path, error);
      if (error) throw task_error{"cannot look at the input " + path + ": " + error.message()};
      if (size > 0) files.push_back({path, size, changed});
    } else {
      throw task_error{"the input " + path + " is neither a file nor a directory"};
    }
  }
  // a file that was named twice, or named and lies in a directory that was, counts once
  std::sort(files.begin(), files.end(),
            [](const input_file& a, const input_file& b) { return a.path < b.path; });
  const auto same = [](const input_file& a, const input_file& b) { return a.path == b.path; };
  files.erase(std::unique(files.begin(), files.end(), same), files.end());
  return files;
}

std::vector<std::string> sample_keys(const job_class& job, const job_spec& spec,
                                     const std::vector<input_file>& files,
                                     const std::atomic<bool>& cancelled) {
  std::uint64_t bytes = 0;
  for (const auto& f : files) bytes += f.size;
  sampler sink;
  std::string failure;
  std::uint64_t before = 0, window = 0;
  const auto step = std::max<std::uint64_t>(bytes / windows, window_bytes);
  for (const auto& f : files) {
    for (; window < before + f.size; window += step) {
      const auto offset = window - before;
      const piece part{f.path, offset, std::min(window_bytes, f.size - offset)};
      if (auto why = sample(job, spec, part, cancelled, sink); !why.empty()) failure = why;
    }
    before += f.size;
  }
  if (sink.keys.empty() && !failure.empty())
    throw task_error{"the job's map failed on a sample of the input: " + failure};
  return std::move(sink.keys);
}
}  // namespace troupe::mapreduce

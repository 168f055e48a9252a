#include "actors/mapreduce/local_directory.hpp"

#include "runtime/log.hpp"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <string_view>
#include <utility>

#include <unistd.h>
namespace troupe::mapreduce {
namespace fs = std::filesystem;
namespace {
constexpr std::string_view prefix = "worker-";

void remove_files(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error)
    log::warn("mapreduce", "cannot remove local files of jobs",
              {{"directory", path.string()}, {"reason", error.message()}});
}

// The process that made worker-PID-N; 0: no such name.
int owner(std::string_view name) {
  if (!name.starts_with(prefix)) return 0;
  name.remove_prefix(prefix.size());
  int pid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
  return error == std::errc{} && end != name.data() + name.size() && *end == '-' ? pid : 0;
}
}  // namespace

local_directory::local_directory(std::string below, const std::string& name)
    : below_{std::move(below)} {
  path_ = below_ + "/" + name;
  if (!name.empty()) return;
  static std::atomic<std::uint64_t> workers = 0;
  path_ = below_ + "/" + std::string{prefix} + std::to_string(::getpid()) + "-" +
          std::to_string(++workers);
}

local_directory::~local_directory() { remove_files(path_); }

std::string local_directory::next(const std::string& job) {
  return path_ + "/" + job + "-" + std::to_string(++given_);
}

void local_directory::sweep() const {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{below_, error}) {
    const auto pid = owner(entry.path().filename().string());
    if (pid > 0 && pid != ::getpid() && ::kill(pid, 0) != 0 && errno == ESRCH)
      remove_files(entry.path());
  }
}
}  // namespace troupe::mapreduce

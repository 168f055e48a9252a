#include "cluster/data_directory.hpp"

#include "runtime/failpoint.hpp"
#include "runtime/log.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

namespace troupe {
namespace fs = std::filesystem;
namespace {
// Or a power cut after the rename may leave an empty file under the old one's name.
bool synced(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  const bool done = fd >= 0 && ::fdatasync(fd) == 0;
  if (fd >= 0) ::close(fd);
  return done;
}
}  // namespace

result<data_directory, std::string> data_directory::take(const std::string& path,
                                                         const std::string& node) {
  std::error_code failed;
  const bool temporary = path.empty();
  fs::path directory;
  if (temporary) {
    auto name = (fs::temp_directory_path(failed) / ("troupe-" + node + "-XXXXXX")).string();
    if (failed || !::mkdtemp(name.data()))
      return unexpected{"cannot make a temporary directory like " + name + ": " +
                        std::strerror(errno)};
    directory = name;
  } else {
    directory = fs::absolute(path);
    fs::create_directories(directory, failed);
    if (failed)
      return unexpected{"cannot make the data directory " + path + ": " + failed.message()};
  }
  const int lock = ::open((directory / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0)
    return unexpected{"cannot write into the data directory " + path + ": " + std::strerror(errno)};
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock);
    return unexpected{"the data directory " + path +
                      " is in use by another process: each node needs one of its own"};
  }
  if (reached(failpoint::data_taken)) {
    ::close(lock);
    return unexpected{"cannot take the data directory " + path + ": " + std::strerror(EIO)};
  }
  return data_directory{std::move(directory), lock, temporary};
}

std::vector<std::string> data_directory::members() const {
  std::ifstream file{path_ / "members"};
  std::vector<std::string> found;
  for (std::string line; std::getline(file, line);)
    if (!line.empty()) found.push_back(line);
  return found;
}

void data_directory::remember(const std::vector<std::string>& members) const {
  const auto file = path_ / "members", fresh = path_ / "members.new";
  std::error_code failed;
  if (members.empty()) {
    fs::remove(file, failed);
    return;
  }
  const bool unwritten = reached(failpoint::data_members_write);
  std::ofstream out{fresh, std::ios::trunc};
  if (unwritten) out.setstate(std::ios::badbit);
  for (const auto& address : members) out << address << '\n';
  out.close();
  if (out && !synced(fresh)) out.setstate(std::ios::badbit);
  if (out && reached(failpoint::data_members_rename))
    failed = std::make_error_code(std::errc::io_error);
  else if (out)
    fs::rename(fresh, file, failed);
  reached(failpoint::data_members_renamed);
  if (!out || failed)
    log::warn("node", "cannot note down the other members", {{"file", file.string()}});
}

data_directory::data_directory(data_directory&& other) noexcept
    : path_{std::move(other.path_)}, lock_{other.lock_}, temporary_{other.temporary_} {
  other.lock_ = -1;
}

data_directory::~data_directory() {
  if (lock_ < 0) return;
  std::error_code ignored;
  if (temporary_) fs::remove_all(path_, ignored);
  ::close(lock_);
}
}  // namespace troupe

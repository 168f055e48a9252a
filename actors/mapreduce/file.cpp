#include "actors/mapreduce/file.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
namespace troupe::mapreduce {
namespace {
[[noreturn]] void fail(const std::string& what, const std::string& path, int error) {
  std::string hint;
  if (error == ENOSPC || error == EDQUOT) hint = "; free space there, or choose another directory";
  if (error == ENOENT) hint = "; inputs and output must lie on a file system that all nodes see";
  if (error == EMFILE || error == ENFILE) hint = "; raise the limit on open files (ulimit -n)";
  throw file_error{"cannot " + what + " " + path + ": " + std::strerror(error) + hint, error};
}
template <class Call>
auto retried(Call&& call) {
  auto done = call();
  while (done < 0 && errno == EINTR) done = call();
  return done;
}
}  // namespace

void may_fail(failpoint where, const std::string& path) {
  if (reached(where)) fail("write", path, EIO);
}

file file::open(const std::string& path) {
  const int fd = retried([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY); });
  if (fd < 0) fail("open", path, errno);
  return {path, fd};
}

file file::create(const std::string& path) {
  const int fd = retried(
      [&] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0666); });
  if (fd < 0) fail("create", path, errno);
  return {path, fd};
}

file file::scratch(const std::string& path) {
  auto made = create(path);
  remove_file(path);
  return made;
}

file::~file() {
  if (fd_ >= 0) ::close(fd_);
}

file::status file::state() const {
  struct stat found {};
  if (::fstat(fd_, &found) != 0) fail("look at", path_, errno);
  return {static_cast<std::uint64_t>(found.st_size),
          std::int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + found.st_mtim.tv_nsec};
}

std::size_t file::read_some(char* to, std::size_t bytes, std::uint64_t offset) const {
  const auto got = retried([&] { return ::pread(fd_, to, bytes, static_cast<off_t>(offset)); });
  if (got < 0) fail("read", path_, errno);
  return static_cast<std::size_t>(got);
}

void file::read(char* to, std::size_t bytes, std::uint64_t offset) const {
  while (bytes > 0) {
    const auto got = read_some(to, bytes, offset);
    if (got == 0) throw file_error{"cannot read " + path_ + ": it is shorter than it was", 0};
    to += got;
    bytes -= got;
    offset += got;
  }
}

void file::append(std::string_view bytes) const {
  while (!bytes.empty()) {
    const auto put = retried([&] { return ::write(fd_, bytes.data(), bytes.size()); });
    if (put < 0) fail("write", path_, errno);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
}

void file::sync() const {
  if (retried([&] { return ::fdatasync(fd_); }) != 0) fail("sync", path_, errno);
}

void file::close() {
  if (fd_ >= 0 && ::close(std::exchange(fd_, -1)) != 0 && errno != EINTR)
    fail("close", path_, errno);
}

void remove_file(const std::string& path) noexcept { ::unlink(path.c_str()); }

void sync_directory(const std::string& path) {
  const int fd = retried([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (fd < 0) fail("open", path, errno);
  const int done = retried([&] { return ::fsync(fd); });
  const int error = errno;
  ::close(fd);
  // some network file systems sync directories by themselves and refuse to be asked
  if (done != 0 && error != EINVAL && error != ENOTSUP) fail("sync", path, error);
}
}  // namespace troupe::mapreduce

// Files as the data path uses them: each failure is a task_error that names the file and says why.
// Descriptors are close-on-exec and closed with their object.
#pragma once
#include "actors/mapreduce/task_code.hpp"
#include "runtime/failpoint.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
namespace troupe::mapreduce {
class file_error : public task_error {
 public:
  file_error(const std::string& sentence, int code) : task_error{sentence}, code_{code} {}
  int code() const { return code_; }  // errno's; 0: the file is too short

 private:
  int code_;
};

// Throws EIO where that failpoint is to fail.
void may_fail(failpoint where, const std::string& path);

class file {
 public:
  file() = default;
  static file open(const std::string& path);    // to read
  static file create(const std::string& path);  // to write and read; an error where there is one
  static file scratch(
      const std::string& path);  // the same without a name: gone when it is closed, or with us
  file(file&& from) noexcept : path_{std::move(from.path_)}, fd_{std::exchange(from.fd_, -1)} {}
  file& operator=(file&& from) noexcept {
    std::swap(path_, from.path_);
    std::swap(fd_, from.fd_);
    return *this;
  }
  ~file();

  explicit operator bool() const { return fd_ >= 0; }
  int descriptor() const { return fd_; }
  const std::string& path() const { return path_; }
  std::uint64_t size() const { return state().size; }
  struct status {
    std::uint64_t size = 0;
    std::int64_t changed = 0;  // nanoseconds since 1970
  };
  status state() const;
  std::size_t read_some(char* to, std::size_t bytes, std::uint64_t offset) const;  // 0: the end
  void read(char* to, std::size_t bytes, std::uint64_t offset) const;  // all, or an error
  void append(std::string_view bytes) const;
  void sync() const;
  void close();  // with its error, which is where some file systems report a full disk

 private:
  file(std::string path, int fd) : path_{std::move(path)}, fd_{fd} {}
  std::string path_{};
  int fd_ = -1;
};

// Appends, and knows how far it is.
class file_writer {
 public:
  explicit file_writer(file& to) : to_{to} {}
  void append(std::string_view bytes) {
    to_.append(bytes);
    offset_ += bytes.size();
  }
  std::uint64_t offset() const { return offset_; }

 private:
  file& to_;
  std::uint64_t offset_ = 0;
};

void remove_file(const std::string& path) noexcept;
void sync_directory(const std::string& path);
}  // namespace troupe::mapreduce

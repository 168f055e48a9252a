// The directory of a store, held by one process: whose it is, and how far what it holds was acknowledged.
//   DIR/lock          held while a process has the directory
//   DIR/identity      the format, the node, the cluster and the store's life, with a checksum; text
//   DIR/acknowledged  the number of the last write that was told to be durable, and a checksum. Written behind each sync
//                     and never synced itself: the log below must reach it, so that an end that is gone, or one that
//                     looks like a torn tail and was none, is found
//   DIR/creating      there while a first start makes the rest: what it left when it died is made anew
//   DIR/db            RocksDB's
//   Promises  a directory that is not a journal's is refused before anything in it is touched
//   Beware    the mark says "at least": after a power cut it may be older than the log, never newer
#pragma once
#include "runtime/journal/journal.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
namespace troupe::journal {
// What errno, or a text of RocksDB that holds its message, means for `doing` at `where`.
failure system_failure(int error, const std::string& doing, const std::string& where);
// Its own words, what to run, for what is not as it was written.
failure damaged(cause why, const std::string& what, const std::filesystem::path& directory);

class directory {
 public:
  enum class purpose : std::uint8_t {
    use,
    look
  };  // to look is to need no right to write, and to make nothing
  static result<directory, failure> take(const std::filesystem::path& path, purpose why);
  directory(directory&& other) noexcept;
  directory& operator=(directory&&) = delete;
  ~directory();

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path database() const { return path_ / "db"; }

  bool unmade() const { return unmade_; }  // new, or left by a first start that died
  result<void, failure> begin_making();
  result<void, failure> end_making(const identity& of);  // and everything is durable

  result<identity, failure> read_identity() const;
  result<void, failure> write_identity(const identity& of) const;

  // None: it cannot be read. Another life's does not count.
  std::optional<std::uint64_t> acknowledged(std::uint64_t life) const;
  result<void, failure> open_mark();
  void acknowledge(std::uint64_t life, std::uint64_t number) const;

 private:
  directory(std::filesystem::path path, int lock) : path_{std::move(path)}, lock_{lock} {}
  std::filesystem::path path_;
  int lock_ = -1, mark_ = -1;
  bool unmade_ = false;
};

// Durable under its name when it returns.
result<void, failure> write_durably(const std::filesystem::path& file, const std::string& bytes);
result<void, failure> sync_directory(const std::filesystem::path& path);
}  // namespace troupe::journal

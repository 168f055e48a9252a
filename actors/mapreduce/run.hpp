// Sorted runs of records: what a map spills, what its output's segments are, what a reducer merges.
//   Block    payload bytes (u32), the low half of the payload's XXH64 (u32), payload
//   Payload  whole records: key bytes, value bytes (both LEB128), key, value
//   Run      blocks one behind the other, sorted by key, equal keys in the order of the input
//   Damage   a block that fails its sum, or does not parse, is a task_error: no record of it is
//   seen
#pragma once
#include "actors/mapreduce/file.hpp"
#include "patterns/mapreduce/checksum.hpp"
#include "patterns/mapreduce/merge.hpp"
#include "patterns/mapreduce/messages.hpp"

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>
namespace troupe::mapreduce {
inline constexpr std::size_t run_block_bytes =
    32 << 10;  // a reader keeps one; one large record makes a larger one

class run_writer {
 public:
  explicit run_writer(file_writer& to) : to_{to}, start_{to.offset()} {
    block_.assign(header, '\0');
  }
  void add(std::string_view key, std::string_view value);
  segment finish();

 private:
  static constexpr std::size_t header = 8;
  void flush();
  file_writer& to_;
  std::uint64_t start_;
  std::uint64_t records_ = 0;
  checksum sum_{};
  std::string block_{};
};

// Where a run's bytes are on disk; more than one extent if it arrived in parts between others.
struct extent {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

class run_reader {
 public:
  explicit run_reader(std::string_view in_memory) : memory_{in_memory} {}
  // The file outlives the reader.
  run_reader(const file& from, std::vector<extent> extents);
  run_reader(const file& from, std::uint64_t offset, std::uint64_t bytes)
      : run_reader{from, std::vector<extent>{{offset, bytes}}} {}

  bool next();  // false: the run's end
  std::string_view key() const { return key_; }
  std::string_view value() const { return value_; }

 private:
  bool next_block();
  void fill(char* to, std::size_t bytes);
  [[noreturn]] void damaged(const char* how) const;
  std::string_view memory_{};
  const file* file_ = nullptr;
  std::vector<extent> extents_{};
  std::size_t extent_ = 0;
  std::uint64_t left_ = 0;
  std::vector<char> buffer_{};
  const char* at_ = nullptr;  // in the block
  const char* end_ = nullptr;
  std::string_view key_{};
  std::string_view value_{};
};

// The first 8 bytes of a key such that their order as numbers is that of the bytes.
inline std::uint64_t key_prefix(std::string_view key) {
  std::uint64_t prefix = 0;
  if (key.size() >= 8) {
    std::memcpy(&prefix, key.data(), 8);
    return __builtin_bswap64(prefix);
  }
  for (std::size_t i = 0; i < key.size(); ++i)
    prefix |= static_cast<std::uint64_t>(static_cast<unsigned char>(key[i])) << (56 - 8 * i);
  return prefix;
}

// The records of several runs in the order of keys; equal keys in the order of the runs.
class merger {
 public:
  explicit merger(std::vector<std::unique_ptr<run_reader>> runs);
  bool next();
  std::string_view key() const { return tree_.top().key(); }
  std::string_view value() const { return tree_.top().value(); }
  std::uint64_t bytes_read() const { return bytes_; }

 private:
  class cursor {
   public:
    explicit cursor(std::unique_ptr<run_reader> run) : run_{std::move(run)} { next(); }
    bool done() const { return done_; }
    const cursor& head() const { return *this; }
    void next() {
      done_ = !run_->next();
      if (!done_) prefix_ = key_prefix(run_->key());
    }
    std::uint64_t prefix() const { return prefix_; }
    std::string_view key() const { return run_->key(); }
    std::string_view value() const { return run_->value(); }

   private:
    std::unique_ptr<run_reader> run_;
    std::uint64_t prefix_ = 0;
    bool done_ = false;
  };
  struct before {
    bool operator()(const cursor& a, const cursor& b) const {
      return a.prefix() != b.prefix() ? a.prefix() < b.prefix() : a.key() < b.key();
    }
  };
  static std::vector<cursor> cursors(std::vector<std::unique_ptr<run_reader>> runs);
  loser_tree<cursor, before> tree_;
  std::uint64_t bytes_ = 0;  // of the records so far
  bool started_ = false;
};
}  // namespace troupe::mapreduce

// Reads a split's records in blocks.
//   Records   belong to the piece in which they start (patterns/mapreduce/splits.hpp): a piece that
//             begins inside a file looks for its first record, and reads its last one to the end
//   Memory    one block of 256 KiB, more only for a longer record, up to `record_max`
//   Errors    a file that cannot be read, is shorter than planned, or holds a record that is too
//             long: task_error
#pragma once
#include "actors/mapreduce/file.hpp"
#include "actors/mapreduce/task_code.hpp"
#include "patterns/mapreduce/messages.hpp"

#include <array>
#include <functional>
#include <set>
#include <string>
#include <vector>
namespace troupe::mapreduce {
inline constexpr std::uint64_t record_max_default = 64 << 20;

struct reading {
  split input{};
  std::vector<record_position> skip{};
  bool single_records = false;  // blocks of one record each, to find the one that crashes the job
  std::uint64_t record_max = record_max_default;
  std::function<void(std::uint64_t bytes)>
      check{};  // now and then, with the bytes mapped; throws when the attempt is cancelled
};

// The longest record that a job reads: troupe.record_bytes_max, where that is set.
std::uint64_t record_max(const job_spec& spec);

class split_reader final : public record_source {
 public:
  split_reader(const job_class& job, const task_code& code, reading what);
  bool next(block& to) override;
  bool skip(std::uint64_t offset) override;

  const std::string& path() const { return path_; }  // of the file that is being read
  std::uint64_t bytes() const { return bytes_; }     // read, up to the end of the current block
  std::uint64_t skipped() const { return skipped_; }

 private:
  void tick() override;
  bool open_next();
  void check_unchanged(const piece& p) const;
  void find_first_record();
  bool next_in_piece(block& to);
  bool read_more();  // false: the file's end
  std::size_t block_end(bool at_file_end) const;
  std::uint64_t begin_offset() const { return end_offset_ - (filled_ - begin_); }
  bool separates(char c) const { return separators_[static_cast<unsigned char>(c)]; }

  records format_;
  reading what_;
  std::array<bool, 256> separators_{};
  std::size_t piece_ = 0;
  file file_{};
  std::string path_{};
  std::set<std::uint64_t> skips_{};  // of this file
  std::vector<char> buffer_;
  std::size_t begin_ = 0;         // of what is in the buffer and not handed out
  std::size_t filled_ = 0;        // its end
  std::uint64_t end_offset_ = 0;  // in the file, of filled_
  std::uint64_t piece_end_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t block_end_ = 0;  // its offset in the file
  std::uint64_t skipped_ = 0;
};
}  // namespace troupe::mapreduce

// What stands between a job's class and the code that runs its tasks. A job's loops over records
// and groups are compiled with the job (job.hpp); what crosses this line is a block of records or a
// group's next value. Users need job.hpp alone.
#pragma once
#include "actors/mapreduce/map_sink.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <time.h>
namespace troupe::mapreduce {
// A failure of the task's surroundings (a full disk, a vanished file, a cancelled attempt), with
// the sentence for the user. It is an exception because it has to cross the user's map or reduce,
// in whose emit it shows.
class task_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The attempt is no longer wanted; nobody reads the sentence.
class task_cancelled : public task_error {
 public:
  task_cancelled() : task_error{"the attempt was cancelled"} {}
};

// What a job's combine threw: no single record is to blame for it.
[[noreturn, gnu::cold, gnu::noinline]] inline void combine_failed() {
  try {
    throw;
  } catch (const task_error&) {
    throw;
  } catch (const std::exception& e) {
    throw task_error{std::string{"the job's combine failed: "} + e.what()};
  } catch (...) {
    throw task_error{"the job's combine failed: it threw what is no std::exception"};
  }
}

// How the input is cut for the job's map.
enum class records : std::uint8_t {
  lines,   // a line without its \n; a \r before it stays
  blocks,  // many whole records of text at once, ended by the job's separators; for jobs that look
           // at words
  files,   // a whole file, whatever its bytes
};

// When a loop over records is to look up from its work: every 64 of them, and sooner where they are
// slow.
class pace {
 public:
  bool due() {
    const auto now = coarse_milliseconds();
    if ((++count_ & 63) != 0 && now - last_ < 50) return false;
    last_ = now;
    return true;
  }

 private:
  static std::int64_t coarse_milliseconds() {  // a few nanoseconds; the clock moves every 4 ms
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
  }
  std::int64_t last_ = coarse_milliseconds();
  std::uint32_t count_ = 0;
};

// Whole records of one file, one behind the other.
struct block {
  const char* begin = nullptr;
  const char* end = nullptr;  // behind it at least `block_slack` bytes may be read, of any content
  std::string_view file{};
  std::uint64_t offset = 0;   // of begin, in the file
  bool some_skipped = false;  // records in it have to be asked about with `skip`
};
inline constexpr std::size_t block_slack = 64;

class record_source {
 public:
  virtual ~record_source() = default;
  virtual bool next(block& to) = 0;  // false: the split is read
  virtual bool skip(
      std::uint64_t offset) = 0;  // true: this record of the current block is to be passed over

  // Before each record.
  void begins(std::uint64_t offset) {
    at = offset;
    ++count;
    if (pace_.due()) tick();
  }

  std::uint64_t at =
      0;  // the offset of the record that is being mapped, for whom the job throws at
  std::uint64_t count = 0;

 protected:
  virtual void tick() = 0;  // reports progress, and throws when the attempt is cancelled

 private:
  pace pace_{};
};

// Groups of one partition, in the order of the keys' bytes; a group's values come one at a time, in
// the order of the maps and, within a map, of its emits.
class group_source {
 public:
  virtual ~group_source() = default;
  virtual bool next_group() = 0;  // passes over values that were not taken
  virtual bool next_value(
      std::string_view& value) = 0;  // valid until the next call; false: the group's end
  const std::string& key() const { return key_; }

 protected:
  std::string key_;
};

// The part's bytes.
class part_sink {
 public:
  virtual ~part_sink() = default;
  void write(std::string_view bytes) {
    buffer_.append(bytes);
    if (buffer_.size() >= flush_at) flush();
  }
  std::string& buffer() { return buffer_; }  // to append to; `record_done` after each record
  void record_done() {
    ++count;
    if (buffer_.size() >= flush_at) flush();
  }

  std::uint64_t count = 0;

 protected:
  virtual void flush() = 0;
  static constexpr std::size_t flush_at = 256 << 10;
  std::string buffer_{};
};

using job_counters = std::map<std::string, std::int64_t>;
using job_settings = std::map<std::string, std::string>;

// One job's code, made anew for each attempt and used by one thread.
class task_code {
 public:
  virtual ~task_code() = default;
  virtual void map(record_source& from, map_sink& to) = 0;
  virtual void reduce(group_source& from, part_sink& to) = 0;
  // `into` and `next` are encoded values of one key.
  virtual void combine(std::string& into, std::string_view next) = 0;
  // The job's own partitioner; what it returns is checked by the caller.
  virtual std::uint32_t partition(std::string_view encoded_key, std::uint32_t parts) = 0;
  virtual bool separator(char c) const = 0;
  virtual const job_counters& counters() const = 0;
};

// A setting that a job knows, for `--set` and its messages.
struct job_setting {
  const char* name;
  const char* help;
  bool required = false;
};

enum class partitioning : std::uint8_t {
  hash,   // of the key's bytes
  range,  // by cut points that are sampled from the input, so that the parts one behind the other
          // are in order
  own,    // the job has a member `partition`
};

// What a job is, before it runs.
struct job_class {
  std::string name;
  std::string help;
  std::vector<job_setting> settings;
  records format = records::lines;
  partitioning parts = partitioning::hash;
  bool combines = false;
  bool in_place = false;          // combined in the map's hash table (map_sink.hpp)
  std::uint32_t value_bytes = 0;  // of a value that is combined in place
  bool skip_bad_records = false;
  std::uint64_t library_sum = 0;  // checksum of the library that has it; 0: compiled in
  std::shared_ptr<task_code> (*make)(const job_settings&) =
      nullptr;  // throws what the job's setup throws
};
}  // namespace troupe::mapreduce

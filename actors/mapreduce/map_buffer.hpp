// The buffer under a map: bounded in memory, spilling sorted runs to local disk, merging them at
// the end. Source: Dean and Ghemawat, OSDI 2004, 3.1 and 4.3; buffer and index as Hadoop has them.
//   Promises  one file with a sorted run for each partition, whatever the order and number of
//   emits;
//             equal keys stay in the order of their emits, unless they are combined
//   Memory    `memory` bytes, at least 16 KiB, and one record more; a block for each spill in a
//   merge Files     NAME.out, removed unless `finish` returned it, and a nameless one for spills
#pragma once
#include "actors/mapreduce/file.hpp"
#include "actors/mapreduce/map_sink.hpp"
#include "actors/mapreduce/run.hpp"
#include "actors/mapreduce/task_code.hpp"

#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>
namespace troupe::mapreduce {
struct map_buffer_settings {
  std::uint32_t parts = 1;
  std::vector<std::string> cuts{};  // for partitioning::range
  std::uint64_t memory = 64 << 20;
  std::string path{};  // directory and NAME
  // now and then, with the bytes sorted and merged; throws when the attempt is cancelled
  std::function<void(std::uint64_t)> check{};
};

// Folds the values of equal keys that come one behind the other into one, where the job combines.
class combining_writer {
 public:
  combining_writer(run_writer& to, task_code* code) : to_{to}, code_{code} {}
  void add(std::string_view key, std::string_view value);
  segment finish();

 private:
  run_writer& to_;
  task_code* code_;  // nullptr: the job does not combine
  bool pending_ = false;
  std::string key_{};
  std::string value_{};
};

class map_buffer final : public map_sink {
 public:
  map_buffer(const job_class& job, task_code& code, map_buffer_settings settings);
  ~map_buffer() override;
  void add(std::string_view key, std::string_view value) override;
  map_output finish();

  std::uint64_t spilled_records() const { return spilled_; }
  std::uint64_t emitted_bytes() const { return bytes_; }

 private:
  struct entry {  // of the sort buffer; they grow down from its end, records up from its begin
    std::uint64_t prefix;
    std::uint32_t offset;
    std::uint32_t part;
  };
  using sorted_record =
      std::function<void(std::uint32_t part, std::string_view key, std::string_view value)>;
  using runs = std::vector<segment>;  // by partition

  void add_cell(combining_table::cell& empty, const hashed_key& key, std::uint64_t bits) override;
  std::uint32_t part_of(std::string_view key);
  std::string_view key_at(const entry& e) const;
  std::string_view value_at(const entry& e) const;
  entry* first_entry() const;
  void append(std::string_view key, std::string_view value);
  void guarded(const std::function<void()>& step);
  void spill();
  runs write_sorted(file_writer& to);
  std::size_t sort_bytes() const;
  void for_each_cell(const sorted_record& f);
  void for_each_entry(const sorted_record& f);
  bool empty() const { return table_.used() == 0 && entries_ == 0; }
  void clear();
  void merge_spills();
  segment merge(const std::vector<runs>& from, std::size_t begin, std::size_t end,
                std::uint32_t part, file_writer& to);
  std::size_t fan_in() const;
  void tick(std::size_t bytes);

  const job_class& job_;
  task_code& code_;
  map_buffer_settings settings_;
  std::unique_ptr<char[], decltype(&std::free)> memory_{nullptr, &std::free};
  std::size_t used_ = 0;
  std::size_t entries_ = 0;
  file spill_file_{};
  std::unique_ptr<file_writer> spill_writer_{};
  std::vector<runs> spills_{};
  std::uint64_t spilled_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t worked_ = 0;  // bytes sorted and merged
  pace pace_{};
  std::exception_ptr failed_{};  // kept, lest the job's map swallows it
  bool finished_ = false;
};
}  // namespace troupe::mapreduce

// A reducer's input: its partition's segments, as the shuffle delivers them, and then their merge.
//   Memory    segments stay in memory up to half the bound, then go to a nameless local file as
//   they
//             are; the merge holds a block of each run on disk, and merges neighbours first where
//             there are many
//   Promises  groups in the order of keys, values in the order of the maps; damage is found before
//             it is used
#pragma once
#include "actors/mapreduce/executor.hpp"
#include "actors/mapreduce/run.hpp"
#include "actors/mapreduce/task_code.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>
namespace troupe::mapreduce {
struct reduce_input_settings {
  std::uint32_t maps = 0;
  std::uint64_t memory = 64 << 20;
  std::string path{};            // of the spill file
  task_code* combine = nullptr;  // where the job combines
  // now and then, with the bytes fetched and merged; throws when the attempt is cancelled
  std::function<void(std::uint32_t thousandths, std::uint64_t bytes)> check{};
};

class reduce_input final : public group_source {
 public:
  explicit reduce_input(reduce_input_settings settings);
  void fetch(shuffle& from);  // until all has come
  void merge();               // then groups can be asked for

  bool next_group() override;
  bool next_value(std::string_view& value) override;

  std::uint64_t groups() const { return groups_; }
  std::uint64_t records() const { return records_; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t spilled_records() const { return spilled_; }

 private:
  struct arrival {
    std::string memory{};
    std::vector<extent> extents{};
    std::unique_ptr<file>
        local{};  // of this worker's own map; nullptr: extents are in the spill file
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
    bool on_disk() const { return !extents.empty(); }
  };
  void take(shuffle_event&& event, shuffle& from);
  void take_local(const shuffle_event& event, shuffle& from);
  void make_room();
  std::unique_ptr<run_reader> reader(const arrival& a) const;
  void merge_neighbours();
  arrival merged(std::size_t begin, std::size_t end);
  std::size_t fan_in() const;
  void tick();

  reduce_input_settings settings_;
  std::map<std::uint32_t, arrival> arrivals_{};  // by map
  std::vector<arrival> runs_{};
  std::uint64_t in_memory_ = 0;
  file spill_file_{};
  std::unique_ptr<file_writer> spill_{};
  std::unique_ptr<merger> merger_{};
  enum class place { group_start, first_value, later_value, end } at_ = place::end;  // of the merge
  pace pace_{};
  std::uint64_t worked_ = 0;  // bytes fetched and merged beforehand
  std::uint64_t groups_ = 0, records_ = 0, bytes_ = 0, spilled_ = 0, fetched_ = 0;
};
}  // namespace troupe::mapreduce

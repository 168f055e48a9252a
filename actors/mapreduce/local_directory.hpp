// A worker's own directory for local files, below one that workers of later processes may share: its
// name has the process's number and a running one, so that no two ever meet in the same.
//   Promises  gone with its last holder; what killed processes left behind goes by sweep()
#pragma once
#include <atomic>
#include <cstdint>
#include <string>
namespace troupe::mapreduce {
class local_directory {
 public:
  // With a name it has that one, and the caller sees to it that nobody else has.
  explicit local_directory(std::string below, const std::string& name = {});
  ~local_directory();
  local_directory(const local_directory&) = delete;
  local_directory& operator=(const local_directory&) = delete;

  // A path for one job; another one with each call. Nothing is made here.
  std::string next(const std::string& job);
  // Removes the directories of processes that are gone. Blocks.
  void sweep() const;

 private:
  std::string below_;
  std::string path_;
  std::atomic<std::uint64_t> given_ = 0;
};
}  // namespace troupe::mapreduce

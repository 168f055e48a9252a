// Whose turn it is when a slot is free and several jobs want it: max-min fairness by running tasks.
// Source: A. Ghodsi et al., "Dominant Resource Fairness", NSDI 2011, with one resource; as Hadoop's
//         fair scheduler
//   Promises  the slot goes to the job with the fewest running tasks for its weight; of several, to
//             the one served longest ago, then to the lowest id. So no job starves: one without
//             running tasks gets one of the next N slots, N being the number of jobs that want any
//   Beware    `pick` takes nothing away: a job that comes late waits until tasks of others end. For
//             reduces, which may sit on their slots for as long as maps run, `excess` says who has
//             too many
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>
namespace troupe::mapreduce {
class fair {
 public:
  struct claim {
    std::string id;
    std::uint32_t weight = 1;  // 0 counts as 1
    std::uint32_t running = 0;
  };
  // One of the claims, which must not be empty, by its place; it counts as served.
  std::size_t pick(const std::vector<claim>& claims);
  void forget(const std::string& id) { served_.erase(id); }

  // How many tasks each of the claims runs beyond its share, as far as others of them lack theirs.
  struct need {
    std::uint32_t weight = 1;
    std::uint32_t running = 0;
    std::uint32_t waiting = 0;  // tasks that would run if there were slots
  };
  static std::vector<std::uint32_t> excess(const std::vector<need>& of, std::uint32_t slots);

 private:
  std::map<std::string, std::uint64_t> served_;  // when last, in picks
  std::uint64_t picks_ = 0;
};
}  // namespace troupe::mapreduce

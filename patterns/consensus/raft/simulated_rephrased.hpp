// What a leader of another make says beside what ours says. All of it is true by figures 2 and 13:
// heartbeats that are empty requests, requests from further back or with less in them than there is,
// parts of other snapshots of what is committed. Ours begins where the logs meet and finishes the
// snapshot that it began, which makes up for what a follower would do wrong; another's does not.
#pragma once
#include "patterns/consensus/raft/raft.hpp"
#include "patterns/simulation/random.hpp"
namespace troupe::raft::simulated {
class rephrased {
 public:
  explicit rephrased(std::uint64_t seed) : chance_{seed} {}
  // After a step that said `said`; most often nothing.
  std::vector<letter> beside(const replica& core, const std::vector<letter>& said);

 private:
  static constexpr std::size_t snapshots_kept = 4;
  append_request shorter(const replica& core, const append_request& m);
  snapshot_part of_another(const replica& core, const snapshot_part& m);
  simulation::generator chance_;
  std::deque<snapshot> snapshots_;  // the core's, also those that it has replaced
};
}  // namespace troupe::raft::simulated

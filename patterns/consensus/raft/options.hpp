// How a group of replicas behaves; the same for all of them.
#pragma once
#include "patterns/consensus/raft/progress.hpp"
namespace troupe::raft {
struct options {
  duration heartbeat = std::chrono::milliseconds{40};
  // Beats come at multiples of that on the leader's clock, so that those of many groups come together.
  bool beats_in_time = false;
  // Followers are told of a commit that nothing follows so much later.
  duration tell_commit = std::chrono::milliseconds{1};
  // Without a word of a leader for one to two of these an election begins. Also how long a vote is
  // refused after a leader was heard, and how long a leader leads without a majority's word.
  duration election = std::chrono::milliseconds{200};
  // After the connection to the leader broke, at most this.
  duration election_after_loss = std::chrono::milliseconds{60};
  // Reads are answered by the lease alone, without a round (6.4.1). Elections then never come early.
  bool lease_reads = false;
  std::uint32_t drift_per_mille = 50;  // the most that two clocks' rates differ by
  window flow{};
  std::uint64_t request_bytes = 512U << 10U;  // entries in one message
  std::uint64_t part_bytes = 1U << 20U;       // of a snapshot
  std::uint64_t snapshot_max = 4ULL << 30U;
  std::uint64_t log_bytes = 32U << 20U;          // of entries, then a snapshot is due
  std::uint64_t uncommitted_bytes = 64U << 20U;  // then proposals are refused
  std::uint64_t lag_max = 1'000;  // entries that a learner may lack when it becomes a voter
};
}  // namespace troupe::raft

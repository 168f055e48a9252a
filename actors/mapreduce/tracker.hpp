// One node's tracker: takes jobs, is the master of those it took, and shares out the slots that
// workers offer among them.
//   Promises  what patterns/mapreduce/job.hpp promises, for each job; a job is mastered by the
//             tracker that took it, whatever tracker its user asks about it; an accepted job is
//             listed until `kept` more have ended
//             where there is a replicated log, an accepted job ends whatever nodes die, while a
//             majority of the log's voters lives: another tracker takes it over (job_book.hpp)
//   Assumes   peer_up and peer_down name the workers of all nodes, this one's among them, by the
//             names of their nodes
//   Beware    without a log the jobs of a tracker end with it: its workers drop them
#pragma once
#include "actors/mapreduce/executor.hpp"
#include "runtime/event_log.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe::mapreduce {
struct tracker_settings {
  std::string id{};         // the node's name
  std::uint64_t epoch = 0;  // of this life of the node: part of the job ids
  std::shared_ptr<executor> code{};
  event_log_ptr events = event_log::none();
  std::chrono::milliseconds tick_every{100};
  std::chrono::milliseconds gather{1};  // offers wait so long, to be shared out evenly
  std::size_t kept = 100;
  caf::actor log{};  // the way to the replicated map (actors/consensus/client.hpp); null: there is none
  std::chrono::milliseconds lease{5'000};  // a master that is not heard of for so long is replaced
};
// The node whose tracker gave a job this id; empty: none can have.
std::string master_of(const std::string& job);
// Accepts peer_up and peer_down of workers, and what users send (protocol.hpp).
caf::actor spawn_tracker(caf::actor_system& system, tracker_settings settings);
}  // namespace troupe::mapreduce

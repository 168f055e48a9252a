// One node's worker: it offers its free slots to the trackers that want them, runs what it is given
// in threads of its own, keeps the outputs of its maps for reducers, and reports.
//   Promises  no more attempts at a time than slots; several trackers share them fairly; what a
//             tracker ordered ends when the tracker does; where another may take the job over, its
//             maps run on and its outputs stay, for `orphans_kept`, and from then on orders of the
//             former one are refused; a job's local files go when the job is
//             closed; a report is repeated until its tracker has it or is gone; one that leaves
//             gives back what has not ended after half its time
//   Beware    an attempt whose code does not look at its cancel flag keeps its thread; its slot is
//             given back after `patience`, and the thread is counted as abandoned
#pragma once
#include "actors/mapreduce/executor.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe::mapreduce {
struct worker_settings {
  std::string id{};                // under which trackers announce it: the node's name
  std::string directory{};         // for local files; made where missing, and no other's
  std::string directory_name{};    // of its own below it; empty: one by the process's number
  std::uint32_t map_slots = 0;     // 0: one for each core
  std::uint32_t reduce_slots = 0;  // 0: as many
  caf::actor tracker{};            // of the same node
  std::shared_ptr<executor> code{};
  std::chrono::milliseconds report_every{200};  // progress
  std::chrono::milliseconds patience{10'000};
  std::chrono::milliseconds orphans_kept{
      60'000};                                    // jobs whose master is gone, until another claims
  std::chrono::milliseconds leave_within{3'000};  // half of it for attempts to end by themselves
};
// Accepts greet, demand and orders of trackers, and leave_work.
caf::actor spawn_worker(caf::actor_system& system, worker_settings settings);
}  // namespace troupe::mapreduce

// What trackers, workers and users send each other as actor messages; what needs no handles is in
// patterns/mapreduce/messages.hpp.
//   User to tracker     submit, list_jobs, find_job, cancel_job, follow_job
//   Tracker to worker   greet, demand, map_order, reduce_order, located, kill_attempt, close_job,
//                       decline, claim_job. Those of a job's former master are refused: by its fence
//   Worker to tracker   greeted (answer), slot_offer, worker_leaves, and the reports of attempts
//   Reducer to outputs  fetch; the segment comes by a channel (actors/link/channel.hpp)
//   Node to both        peer_up, peer_down (runtime/peers.hpp) to trackers; leave_work to its worker
#pragma once
#include "patterns/mapreduce/messages.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe::mapreduce {
// ---- users
struct submit {  // answered with job_status, or an error: invalid_argument
  job_spec job;
};
TROUPE_MESSAGE(submit, job)
struct list_jobs {  // answered with job_list: of all trackers, or of this one
  bool everywhere = true;
};
TROUPE_MESSAGE(list_jobs, everywhere)
struct job_list {
  std::vector<job_status> jobs;
  std::vector<std::string> silent;  // nodes whose trackers did not answer: their jobs are missing
};
TROUPE_MESSAGE(job_list, jobs, silent)
struct find_job {  // answered with job_status, or an error: not_found; unreachable, its master
  std::string job;
  bool forwarded = false;  // by a tracker, to the one that should have it
};
TROUPE_MESSAGE(find_job, job, forwarded)
struct cancel_job {  // answered with job_status; refused when it is too late
  std::string job;
  bool forwarded = false;
};
TROUPE_MESSAGE(cancel_job, job, forwarded)
struct follow_job {  // answered with job_status; then job_news come until the job is over
  std::string job;
  caf::actor follower;
  bool forwarded = false;
};
TROUPE_MESSAGE(follow_job, job, follower, forwarded)
struct job_news {
  job_status status;
  std::vector<job_event> events;  // since the last news
};
TROUPE_MESSAGE(job_news, status, events)

// ---- trackers and workers
struct greet {  // the worker forgets what it had from this tracker before
  std::string tracker;
  caf::actor handle;
};
TROUPE_MESSAGE(greet, tracker, handle)
struct greeted {
  std::string worker;
  std::uint32_t map_slots = 0;
  std::uint32_t reduce_slots = 0;
  caf::actor outputs;  // serves fetch
  caf::actor tracker;  // of the worker's node
};
TROUPE_MESSAGE(greeted, worker, map_slots, reduce_slots, outputs, tracker)
struct
    demand {  // which kinds of slots the tracker could use, with the weight of the jobs that want
  std::string tracker;
  std::uint32_t maps = 0;
  std::uint32_t reduces = 0;
};
TROUPE_MESSAGE(demand, tracker, maps, reduces)
struct slot_offer {  // answered by an order or decline of the same number
  std::string worker;
  task_kind kind = task_kind::map;
  std::uint64_t number = 0;
};
TROUPE_MESSAGE(slot_offer, worker, kind, number)
struct decline {
  std::uint64_t number = 0;
};
TROUPE_MESSAGE(decline, number)
struct map_order {
  std::uint64_t offer = 0;
  job_spec job;
  map_task task;
};
TROUPE_MESSAGE(map_order, offer, job, task)
struct located_output {
  output_location where;
  caf::actor outputs;
};
TROUPE_MESSAGE(located_output, where, outputs)
struct reduce_order {
  std::uint64_t offer = 0;
  job_spec job;
  reduce_task task;
  std::vector<located_output> outputs;
};
TROUPE_MESSAGE(reduce_order, offer, job, task, outputs)
struct located {
  attempt_id reducer;
  located_output output;
};
TROUPE_MESSAGE(located, reducer, output)
struct kill_attempt {
  attempt_id id;
  std::uint64_t fence = 0;
};
TROUPE_MESSAGE(kill_attempt, id, fence)
struct close_job {
  std::string job;
  std::uint64_t fence = 0;
};
TROUPE_MESSAGE(close_job, job, fence)
// From the tracker that took a job over; answered with held_job. From now on the job is its.
struct claim_job {
  std::string tracker;
  std::string job;
  std::uint64_t fence = 0;
  bool keep = true;          // what the worker has of it; else it is of no use: it was planned anew
  std::uint32_t after = 0;   // so many outputs were told before
};
TROUPE_MESSAGE(claim_job, tracker, job, fence, keep, after)
struct held_job {
  std::vector<map_done> maps;  // whose outputs are here
  std::vector<attempt_id> running;
  bool more = false;  // outputs: ask again
};
TROUPE_MESSAGE(held_job, maps, running, more)
struct worker_leaves {
  std::string worker;
};
TROUPE_MESSAGE(worker_leaves, worker)
// Answered when nothing runs and no job needs this worker's outputs any more. What still runs after
// half of the time is given back.
struct leave_work {
  std::uint32_t within_ms = 0;  // that the node has; 0: the worker's setting
};
TROUPE_MESSAGE(leave_work, within_ms)

// Every program whose nodes run jobs calls this on its configuration.
void register_mapreduce_types(caf::actor_system_config& config);
}  // namespace troupe::mapreduce

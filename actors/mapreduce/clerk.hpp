// The master's hand on the file system: prepares one job, renames its parts and marks its end, in
// order and in a thread of its own.
#pragma once
#include "actors/mapreduce/executor.hpp"
#include "patterns/mapreduce/job.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe::mapreduce {
// To the clerk, besides commit_order.
struct finish_parts {};
TROUPE_MESSAGE(finish_parts)
struct remove_parts {  // its last task
  bool remove = true;  // what the job made; false: it may just go
};
TROUPE_MESSAGE(remove_parts, remove)

// What it does first, by itself.
enum class clerk_begins { preparing, resuming, idle };

// From the clerk.
struct resumed {
  std::string job;
  std::string error;
};
TROUPE_MESSAGE(resumed, job, error)
struct planned {
  std::string job;
  job_plan plan;
  std::string error;
};
TROUPE_MESSAGE(planned, job, plan, error)
struct committed {
  std::string job;
  std::uint32_t partition = 0;
  std::string error;
};
TROUPE_MESSAGE(committed, job, partition, error)
struct finished {
  std::string job;
  std::string error;
};
TROUPE_MESSAGE(finished, job, error)

// Begins at once: with the plan; or with taking over what a former master has prepared.
caf::actor spawn_clerk(caf::actor_system& system, caf::actor tracker,
                       std::shared_ptr<executor> code, job_spec job, std::uint32_t slots,
                       std::shared_ptr<std::atomic<bool>> cancelled,
                       clerk_begins with = clerk_begins::preparing);
}  // namespace troupe::mapreduce

// A tracker's hand on the replicated map (patterns/mapreduce/book.hpp): writes down its jobs, and finds
// those that have no master any more.
//   Promises  a job has one master at a time that can write: each write is refused once another was
//             made (by the fence, compared in the map). A job that lost its master is taken over by
//             one tracker whose node has a lease, within the lease's ttl and a second, and twice the
//             ttl if the map's leader went with it (lease_keeper.hpp)
//             what is written is written in its order, and said to be once it is in the log
//             deposed comes `margin` before another can be master, as long as clocks keep within it
//   Beware    a master that is frozen past its lease does not know: workers and the output directory
//             refuse it by its fence
//   Without a log (no replica was ever heard of) open_job is answered with fence 0, and nothing else
//             comes
//   Costs     one transaction for all that has gathered while the last one was under way
#pragma once
#include "patterns/mapreduce/book.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe::mapreduce {
// ---- tracker to book
struct open_job {  // answered with opened; or an error: not_ready
  job_spec job;
};
TROUPE_MESSAGE(open_job, job)
struct opened {
  std::uint64_t fence = 0;
};
TROUPE_MESSAGE(opened, fence)
struct write_down {
  std::string job;
  std::uint64_t fence = 0;
  std::uint64_t number = 0;  // in `written`
  std::vector<book::entry> what;
};
TROUPE_MESSAGE(write_down, job, fence, number, what)
struct end_job {  // the last: nothing but its status is left of it
  std::string job;
  std::uint64_t fence = 0;
  job_status last;
};
TROUPE_MESSAGE(end_job, job, fence, last)
struct find_recorded {  // answered with job_status of a job that has ended; or an error:
  std::string job;      // not_ready, it waits for a master; not_found
};
TROUPE_MESSAGE(find_recorded, job)
struct list_recorded {  // answered with recorded_jobs: those that have ended
  std::uint32_t version = 1;
};
TROUPE_MESSAGE(list_recorded, version)
struct recorded_jobs {
  std::vector<job_status> jobs;
};
TROUPE_MESSAGE(recorded_jobs, jobs)

// ---- book to tracker
struct written {
  std::string job;
  std::uint64_t fence = 0;
  std::uint64_t number = 0;
};
TROUPE_MESSAGE(written, job, fence, number)
struct closed {
  std::string job;
  std::uint64_t fence = 0;
};
TROUPE_MESSAGE(closed, job, fence)
struct taken_over {
  std::uint64_t fence = 0;
  book::file file;
};
TROUPE_MESSAGE(taken_over, fence, file)
struct deposed {  // act as its master no more
  std::string job;
};
TROUPE_MESSAGE(deposed, job)
struct mastered {
  std::string job;
  std::string node;  // empty: nobody's at the moment, or it has ended
};
TROUPE_MESSAGE(mastered, job, node)

struct book_settings {
  std::string node{};
  caf::actor client{};  // actors/consensus/client.hpp
  std::chrono::milliseconds ttl{5'000};
  std::chrono::milliseconds margin{500};
  std::chrono::milliseconds patience{5'000};  // with a log that does not answer
  std::uint32_t kept = 100;                   // ended jobs
};
// Ends with its tracker, which it is a part of.
caf::actor spawn_job_book(caf::actor_system& system, caf::actor tracker, book_settings settings);
}  // namespace troupe::mapreduce

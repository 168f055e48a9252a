// The seam between who coordinates a job (tracker.hpp, worker.hpp) and who does its work on data.
// All of it is called in threads that may block; an error's sentence reaches the user as it is.
//   Threads  one executor and one runner serve several tasks at the same time; an attempt_context
//            and a shuffle belong to one attempt
//   Commit   a reduce attempt writes under a temporary name of its own; commit renames, on the
//            master's node alone, for one attempt of each partition: an attempt that was taken for
//            dead can wake up and harm nothing
//   Beware   attempts of an aborted job may still run for a moment: they must not create
//            directories that prepare made and abort took away
#pragma once
#include "patterns/mapreduce/messages.hpp"
#include "patterns/result.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
namespace troupe::mapreduce {
// One attempt's way to its worker.
class attempt_context {
 public:
  virtual ~attempt_context() = default;
  // To be looked at every few hundred records: when it is set, return anything.
  virtual bool cancelled() const = 0;
  // Cheap enough for every few hundred records. Without anything new for job_spec::silence the
  // attempt is given up.
  virtual void progress(std::uint32_t thousandths, std::uint64_t records, std::uint64_t bytes) = 0;
};

struct shuffle_event {
  enum class kind {
    data,      // the next bytes of this map's segment, in order; several maps' may alternate
    local,     // this map's segment lies on our own disk: read `part` of `file`, and check its sum
    dropped,   // forget what has come of this map: it will come again, from another attempt
    finished,  // each map has come once and whole
    ended,     // the attempt was cancelled: return anything
  };
  kind what = kind::ended;
  std::uint32_t map = 0;
  std::uint32_t attempt = 0;
  segment part{};      // data, local: the whole segment's size, records and checksum
  std::string data{};  // data
  bool last = false;   // data: the segment is complete, and its checksum was right
  std::string file{};  // local
};

// One partition of all map outputs, as they come from their workers.
class shuffle {
 public:
  virtual ~shuffle() = default;
  // Blocks until something has come. What is not taken yet is bounded: who does not call, holds the
  // senders back.
  virtual shuffle_event next() = 0;
  // The `local` segment that next() gave last could not be read, or its sum was wrong: it will come
  // again, from another attempt. Calling next() without saying so means that it was well.
  virtual void unreadable(std::uint32_t map, std::uint32_t attempt) = 0;
};

// One job on one worker.
class job_runner {
 public:
  virtual ~job_runner() = default;
  virtual result<map_done, task_failed> map(const map_task& task, attempt_context& context) = 0;
  virtual result<reduce_done, task_failed> reduce(const reduce_task& task, shuffle& input,
                                                  attempt_context& context) = 0;
};

class executor {
 public:
  virtual ~executor() = default;

  // A job's token, should it be known before the job is prepared; empty: prepare draws it.
  virtual std::string draw_token() { return {}; }

  // The first five on the master's node.
  // Finds the job, lists the inputs, refuses an output directory that holds something, makes it and
  // leaves the token in it, plans the splits, samples for the range partitioner. `slots` is the
  // number of maps that the cluster can run at once.
  virtual result<job_plan, std::string> prepare(const job_spec& job, std::uint32_t slots,
                                                const std::atomic<bool>& cancelled) = 0;
  // Instead of prepare: another master, whose fence is in the spec, had prepared it. What that one
  // has not renamed by now it cannot any more.
  virtual result<void, std::string> resume(const job_spec& job) {
    (void)job;
    return {};
  }
  // Renames the attempt's file to the partition's part file. Once more is no error.
  virtual result<void, std::string> commit(const job_spec& job, std::uint32_t partition,
                                           const std::string& file) = 0;
  // Removes the temporary files, writes _SUCCESS. Once more is no error.
  virtual result<void, std::string> finish(const job_spec& job) = 0;
  // Removes temporary files, part files and token, whatever of them is there.
  virtual void abort(const job_spec& job) = 0;

  // On each worker, before its first task of the job. Loads the job and reads the token, without
  // which this node does not see the job's file system. `directory` is for local files of this job:
  // it exists, is no other's, and the worker removes it.
  virtual result<std::shared_ptr<job_runner>, std::string> open(const job_spec& job,
                                                                const std::string& directory) = 0;
};
}  // namespace troupe::mapreduce

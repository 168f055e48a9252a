// Runs one attempt of a map or reduce task, in the calling thread, to its end.
//   Promises  a failure or a cancelled attempt leaves no file; a reduce's file is whole and on disk
//             (fsync) before its report; spill files have no name and go with their process
//   Memory    job_spec::memory_bytes for an attempt's records, beside what the job's own code keeps
//   Settings  troupe.record_bytes_max: the longest record that is read (64 MiB)
#pragma once
#include "actors/mapreduce/executor.hpp"
#include "actors/mapreduce/task_code.hpp"

#include <string>
namespace troupe::mapreduce {
struct task_place {
  const job_class* job = nullptr;
  const job_spec* spec = nullptr;
  std::string directory{};  // for local files of this job
};

result<map_done, task_failed> run_map(const task_place& at, const map_task& task,
                                      attempt_context& context);
result<reduce_done, task_failed> run_reduce(const task_place& at, const reduce_task& task,
                                            shuffle& input, attempt_context& context);

}  // namespace troupe::mapreduce

// Looks at a job's input before its first task.
#pragma once
#include "actors/mapreduce/task_code.hpp"
#include "patterns/mapreduce/messages.hpp"

#include <atomic>
#include <string>
#include <vector>
namespace troupe::mapreduce {
// The regular files among the paths and below those that are directories, as find -type f has them: a
// symbolic link counts only where it was named. Sorted, each once; empty files are left out.
std::vector<input_file> list_inputs(const std::vector<std::string>& paths,
                                    const std::atomic<bool>& cancelled);

// Keys of records from windows that lie evenly over the input, for the range partitioner.
std::vector<std::string> sample_keys(const job_class& job, const job_spec& spec,
                                     const std::vector<input_file>& files,
                                     const std::atomic<bool>& cancelled);
}  // namespace troupe::mapreduce

// Runs a whole job in this process, without actors: for small inputs, for tests, and as the reference
// against which the cluster's answer is compared.
#pragma once
#include "actors/mapreduce/executor.hpp"

#include <atomic>
#include <string>
namespace troupe::mapreduce {
struct local_options {
  std::uint32_t threads = 1;
  std::string
      directory{};  // for spills and map outputs; empty: below the system's temporary directory
  const std::atomic<bool>* cancel = nullptr;
};

// The counters of the whole job, or why it failed. A task has spec.attempts_max attempts.
result<counters_map, std::string> run_local(job_spec spec, const local_options& options = {});
}  // namespace troupe::mapreduce

// The executor that reads files, runs jobs of job.hpp and writes part files.
#pragma once
#include "actors/mapreduce/executor.hpp"

#include <memory>
namespace troupe::mapreduce {
std::unique_ptr<executor> make_data_executor();
}  // namespace troupe::mapreduce

// The executor that reads files, runs jobs of job.hpp and writes part files.
#pragma once
#include "actors/mapreduce/executor.hpp"

#include <cstdint>
#include <memory>
#include <optional>
namespace troupe::mapreduce {
// Its tokens are drawn from the seed; without one, from the operating system.
std::unique_ptr<executor> make_data_executor(std::optional<std::uint64_t> seed = {});
}  // namespace troupe::mapreduce

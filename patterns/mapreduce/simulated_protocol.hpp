// MapReduce for whoever runs protocols without knowing their worlds.
#pragma once
#include "patterns/simulation/protocol.hpp"
namespace troupe::mapreduce {
simulation::protocol simulated_protocol();
}  // namespace troupe::mapreduce

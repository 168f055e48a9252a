// Raft for `troupe simulate` and for campaigns.
#pragma once
#include "patterns/simulation/protocol.hpp"
namespace troupe::raft {
simulation::protocol simulated_protocol();
}  // namespace troupe::raft

// Zab for `troupe simulate` and for campaigns: an ensemble meets the plan's faults while clients propose.
#pragma once
#include "patterns/simulation/protocol.hpp"
namespace troupe::zab {
simulation::protocol simulated_protocol();
}  // namespace troupe::zab

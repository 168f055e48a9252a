// Membership for `troupe simulate` and for campaigns: a cluster that has formed meets the plan's
// faults. Members are named aaa, aab, ...; the first three are seeds.
#pragma once
#include "patterns/simulation/protocol.hpp"
namespace troupe::membership {
simulation::protocol simulated_protocol();
}  // namespace troupe::membership

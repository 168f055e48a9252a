// One actor system under virtual time: the public simulator (runtime/simulator.hpp).
#pragma once
#include "runtime/simulator.hpp"
namespace troupe::test {
using virtual_world = laboratory::simulator;
}  // namespace troupe::test

// Probes and requests from the nodes of a simulated cluster: see runtime/simulator/probe.hpp.
#pragma once
#include "cluster/simulator.hpp"
#include "runtime/simulator/probe.hpp"
namespace troupe::laboratory {
template <class T, class... What>
caf::expected<T> ask(simulation& home, local_node& from, const caf::actor& whom, duration limit, What&&... what) {
  return ask<T>(home, from.system(), whom, limit, std::forward<What>(what)...);
}
}  // namespace troupe::laboratory

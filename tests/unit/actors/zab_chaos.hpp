// Servers of a group crash, restart, are cut off and come back, as a seed says, while a test's users
// go on; at the end all is whole again.
#pragma once
#include "patterns/simulation/random.hpp"
#include "zab_group.hpp"

#include <algorithm>

#include <doctest/doctest.h>
namespace troupe::test {
class zab_chaos {
 public:
  zab_chaos(zab_group& g, std::uint64_t seed) : g_{g}, chance_{seed * 7919 + 1} {}
  template <class Users>
  void run(int steps, Users users) {
    for (int i = 0; i < steps; ++i) {
      users(chance_);
      trouble();
      g_.sim.run_for(std::chrono::milliseconds{chance_.below(120)});
    }
    for (int i = 0; i < g_.size(); ++i) {
      if (!g_.runs(i)) g_.start(i);
      if (g_.isolated(i)) g_.rejoin(i);
    }
    REQUIRE(g_.sim.run_until([&] { return whole(); }, 20s));
  }
  bool whole() {
    if (g_.leader() < 0) return false;
    for (int i = 0; i < g_.size(); ++i)
      if (!g_.caught_up(i)) return false;
    return true;
  }

 private:
  void trouble() {
    const int i = static_cast<int>(chance_.below(static_cast<std::uint64_t>(g_.size())));
    switch (chance_.below(8)) {
      case 0:
        if (g_.runs(i)) g_.crash(i);
        break;
      case 1:
        if (const auto leads = g_.leader(); leads >= 0) g_.crash(leads);
        break;
      case 2:
        if (g_.runs(i) && !g_.isolated(i)) g_.isolate(i);
        break;
      case 3:
      case 4:
        if (g_.isolated(i)) g_.rejoin(i);
        break;
      default:
        if (!g_.runs(i)) g_.start(i);
        break;
    }
  }
  zab_group& g_;
  simulation::generator chance_;
};
}  // namespace troupe::test

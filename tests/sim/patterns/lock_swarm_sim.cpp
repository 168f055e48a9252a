// Locks under swarms of faults: clients that crash, sleep past their leases and lose their way to the store, a store that is
// down for a while.
#include "campaign.hpp"
#include "patterns/lock/simulated.hpp"

#include <doctest/doctest.h>
using namespace troupe;
using namespace std::chrono_literals;

TEST_CASE("locks: exclusive, shared and permits keep their promises under any faults") {
  const auto what = lock::simulated_protocol();
  const auto found = test::run_campaign(
      [&](std::uint64_t seed) {
        const auto members = 2 + static_cast<simulation::member>(seed % 5);
        return simulation::draw(seed, members, 20s, what.calm, what.swarm(20s));
      },
      [&](const simulation::plan& p) { return what.run(p, {}).judged; });
  CHECK_MESSAGE(found.empty(), found);
}

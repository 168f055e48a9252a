// Locks under swarms of faults: clients that crash, sleep past their leases and lose their way to the store, a store that is
// down for a while.
#include "campaign.hpp"
#include "patterns/lock/simulated.hpp"

#include <doctest/doctest.h>
using namespace troupe;
using namespace std::chrono_literals;

TEST_CASE("locks: plans that once failed") {
  const std::vector<std::pair<std::string, std::string>> table{
      {"a place that was revoked came back with a late copy of the request to stand",
       "seed 10322 members 4 for 20s calm 35s\n"
       "3.22s delay 1.591252032s all -> all for 16.78s\n"
       "4.156s cut all -> a for 5.373s\n"
       "8s cut all -> a for 3.202s\n"
       "9.2s crash b for 0.689s\n"
       "10.7s cut d -> all for 3.254s\n"
       "11s crash a for 1.749s\n"
       "11s repeat 25.8774% all -> b for 8.235s\n"
       "12.8s repeat 21.4933% all -> a for 3.752s\n"
       "16.9s crash c for 2.523s\n"},
  };
  test::check_plans(table, [](const simulation::plan& p) { return lock::rehearse(p, {}).judged; });
}

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

// Zab under swarms of faults: each seed draws its own, and its number of servers.
#include "campaign.hpp"
#include "patterns/consensus/zab/simulated_group.hpp"
#include "patterns/consensus/zab/simulated_protocol.hpp"

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace std::chrono_literals;
using zab::simulated::setting;
namespace sim = troupe::simulation;

constexpr sim::member sizes[] = {3, 5, 4, 6};

sim::plan drawn(std::uint64_t seed) {
  const auto what = zab::simulated_protocol();
  return sim::draw(seed, sizes[seed % 4], 20s, what.calm, what.swarm(20s));
}

std::string campaign_of(const setting& how) {
  return test::run_campaign(
      drawn, [&](const sim::plan& p) { return zab::simulated::rehearse(p, how, false).judged; });
}
}  // namespace

TEST_CASE("zab: under any faults the promises hold, and after them the ensemble settles") {
  const auto found = campaign_of({});
  CHECK_MESSAGE(found.empty(), found);
}

TEST_CASE("zab: the same without observers and snapshots, and with epochs that last") {
  setting how;
  how.observers = false;
  how.snapshot_each = 0;
  how.how.counter_max = 1U << 30U;
  const auto found = campaign_of(how);
  CHECK_MESSAGE(found.empty(), found);
}

// Raft under swarms of faults: each seed draws its own, its number of members, and how they read.
#include "campaign.hpp"
#include "patterns/consensus/raft/simulated_group.hpp"
#include "patterns/consensus/raft/simulated_protocol.hpp"

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace std::chrono_literals;
using raft::simulated::group, raft::simulated::setting;

constexpr simulation::member sizes[] = {3, 5, 4, 7};

std::string campaign_of(const setting& how) {
  const auto what = raft::simulated_protocol();
  return test::run_campaign(
      [&](std::uint64_t seed) {
        return simulation::draw(seed, sizes[seed % 4], 30s, what.calm, what.swarm(30s));
      },
      [&](const simulation::plan& p) { return raft::simulated::rehearse(p, how, false).judged; });
}
}  // namespace

TEST_CASE("raft: under any faults the promises hold, and after them the group settles") {
  setting how;
  for (const bool lease : {false, true}) {
    CAPTURE(lease);
    how.how.lease_reads = lease;
    how.how.drift_per_mille = 400;
    const auto found = campaign_of(how);
    CHECK_MESSAGE(found.empty(), found);
  }
}

TEST_CASE("raft: the same with voters that stay, and logs that are never compacted") {
  setting how;
  how.changes = false;
  how.how.log_bytes = 1U << 20U;
  const auto found = campaign_of(how);
  CHECK_MESSAGE(found.empty(), found);
}

// Channels under swarms of faults: each seed draws its own, and every transfer ends as it should.
#include "campaign.hpp"
#include "patterns/link/channel_simulated.hpp"
#include "patterns/link/simulated_protocols.hpp"

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace std::chrono_literals;
}  // namespace

TEST_CASE("channel: plans that once failed") {
  const std::vector<std::pair<std::string, std::string>> table{
      {"a sender that had started anew took its predecessor's credit, and accused the receiver",
       "seed 1 members 2 for 4.01s calm 65s\n"
       "4s tear a for 0.01s\n"},
  };
  test::check_plans(table,
                    [](const simulation::plan& p) { return channel::rehearse(p, {}).judged; });
}

TEST_CASE("channel: under any faults every byte comes once and in order, or both sides are told") {
  const auto what = channel::simulated_protocol();
  const auto found = test::run_campaign(
      [&](std::uint64_t seed) {
        const auto members = 1 + static_cast<simulation::member>(seed % 3);
        return simulation::draw(seed, members, 40s, what.calm, what.swarm(40s));
      },
      [](const simulation::plan& p) { return channel::rehearse(p, {}).judged; });
  CHECK_MESSAGE(found.empty(), found);
}

TEST_CASE("channel: where nothing is lost nothing is sent twice") {
  for (const auto seed : test::seeds()) {
    CAPTURE(seed);
    const auto members = 1 + static_cast<simulation::member>(seed % 3);
    const auto v = channel::rehearse({seed, members, 10s, 65s, {}}, {}).judged;
    CHECK_MESSAGE(!v.failed(), to_string(v));
  }
}

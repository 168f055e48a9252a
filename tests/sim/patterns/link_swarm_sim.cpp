// Links under swarms of faults: each seed draws its own; nothing is lost or doubled while a session
// lives, and in calm each pair has one.
#include "campaign.hpp"
#include "patterns/link/session_simulated.hpp"
#include "patterns/link/simulated_protocols.hpp"

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace std::chrono_literals;
}  // namespace

TEST_CASE("link: under any faults a session loses nothing, and after them each pair has one") {
  const auto what = link::simulated_protocol();
  const auto found = test::run_campaign(
      [&](std::uint64_t seed) {
        const auto members = 2 + static_cast<simulation::member>(seed % 2);
        return simulation::draw(seed, members, 30s, what.calm, what.swarm(30s));
      },
      [](const simulation::plan& p) { return link::simulated::rehearse(p, {}).judged; });
  CHECK_MESSAGE(found.empty(), found);
}

// Mutual exclusion under swarms of faults, each algorithm by itself.
#include "campaign.hpp"
#include "patterns/mutex/simulated.hpp"

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace std::chrono_literals;

std::string campaign_of(std::string_view algorithm) {
  const auto what = mutex::simulated_protocol();
  return test::run_campaign(
      [&](std::uint64_t seed) {
        const auto members = 2 + static_cast<simulation::member>(seed % 4);
        return simulation::draw(seed, members, 20s, what.calm, what.swarm(20s));
      },
      [&](const simulation::plan& p) { return mutex::rehearse(algorithm, p, {}).judged; });
}
}  // namespace

TEST_CASE("mutex: a coordinator keeps its promises under any faults") {
  const auto found = campaign_of("centralised");
  CHECK_MESSAGE(found.empty(), found);
}

TEST_CASE("mutex: so do members that ask each other") {
  const auto found = campaign_of("ricart-agrawala");
  CHECK_MESSAGE(found.empty(), found);
}

TEST_CASE("mutex: so does a token ring") {
  const auto found = campaign_of("token-ring");
  CHECK_MESSAGE(found.empty(), found);
}

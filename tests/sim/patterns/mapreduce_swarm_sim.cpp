// MapReduce under swarms of faults: each seed draws its own, and every job ends as it should.
#include "campaign.hpp"
#include "patterns/mapreduce/simulated.hpp"
#include "patterns/mapreduce/simulated_protocol.hpp"

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace std::chrono_literals;
using mapreduce::simulated::rehearse;
}  // namespace

TEST_CASE(
    "mapreduce: under any faults every job ends, with the answer or an error that is earned") {
  const auto what = mapreduce::simulated_protocol();
  const auto found = test::run_campaign(
      [&](std::uint64_t seed) {
        return simulation::draw(seed, 5, 40s, what.calm, what.swarm(40s));
      },
      [](const simulation::plan& p) { return rehearse(p, {}).judged; });
  CHECK_MESSAGE(found.empty(), found);
}

TEST_CASE("mapreduce: without faults every job gives the answer that one process gives") {
  for (const auto seed : test::seeds()) {
    CAPTURE(seed);
    const auto members = 1 + static_cast<simulation::member>(seed % 5);
    const auto did = rehearse({seed, members, 40s, 160s, {}}, {.lines = true});
    CHECK_MESSAGE(!did.judged.failed(), to_string(did.judged));
    CHECK(did.events.find("job_over") != std::string::npos);
  }
}

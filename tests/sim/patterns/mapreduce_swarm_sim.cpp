// MapReduce under swarms of faults: each seed draws its own, and every job ends as it should.
#include "campaign.hpp"
#include "patterns/mapreduce/simulated.hpp"

#include <doctest/doctest.h>
namespace {
using namespace troupe::mapreduce;
using namespace std::chrono_literals;
namespace sim = troupe::simulation;
}  // namespace

TEST_CASE("mapreduce: without faults every job gives the answer that one process gives") {
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    std::string log;
    const auto v =
        simulated::rehearse({seed, 1 + static_cast<std::uint32_t>(seed % 5), 40s, 160s, {}}, &log);
    CHECK_MESSAGE(!v.failed(), to_string(v));
    CHECK(log.find("job_over") != std::string::npos);
  }
}

TEST_CASE(
    "mapreduce: under any faults every job ends, with the answer or an error that is earned") {
  const auto found =
      troupe::test::run_campaign([](std::uint64_t seed) { return simulated::draw(seed, 5); },
                                 [](const sim::plan& p) { return simulated::rehearse(p); });
  CHECK_MESSAGE(found.empty(), found);
}

// Real nodes under swarms of faults: what `troupe simulate node` runs, and each seed twice.
#include "cluster/simulation_protocol.hpp"
#include "seeds.hpp"

#include <doctest/doctest.h>
namespace {
using namespace troupe::laboratory;
using namespace std::chrono_literals;
using troupe::membership::downing;
}  // namespace

TEST_CASE("membership, simulated: real nodes come together again after any faults") {
  for (const auto how : {downing::keep_majority, downing::keep_oldest}) {
    CAPTURE(std::string{to_string(how)});
    campaign_options o;
    o.seeds = troupe::test::seeds().size();
    o.length = 40s;
    o.how.node.membership.resolving.how.kind = how;
    const auto found = campaign(o, live_through);
    CHECK_MESSAGE(!found, "after " << found.seeds << " seeds, " << found.story);
    MESSAGE(found.seeds << " seeds, " << found.steps << " steps");
  }
}

// What simulations of whole nodes share: clusters whose log has three first voters, and campaigns of the usual faults on them.
#pragma once
#include "cluster/simulation_campaign.hpp"
#include "seeds.hpp"

#include <chrono>
namespace troupe::test {
inline laboratory::simulation_options three_voters() {
  laboratory::simulation_options how;
  how.node.consensus.bootstrap_expect = 3;
  return how;
}
// Five such nodes; nobody is declared down.
inline laboratory::campaign_options usual_campaign() {
  laboratory::campaign_options how;
  how.seeds = seeds().size();
  how.members = 5;
  how.length = how.calm = std::chrono::seconds{20};
  how.faults = laboratory::usual_faults(how.length);
  how.how = three_voters();
  how.how.node.membership.resolving.how.kind = membership::downing::none;
  return how;
}
}  // namespace troupe::test

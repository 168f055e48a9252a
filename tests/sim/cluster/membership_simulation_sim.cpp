// Real nodes under swarms of faults: what membership promises, asked of the nodes themselves and of their events.
#include "cluster/simulation_campaign.hpp"
#include "seeds.hpp"

#include <chrono>
#include <map>

#include <doctest/doctest.h>
namespace {
using namespace troupe::laboratory;
using namespace std::chrono_literals;
using troupe::membership::downing;

campaign_options options(downing how) {
  campaign_options o;
  o.seeds = troupe::test::seeds().size();
  o.length = 40s;
  o.calm = 100s;
  o.how.node.membership.resolving.how.kind = how;
  o.how.node.membership.resolving.how.quorum = 3;
  return o;
}

// While faults last: each node's own incarnation is alone under its name, and in calm all see the same.
void live(simulation& sim, const plan& faults) {
  sim.start(faults.members);
  if (!sim.run_until_up(faults.members, 20s)) return sim.complain("a cluster forms", "it did not");
  sim.begin(faults);
  std::map<std::string, std::size_t> lives;
  for (auto gone = 0s; gone < faults.length + faults.calm - 30s && !sim.broken(); gone += 5s) {
    sim.run_for(5s);
    for (std::size_t i = 0; i < sim.size(); ++i) {
      std::map<std::string, std::string> present;
      for (const auto& m : sim[i].members()) {
        if (m.state == "down" || m.state == "removed") continue;
        const auto [at, fresh] = present.emplace(m.name, m.incarnation);
        if (!fresh)
          sim.complain("one life of a node at a time",
                       sim[i].name() + " has two of " + m.name + ": " + at->second.substr(0, 8) + " and " +
                           m.incarnation.substr(0, 8));
      }
    }
  }
  if (sim.broken()) return;
  if (sim.running() == faults.members && !sim.run_until_up(faults.members, 60s))
    sim.complain("after faults all see each other, and are up", [&] {
      std::string text;
      for (std::size_t i = 0; i < sim.size(); ++i)
        text += sim[i].name() + " sees " + std::to_string(sim[i].members().up()) + " up; ";
      return text;
    }());
}
}  // namespace

TEST_CASE("membership, simulated: real nodes come together again after any faults") {
  for (const auto how : {downing::keep_majority, downing::keep_oldest}) {
    CAPTURE(std::string{to_string(how)});
    auto o = options(how);
    // first seeds that restart alone may form a second cluster (bootstrap.hpp): they are spared
    o.faults = usual_faults(o.length);
    const auto found = campaign(o, live);
    CHECK_MESSAGE(!found, found.story);
    MESSAGE(found.seeds << " seeds, " << found.steps << " steps");
  }
}

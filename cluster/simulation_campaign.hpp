// Campaigns of simulations: swarms of faults, seed after seed; each seed twice, for a run that does not repeat itself
// proves nothing. The first that breaks a claim is made as short as it can be, and told as a story.
//   laboratory::campaign_options how{.members = 3, .length = 20s};
//   const auto found = laboratory::campaign(how, [](laboratory::simulation& sim, const plan& faults) {
//     auto nodes = sim.start(faults.members, begin);
//     ...
//     sim.run(faults);
//     if (lost > 0) sim.complain("no acknowledged count is lost", std::to_string(lost) + " were");
//   });
//   CHECK_MESSAGE(!found, found.story);
//   Promises  the first seed's two runs are compared message by message, as text; the others' by their digests, which
//             have a message's receiver and order, and its bytes where it crosses nodes
//   Beware    a trial begins anew each time: it keeps what it knows in locals
#pragma once
#include "cluster/simulator.hpp"

#include <string>
namespace troupe::laboratory {
using troupe::simulation::plan;

// Kills, freezes, cuts, partitions, delays, losses, resets and clocks that drift.
troupe::simulation::menu usual_faults(duration length);

struct campaign_options {
  std::uint64_t first = 1, seeds = 20;
  std::uint32_t members = 5, members_min = 0;  // to which a failing plan may be cut down; 0: not at all
  duration length = std::chrono::seconds{30}, calm = std::chrono::seconds{30};
  troupe::simulation::menu faults{};  // none: the usual
  simulation_options how{};
  bool twice = true;
  unsigned runs_max = 200;  // to make a failing plan shorter
};

struct campaign_finding {
  bool failed = false;
  std::uint64_t seed = 0;
  troupe::simulation::verdict what{};  // of the shortest
  plan shortest{};
  std::string story{};  // for a person: the claim, the schedule, what the actors did last
  std::uint64_t seeds = 0, steps = 0;
  explicit operator bool() const { return failed; }
};

using trial = std::function<void(simulation&, const plan&)>;
campaign_finding campaign(const campaign_options& how, const trial& once);
// One plan alone, such as a story's: what broke, or nothing. Empty text of `verdict::claim`: all is well.
troupe::simulation::verdict replay(const campaign_options& how, const plan& p, const trial& once);
}  // namespace troupe::laboratory

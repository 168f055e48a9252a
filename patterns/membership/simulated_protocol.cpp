#include "patterns/membership/simulated_protocol.hpp"

#include "patterns/membership/simulated.hpp"

#include <algorithm>
namespace troupe::membership {
namespace {
using namespace std::chrono_literals;
using simulation::fault_kind, simulation::menu, simulation::plan;

constexpr duration settled = 20s, converged = 100s;  // after the last fault

// It has no disk: a crash at a persist never comes, and nothing can tear.
menu outlived(duration length) {
  menu m = simulation::everything(length);
  std::erase_if(m.kinds, [](const simulation::appetite& a) {
    return simulation::of_disk(a.what) || a.what == fault_kind::tear ||
           a.what == fault_kind::crash_unsynced || a.what == fault_kind::crash_unsent;
  });
  return m;
}

simulation::protocol declared() {
  simulation::protocol it;
  it.name = "membership";
  it.help = "SWIM with Lifeguard's refinements, and downing strategies";
  it.promises = {"S1: what a view says of an incarnation never goes back",
                 "S2: the dead have no voice, and are told",
                 "S3: a verdict takes its time, or two witnesses",
                 "S3: nobody is accused who answers",
                 "S5: views with one digest are one view",
                 "S6: no two live that have given each other up",
                 "L2: members that can talk have one view"};
  it.members_max = 1000;
  it.calm = 120s;
  it.choices = {{"downing", "who stays of a partition", {"keep-majority"}}};
  for (const auto d : {downing::static_quorum, downing::keep_oldest, downing::lease_majority,
                       downing::down_all, downing::none}) {
    it.choices.front().values.emplace_back(to_string(d));
  }
  it.swarm = outlived;
  return it;
}

simulation::run_outcome run(const plan& p, const simulation::settings& chosen,
                            const std::string& strategy) {
  options how;
  how.resolving.how.kind = downing_of(strategy).value_or(downing::keep_majority);
  how.resolving.how.quorum = p.members / 2 + 1;
  town w{p.seed, how, town::usually(), chosen.lines};
  w.cluster(p.members, std::min(p.members, 3U));
  w.claim_views();
  const bool first_starts_anew = std::any_of(p.faults.begin(), p.faults.end(), [](const auto& f) {
    return simulation::brings_down(f.what) && (f.who.empty() || f.who.front() == 0);
  });
  w.claim_calm(settled, converged, !first_starts_anew);
  w.run_until([&] { return w.one_view(p.members); }, 30s);
  return outcome_of(w, w.run(p));
}
}  // namespace

simulation::protocol simulated_protocol() {
  auto it = declared();
  it.run = [it](const plan& p, const simulation::settings& chosen) {
    return membership::run(p, chosen, it.chosen(chosen, "downing"));
  };
  return it;
}
}  // namespace troupe::membership

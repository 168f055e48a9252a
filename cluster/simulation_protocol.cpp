#include "cluster/simulation_protocol.hpp"

#include "patterns/protocols.hpp"

#include <map>
namespace troupe::laboratory {
using namespace std::chrono_literals;
namespace {
constexpr const char* forms = "a cluster forms";
constexpr const char* one_life = "in calm no view has two lives of a node";
constexpr const char* together = "after faults all see each other, and are up";
constexpr duration together_within = 90s;

// Two lives of a node may be in a view for a moment, when sides that have met each of them meet; not in calm.
std::string two_lives(member_list seen) {
  std::map<std::string, std::string> present;
  for (const auto& m : seen) {
    if (m.state == "down" || m.state == "removed") continue;
    const auto [at, fresh] = present.emplace(m.name, m.incarnation);
    if (!fresh)
      return m.name + ", " + at->second.substr(0, 8) + " and " + m.incarnation.substr(0, 8);
  }
  return {};
}
}  // namespace

void live_through(simulation& sim, const plan& faults) {
  sim.start(faults.members);
  if (!sim.run_until_up(faults.members, 30s)) return sim.complain(forms, "it does not, in 30 s");
  sim.begin(faults);
  sim.run_for(faults.length);
  if (sim.broken() || sim.running() < faults.members) return;
  const bool all = sim.run_until_up(faults.members, std::max(faults.calm, together_within));
  for (std::size_t i = 0; i < sim.size(); ++i)
    if (const auto both = two_lives(sim[i].members()); !both.empty())
      sim.complain(one_life, sim[i].name() + " has " + both);
  if (all) return;
  std::string seen;
  for (std::size_t i = 0; i < sim.size(); ++i)
    seen += (i > 0 ? ", " : "") + sim[i].name() + " sees " + std::to_string(sim[i].members().up());
  sim.complain(together, seen);
}

troupe::simulation::protocol node_protocol() {
  troupe::simulation::protocol it;
  it.name = "node";
  it.help = "whole nodes: actors, links and membership, as a process runs them";
  it.promises = {forms, one_life, together};
  it.members_max = 50;
  it.calm = together_within;
  it.choices = {{"downing", "who stays of a partition", {"keep-majority"}}};
  for (const auto d : membership::all_downings)
    if (d != membership::downing::keep_majority)
      it.choices.front().values.emplace_back(to_string(d));
  it.swarm = usual_faults;
  it.run = [it](const plan& p, const troupe::simulation::settings& chosen) {
    simulation_options how;
    how.keep_events = chosen.lines;
    how.node.membership.resolving.how.kind = membership::downing_of(it.chosen(chosen, "downing"))
                                                 .value_or(membership::downing::keep_majority);
    how.node.membership.resolving.how.quorum = p.members / 2 + 1;
    if (how.node.membership.resolving.how.kind == membership::downing::lease_majority)
      how.node.consensus.bootstrap_expect = p.members < 3 ? 1 : 3;
    simulation sim{p.seed, how};
    live_through(sim, p);
    return troupe::simulation::run_outcome{sim.judged(), sim.events()};
  };
  return it;
}

const std::vector<troupe::simulation::protocol>& all_protocols() {
  static const auto all = [] {
    auto those = troupe::all_protocols();
    those.push_back(node_protocol());
    return those;
  }();
  return all;
}

const troupe::simulation::protocol* protocol_named(std::string_view name) {
  for (const auto& p : all_protocols())
    if (p.name == name) return &p;
  return nullptr;
}
}  // namespace troupe::laboratory

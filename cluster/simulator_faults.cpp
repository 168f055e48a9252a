// The simulation's faults, by hand and by plan.
#include "cluster/life.hpp"
#include "cluster/simulator.hpp"
#include "cluster/simulator_probe.hpp"
#include "cluster/membership.hpp"

#include <algorithm>
namespace troupe::laboratory {
namespace sim = troupe::simulation;
using sim::fault_kind;

void simulation::kill(std::size_t i) { end(i, true); }

void simulation::power_off(std::size_t i) {
  world_.net().power(static_cast<host_id>(i), false);
  end(i, true);
}

void simulation::restart(std::size_t i) { boot(i); }

void simulation::leave(std::size_t i) {
  auto& n = node(i);
  if (n.running()) caf::anon_send(n.membership(), membership::leave{n.name()});
}

void simulation::freeze(std::size_t i) { world_.at(static_cast<host_id>(i)).freeze(true); }
void simulation::thaw(std::size_t i) {
  if (node(i).frozen()) world_.at(static_cast<host_id>(i)).freeze(false);
}

void simulation::cut(std::size_t from, std::size_t to) {
  world_.net().cut(static_cast<host_id>(from), static_cast<host_id>(to), true);
  cuts_.push_back({from, to});
}

void simulation::partition(const node_ids& one, const node_ids& other) {
  for (const auto a : one)
    for (const auto b : other) {
      cut(a, b);
      cut(b, a);
    }
}

void simulation::heal() {
  for (const auto& c : std::exchange(cuts_, {}))
    world_.net().cut(static_cast<host_id>(c.from), static_cast<host_id>(c.to), false);
}

void simulation::reset(std::size_t a, std::size_t b) {
  world_.net().reset(static_cast<host_id>(a), static_cast<host_id>(b));
}

node_ids simulation::those(const std::vector<sim::member>& named) const {
  node_ids all;
  for (const auto m : named)
    if (m < nodes_.size()) all.push_back(m);
  for (std::size_t i = 0; named.empty() && i < nodes_.size(); ++i) all.push_back(i);
  return all;
}

// Of a plan's kinds, `repeat` breaks connections once, since TCP repeats nothing to its users; slow disks and torn records
// wait for actors with journals.
void simulation::turn(const sim::fault& f, bool on) {
  auto& net = world_.net();
  const auto each_way = [&](auto what) {
    for (const auto from : those(f.who))
      for (const auto to : those(f.whom))
        if (from != to) what(static_cast<host_id>(from), static_cast<host_id>(to));
  };
  switch (f.what) {
    case fault_kind::lose:
      return each_way([&](auto a, auto b) { net.lose(a, b, on ? f.amount : -f.amount); });
    case fault_kind::delay:
      return each_way([&](auto a, auto b) { net.delay(a, b, sim::duration{on ? f.amount : -f.amount}); });
    case fault_kind::cut:
      return each_way([&](auto a, auto b) { net.cut(a, b, on); });
    case fault_kind::repeat:
      if (on) each_way([&](auto a, auto b) { net.reset(a, b); });
      return;
    case fault_kind::partition:
      for (const auto a : those(f.who))
        for (std::size_t b = 0; b < nodes_.size(); ++b) {
          if (std::count(f.who.begin(), f.who.end(), b) > 0) continue;
          net.cut(static_cast<host_id>(a), static_cast<host_id>(b), on);
          net.cut(static_cast<host_id>(b), static_cast<host_id>(a), on);
        }
      return;
    case fault_kind::crash:
    case fault_kind::crash_unsynced:
    case fault_kind::tear:
    case fault_kind::rot:
      for (const auto i : those(f.who)) on ? kill(i) : restart(i);
      return;
    case fault_kind::crash_unsent:
      for (const auto i : those(f.who)) on ? power_off(i) : restart(i);
      return;
    case fault_kind::freeze:
      for (const auto i : those(f.who)) on ? freeze(i) : thaw(i);
      return;
    case fault_kind::skew:
      for (const auto i : those(f.who)) world_.at(static_cast<host_id>(i)).drift(on ? f.amount : 0);
      return;
    case fault_kind::slow_disk:
      return;
  }
}

void simulation::strike(const sim::fault& f) {
  const auto at = now() + f.at;
  world_.when().at(at, [this, f] { turn(f, true); });
  const bool for_good = sim::brings_down(f.what) && f.length == sim::duration{};
  if (!for_good) world_.when().at(at + f.length, [this, f] { turn(f, false); });
}

void simulation::begin(const sim::plan& p) {
  for (const auto& f : p.faults) strike(f);
}

void simulation::run(const sim::plan& p) {
  begin(p);
  run_for(p.length + p.calm);
}
}  // namespace troupe::laboratory

// Zab in all orders of delivery: three servers, the claims of zab.hpp asked in every state. They begin
// where an epoch has ended, with histories that differ, and one of them is elected.
#include "patterns/simulation/small_world.hpp"
#include "zab_bench.hpp"

#include <doctest/doctest.h>
namespace {
using namespace troupe::zab;
using namespace troupe::zab::test;
namespace sim = troupe::simulation;

// Server m + 1. 1 and 2 have (1, 1), which may be committed; 3 has (1, 2) too, or something older.
struct host {
  using message = troupe::zab::message;
  struct command {
    server vote = 0;
  };
  using event = troupe::zab::event;
  using output = sim::effects<message, event>;
  host(sim::member m, restored from) : self{m + 1} {
    troupe::zab::output did;
    core.emplace(self, ensemble{{1, 2, 3}, {}}, options{}, std::move(from), 1, sim::instant{}, did);
  }
  // All vote for one at once: of the election itself zab_election_test.cpp knows all orders.
  void command_given(const command& c, instant now, output& out) {
    for (server s = 1; s <= 3; ++s)
      if (s != self)
        step(received{s, notification{{1, {1, 9}, c.vote}, standing::looking, 1, 1, 1}}, now, out);
  }
  void receive(sim::member from, message m, instant now, output& out) {
    step(received{from + 1, std::move(m)}, now, out);
  }
  void tick(instant now, output& out) { step(troupe::zab::tick{}, now, out); }
  void lost(sim::member peer, std::uint32_t, instant now, output& out) {
    step(troupe::zab::lost{peer + 1}, now, out);
  }
  instant due() const { return core->due(); }
  void step(input in, instant now, output& out) {
    troupe::zab::output did;
    core->step(std::move(in), now, did);
    take(did, out);
    if (did.persist) {  // at once
      const auto number = did.persist->number;
      did.clear();
      core->step(persisted{number}, now, did);
      take(did, out);
    }
    if (core->established() && !proposed) {
      proposed = true;
      did.clear();
      step(propose{{{1, std::to_string(self)}}}, now, out);
    }
  }
  void take(const troupe::zab::output& did, output& out) {
    for (const auto* letters : {&did.send_now, &did.send})
      for (const auto& l : *letters)
        if (!std::holds_alternative<notification>(l.what))
          out.send.push_back({static_cast<sim::member>(l.to - 1), l.what});
    for (const auto& e : did.events)
      if (e.kind == event_kind::established) out.events.push_back(e);
    if (!did.committed) return;
    const auto& log = core->log();
    for (auto i = log.after(applied.empty() ? zxid{} : applied.back().at);
         i < log.size() && log[i].at <= *did.committed; ++i)
      applied.push_back(log[i]);
  }
  static void describe(const event& e, std::string& fields) { fields += to_string(e); }
  static std::string digest(const message& m) {
    return std::to_string(m.index()) +
           std::visit([](const auto& x) { return troupe::zab::to_string(x); }, m);
  }
  std::string digest() const { return core->digest() + (proposed ? "p" : ""); }
  server self;
  std::optional<replica> core;
  bool proposed = false;
  std::vector<transaction> applied;
};
using hosts = sim::small_world<host>;

struct reached {
  std::uint64_t established = 0, applied = 0;
};
reached seen;

std::string wrong(const hosts& w) {
  std::map<std::uint32_t, server> led;
  const std::vector<transaction>* longest = &w.host(0).applied;
  for (sim::member m = 1; m < w.size(); ++m)
    if (w.host(m).applied.size() > longest->size()) longest = &w.host(m).applied;
  for (sim::member m = 0; m < w.size(); ++m) {
    const auto& a = w.host(m).applied;
    if (!std::equal(a.begin(), a.end(), longest->begin())) return "S2: two orders";
    for (std::size_t i = 1; i < a.size(); ++i)
      if (a[i].at <= a[i - 1].at) return "S4: an older epoch after a newer one";
    for (const auto& e : w.events(m)) {
      if (!led.try_emplace(e.epoch, e.leader).second) return "S5: two leaders in an epoch";
      ++seen.established;
    }
    if (w.host(m).core->established())
      for (const auto& t : *longest)
        if (t.at.epoch < w.host(m).core->epoch() && !w.host(m).core->log().has(t.at))
          return "S3: a leader lacks what was applied";
  }
  // what a quorum has on disk of an established epoch stays so
  for (const auto& t : *longest) {
    int have = 0;
    for (sim::member m = 0; m < w.size(); ++m) have += w.host(m).core->log().has(t.at) ? 1 : 0;
    if (have < 2) return "S6: what was applied is lost";
  }
  seen.applied += longest->empty() ? 0 : 1;
  return {};
}

sim::explored all_orders(sim::small_bounds bounds, std::vector<restored> from, server leader) {
  seen = {};
  hosts w{bounds, [&](sim::member m) { return host{m, from[m]}; }, wrong};
  for (sim::member m = 0; m < 3; ++m) w.command(m, {leader});
  return sim::every_order(w, 2'000'000);
}
}  // namespace

TEST_CASE("zab: in all orders of 8 deliveries and more, one crash, its claims hold") {
  struct row {
    const char* what;
    std::vector<restored> from;
    server leader;
    sim::small_bounds bounds;
  };
  const restored one = kept(1, {{1, 1}}), two = kept(1, {{1, 1}, {1, 2}}), old = kept(0);
  const row table[] = {
      {"the best leads: DIFF", {one, two, old}, 2, {.deliveries = 12, .ticks = 0, .crashes = 1}},
      {"one that has less stands",
       {one, two, old},
       1,
       {.deliveries = 12, .ticks = 0, .crashes = 1}},
      {"timers go off", {one, two, old}, 2, {.deliveries = 8, .ticks = 1, .crashes = 1}}};
  for (const auto& [what, from, leader, bounds] : table) {
    const auto& shown = std::string{what};  // no binding, for clang 14
    CAPTURE(shown);
    const auto all = all_orders(bounds, from, leader);
    CHECK(all.broken == "");
    CHECK(all.whole);
    CHECK(seen.established > 0);
    CHECK(seen.applied > 0);
  }
}

// The first start, and starts anew: who forms a cluster, who is asked, and what becomes of two that were formed apart.
#include "patterns/membership/bootstrap.hpp"
#include "patterns/membership/swim.hpp"

#include <algorithm>

#include <doctest/doctest.h>
using namespace troupe::membership;
using namespace std::chrono_literals;
namespace {
using names = std::vector<std::string>;
constexpr bootstrap::timing how{250ms, 3s, 60s};

bootstrap at(const std::string& self, names seeds, names known = {}) {
  return bootstrap{self, std::move(seeds), std::move(known), how, 0s};
}
bool after(bootstrap b, duration time) {
  bool formed = false;
  for (instant now{}; now <= time && !formed; now += 250ms) formed = b.step(now).form;
  return formed;
}
bootstrap told(bootstrap b, const names& forming) {
  for (const auto& address : forming) b.forming(address);
  return b;
}

// One member "a", at a:1; its cluster is its own, or 77 with b and c in it.
struct bench {
  explicit bench(names seeds, options o = {}) : core(std::move(o), self("a"), seeds, {}, 5, now) {}
  static record self(const std::string& name) {
    record r;
    r.id = {name, name + "-life"};
    r.address = name + ":1";
    return r;
  }
  static header from(const std::string& name, std::uint64_t cluster, std::string to = "a-life") {
    return {.from = {name, name + "-life"},
            .address = name + ":1",
            .cluster = cluster,
            .to = std::move(to)};
  }
  void welcome_to_bc() {
    welcome w{from("b", 77), {}};
    std::uint64_t age = 1;
    for (const auto* name : {"b", "c", "a"}) {
      auto r = self(name);
      r.state = member_state::up;
      r.age = age++;
      w.members.push_back(r);
    }
    give(message{w});
  }
  output give(const input& in) {
    output out;
    core.step(in, now, out);
    return out;
  }
  output run(duration d) {
    output all;
    for (const instant end = now + d; core.due() <= end;) {
      now = std::max(now, core.due());
      core.step(tick{}, now, all);
    }
    return all;
  }
  instant now{10s};
  swim core;
};

template <class T>
names addressed(const output& out) {
  names to;
  for (const auto& o : out.send) {
    if (std::holds_alternative<T>(o.what)) to.push_back(o.address);
  }
  return to;
}
std::vector<turn_away> reasons(const output& out) {
  std::vector<turn_away> all;
  for (const auto& o : out.send) {
    if (const auto* t = std::get_if<turned_away>(&o.what)) all.push_back(t->reason);
  }
  return all;
}
bool has(const output& out, event_kind what) {
  return std::any_of(out.events.begin(), out.events.end(),
                     [&](const event& e) { return e.what == what; });
}
}  // namespace

TEST_CASE("bootstrap: who forms a cluster, and when") {
  CHECK(after(at("a:1", {}), 0s));
  CHECK(after(at("a:1", {"a:1"}), 0s));
  CHECK(!after(at("a:1", {"b:1"}), 1h));         // not a seed
  CHECK(!after(at("a:1", {"b:1", "a:1"}), 1h));  // not the first
  CHECK(!after(at("a:1", {"a:1", "b:1"}), 2s));  // another one may answer
  CHECK(after(at("a:1", {"a:1", "b:1"}), 3s));
  CHECK(after(told(at("a:1", {"a:1", "b:1"}), {"b:1"}), 0s));  // all others are in none
  CHECK(!after(told(at("a:1", {"a:1", "b:1"}), {"z:1"}), 2s));
  auto met = at("a:1", {"a:1"});
  met.met("b:1", 0s);  // a cluster has spoken to us
  CHECK(!after(met, 2s));
}

TEST_CASE(
    "bootstrap: former members form a cluster anew when all, or for long a majority, answer") {
  CHECK(!after(at("a:1", {"a:1"}, {"b:1", "c:1"}), 1h));  // nobody answers
  CHECK(!after(told(at("a:1", {"a:1"}, {"b:1", "c:1"}), {"b:1"}), 59s));
  CHECK(after(told(at("a:1", {"a:1"}, {"b:1", "c:1"}), {"b:1"}), 60s));
  CHECK(after(told(at("a:1", {"a:1"}, {"b:1", "c:1"}), {"b:1", "c:1"}), 0s));
  CHECK(!after(told(at("a:1", {}, {"b:1"}), {}), 1h));  // without seeds as well
}

TEST_CASE("bootstrap: where the first seed stays away, the first of the others takes its place") {
  const names former{"a:1", "b:1", "c:1", "d:1"};  // a:1 was the first seed, and is dead
  CHECK(!after(told(at("b:1", {"a:1"}, former), {"c:1", "d:1"}), 65s));  // it has its time
  CHECK(after(told(at("b:1", {"a:1"}, former), {"c:1", "d:1"}), 66s));
  CHECK(!after(told(at("c:1", {"a:1"}, former), {"b:1", "d:1"}), 1h));  // b:1 does it
  CHECK(!after(told(at("b:1", {"a:1"}, former), {"c:1"}), 1h));         // no majority of four
  CHECK(!after(at("b:1", {"a:1"}, former), 1h));                        // nobody answers
  CHECK(!after(told(at("b:1", {"d:1"}, former), {"c:1", "d:1"}), 1h));  // the first seed is there
  CHECK(!after(told(at("b:1", {"a:1"}), {}), 1h));                      // it has never been in one
}

TEST_CASE("bootstrap: whoever waits for former members says so now and then") {
  auto b = told(at("a:1", {"a:1"}, {"b:1", "c:1", "d:1"}), {"b:1"});
  names said;
  for (instant now{}; now <= 65s; now += 250ms) {
    if (auto out = b.step(now); !out.waiting.empty()) said.push_back(out.waiting);
  }
  REQUIRE(said.size() == 2);
  CHECK(said[0].find("waiting for 2 of 3 former members") == 0);
  auto fresh = at("a:1", {"b:1"});
  for (instant now{}; now <= 65s; now += 250ms) CHECK(fresh.step(now).waiting.empty());
}

TEST_CASE("bootstrap: one address written in several ways is one") {
  auto first = at("127.0.0.1:1", {"localhost:1"});
  CHECK(!after(first, 1h));
  first.also_known("localhost:1", "127.0.0.1:1");  // it leads back here: we are the first seed
  CHECK(first.step(0s).form);

  auto two = at("a:1", {"a:1", "b.example:1"});
  two.forming("b:1");  // not known yet to be a seed
  CHECK(!after(two, 2s));
  two.also_known("b.example:1", "b:1");
  two.forming("b:1");
  CHECK(after(two, 0s));
  CHECK(two.strangers({}) == names{"b.example:1"});  // as it was written, for it is dialed
  CHECK(two.strangers({"b:1"}).empty());
  CHECK(two.strangers({"c:1"}) == names{"b.example:1"});
}

TEST_CASE("swim: a seed that turns out to be this node itself is asked no more") {
  bench b{{"localhost:1"}};
  CHECK(addressed<join>(b.give(tick{})) == names{"localhost:1"});
  CHECK(b.core.where() == standing::looking);
  b.give(own_address{"localhost:1"});
  b.run(1s);
  CHECK(b.core.where() == standing::member);

  bench second{{"other:1", "localhost:1"}};  // not the first: it goes on looking
  second.give(tick{});
  second.give(own_address{"localhost:1"});
  CHECK(addressed<join>(second.run(300ms)) == names{"other:1"});
  CHECK(second.core.where() == standing::looking);
}

TEST_CASE("swim: with each exchange of views, seeds that are not members are called") {
  const auto called = [](const output& out) {
    names to;
    for (const auto& o : out.send) {
      if (std::holds_alternative<troupe::membership::sync>(o.what) && o.incarnation.empty()) {
        CHECK(head_of(o.what).to.empty());
        to.push_back(o.address);
      }
    }
    return to;
  };
  options often;
  often.sync_interval = 500ms;
  bench b{{"b:1", "z:1", "c.example:1"}, often};
  b.welcome_to_bc();
  b.give(also_known{"c.example:1", "c:1"});
  CHECK(called(b.run(600ms)) == names{"z:1"});
}

TEST_CASE("swim: a node alone in a cluster of its own goes to the one that calls it") {
  bench alone{{}};
  alone.give(tick{});
  REQUIRE(alone.core.where() == standing::member);
  const auto out =
      alone.give(message{troupe::membership::sync{bench::from("b", 77, ""), {}, false}});
  CHECK(addressed<join>(out) == names{"b:1"});
  CHECK(reasons(out) == std::vector{turn_away::other_cluster});
  // The answer says that the other one is larger.
  const auto end = alone.give(
      message{turned_away{bench::from("b", 77), turn_away::other_cluster, "a-life", "troupe", 2}});
  CHECK(has(end, event_kind::self_downed));
  CHECK(alone.core.known_addresses() == names{"b:1"});

  bench many{{}};
  many.welcome_to_bc();  // whoever has members stays with them
  const auto no = many.give(message{troupe::membership::sync{bench::from("y", 99, ""), {}, false}});
  CHECK(addressed<join>(no).empty());
  CHECK(many.core.present_addresses() == names{"b:1", "c:1"});
}

TEST_CASE("swim: a node that looks for its cluster asks whoever calls it") {
  bench looking{{"s:1"}};
  looking.give(tick{});
  const auto out =
      looking.give(message{troupe::membership::sync{bench::from("b", 77, ""), {}, false}});
  CHECK(reasons(out) == std::vector{turn_away::forming});
  CHECK(addressed<join>(looking.give(tick{})) == names{"b:1", "s:1"});
}

TEST_CASE("swim: what the downing strategy decides is told, with who goes") {
  options o;
  o.resolving.stable_after = 100ms;
  bench b{{}, o};
  b.welcome_to_bc();
  output all = b.run(30s);  // nobody answers: it is on its own, and gives way
  const auto told = std::find_if(all.events.begin(), all.events.end(),
                                 [](const event& e) { return e.what == event_kind::decided; });
  REQUIRE(told != all.events.end());
  CHECK(told->names == names{"a"});
  CHECK(!told->reason.empty());
}

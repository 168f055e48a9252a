// Members of a barrier on the model of a store: all in, all out, again; deaths before, inside and after; any order.
#include "patterns/lock/barrier.hpp"
#include "patterns/lock/model_store.hpp"
#include "patterns/simulation/random.hpp"

#include <algorithm>

#include <doctest/doctest.h>
using namespace troupe;
using namespace troupe::lock;
using namespace std::chrono_literals;
namespace {
struct bench {
  struct member {
    barrier it;
    std::string session;
    std::vector<ask> asks{};
    std::vector<barrier_event> events{};
    bool dead = false, spoiled = false;
  };
  explicit bench(std::size_t count, std::uint32_t parties = 3) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::string name(1, static_cast<char>('a' + i));
      all.push_back({barrier{{.name = "x", .parties = parties, .owner = name}, name}, {}});
      std::vector<model_store::reply> said;
      store.asked(100 + i, {1, open_session{10s}}, now, said);
      all[i].session = std::get<opened>(said.at(0).what).session;
      give(i, session_is{all[i].session});
    }
  }
  void give(std::size_t i, const barrier_input& in) {
    barrier_output out;
    all[i].it.step(in, now, out);
    for (auto& a : out.asks) all[i].asks.push_back(std::move(a));
    for (auto& e : out.events) all[i].events.push_back(std::move(e));
    all[i].spoiled = all[i].spoiled || out.spoiled;
  }
  bool go(std::size_t i) {  // one request of it, and what that answers
    if (all[i].dead || all[i].asks.empty()) return false;
    const auto a = all[i].asks.front();
    all[i].asks.erase(all[i].asks.begin());
    say(i, a);
    return true;
  }
  void say(std::size_t whom, const ask& a) {
    std::vector<model_store::reply> said;
    store.asked(whom, a, now, said);
    for (auto& r : said)
      if (r.whom < all.size() && !all[r.whom].dead) give(r.whom, answered{r.number, r.what});
  }
  void settle() {
    for (bool any = true; any;) {
      any = false;
      for (std::size_t i = 0; i < all.size(); ++i) any = go(i) || any;
    }
  }
  void dies(std::size_t i) {
    all[i].dead = true;
    say(200, {1, close_session{all[i].session}});
  }
  void tick(duration after) {
    now += after;
    for (std::size_t i = 0; i < all.size(); ++i)
      if (!all[i].dead && now >= all[i].it.due()) give(i, tick_now);
    settle();
  }
  template <class T>
  std::vector<T> of(std::size_t i) const {
    std::vector<T> some;
    for (const auto& e : all[i].events)
      if (const auto* x = std::get_if<T>(&e)) some.push_back(*x);
    return some;
  }
  std::size_t entered(std::size_t i) const { return of<barrier_entered>(i).size(); }
  std::size_t left(std::size_t i) const { return of<barrier_left>(i).size(); }
  std::size_t gates() const {
    const auto found = store.lines().find("barrier:x");
    return found == store.lines().end() ? 0 : found->second.size();
  }
  const barrier_input tick_now = lock::tick{};
  instant now{10s};
  model_store store;
  std::vector<member> all;
};
}  // namespace

TEST_CASE(
    "lock barrier: all in together, all out together, again and again; nothing stays behind") {
  bench b{3};
  for (std::size_t round = 1; round <= 3; ++round) {
    CAPTURE(round);
    b.give(0, barrier_enter{});
    b.give(1, barrier_enter{});
    b.settle();
    CHECK(b.entered(0) == round - 1);
    b.give(2, barrier_enter{});
    b.settle();
    std::vector<std::uint32_t> places;
    for (std::size_t i = 0; i < 3; ++i) {
      REQUIRE(b.entered(i) == round);
      places.push_back(b.of<barrier_entered>(i).back().place);
      CHECK(b.of<barrier_entered>(i).back().round == b.of<barrier_entered>(0).back().round);
    }
    std::sort(places.begin(), places.end());
    CHECK(places == std::vector<std::uint32_t>{0, 1, 2});
    b.give(1, barrier_leave{});
    b.give(2, barrier_leave{});
    b.settle();
    CHECK(b.left(1) == round - 1);
    b.give(0, barrier_leave{});
    b.settle();
    for (std::size_t i = 0; i < 3; ++i) CHECK(b.left(i) == round);
    CHECK(b.gates() == 0);
  }
}

TEST_CASE("lock barrier: who comes too many waits for the next round") {
  bench b{5};
  for (std::size_t i = 0; i < 5; ++i) b.give(i, barrier_enter{});
  b.settle();
  std::size_t in = 0;
  for (std::size_t i = 0; i < 5; ++i) in += b.entered(i);
  CHECK(in == 3);
  std::map<std::uint64_t, std::size_t> seen;  // by round, from outside
  for (const auto& p : parties_of(b.store.lines().at("barrier:x"))) {
    CHECK(p.parties == 3);
    CHECK(p.owner.size() == 1);
    ++seen[p.round];
  }
  REQUIRE(seen.size() == 2);
  CHECK(seen.at(0) == 2);
  CHECK(seen.rbegin()->second == 3);
  for (std::size_t i = 0; i < 5; ++i)
    if (b.entered(i) == 1) b.give(i, barrier_leave{});
  b.settle();
  for (std::size_t i = 0; i < 5; ++i) CHECK(b.left(i) == b.entered(i));
  for (std::size_t i = 0; i < 5; ++i)
    if (b.entered(i) == 1) {
      b.give(i, barrier_enter{});
      b.settle();
      break;
    }
  in = 0;
  for (std::size_t i = 0; i < 5; ++i) in += b.entered(i);
  CHECK(in == 6);
}

TEST_CASE(
    "lock barrier: a member that dies inside breaks it for all, at work or on their way out") {
  bench b{3};
  for (std::size_t i = 0; i < 3; ++i) b.give(i, barrier_enter{});
  b.settle();
  b.give(1, barrier_leave{});
  b.settle();
  b.dies(2);
  b.settle();
  REQUIRE(b.of<barrier_broken>(0).size() == 1);
  CHECK(b.of<barrier_broken>(0)[0].why.ends_with("is gone"));
  CHECK(b.left(1) == 0);
  b.give(0, barrier_leave{});
  b.settle();
  for (const std::size_t i : {0, 1}) {
    REQUIRE(b.of<barrier_refused>(i).size() == 1);
    CHECK(b.of<barrier_refused>(i)[0].why == barrier_refusal::broken);
    CHECK(b.all[i].it.idle());
  }
}

TEST_CASE("lock barrier: who waits and dies is not counted; who left in order breaks nothing") {
  bench b{4};
  b.give(0, barrier_enter{});
  b.give(1, barrier_enter{});
  b.settle();
  b.dies(0);
  b.give(2, barrier_enter{});
  b.settle();
  CHECK(b.entered(1) == 0);
  b.give(3, barrier_enter{});
  b.settle();
  for (const std::size_t i : {1, 2, 3}) CHECK(b.entered(i) == 1);
  b.give(1, barrier_leave{});
  b.settle();
  b.dies(1);
  b.give(2, barrier_leave{});
  b.give(3, barrier_leave{});
  b.settle();
  CHECK(b.left(2) == 1);
  CHECK(b.left(3) == 1);
  CHECK(b.of<barrier_broken>(2).empty());
}

TEST_CASE(
    "lock barrier: time runs out, the store is silent, a size that differs, what is not inside") {
  bench b{3};
  b.give(0, barrier_enter{500ms});
  b.settle();
  b.tick(500ms);
  REQUIRE(b.of<barrier_refused>(0).size() == 1);
  CHECK(b.of<barrier_refused>(0)[0].sentence == "'x' was not complete within the time given");
  CHECK_FALSE(b.all[0].spoiled);
  b.give(0, barrier_leave{});
  CHECK(b.of<barrier_refused>(0)[1].sentence == "it is not inside");
  // a request to stand that is under way when time runs out may come late
  b.give(0, barrier_enter{500ms});
  b.all[0].asks.clear();
  b.tick(500ms);
  CHECK(b.all[0].spoiled);
  b.give(1, barrier_enter{});
  b.settle();
  b.all.push_back({barrier{{.name = "x", .parties = 2, .owner = "z"}, "z"}, {}});
  b.give(3, session_is{b.all[2].session});
  b.give(3, barrier_enter{});
  b.settle();
  REQUIRE(b.of<barrier_refused>(3).size() == 1);
  CHECK(b.of<barrier_refused>(3)[0].sentence == "'x' is for 3, not for 2");
}

TEST_CASE("lock barrier: one that comes later with another size is refused, and nobody else") {
  bench b{3};
  b.all.push_back({barrier{{.name = "x", .parties = 2, .owner = "z"}, "z"}, {}});
  b.give(3, session_is{b.all[2].session});
  b.give(0, barrier_enter{});
  b.give(3, barrier_enter{});
  b.settle();
  CHECK(b.of<barrier_refused>(3).size() == 1);
  for (const int i : {1, 2}) b.give(i, barrier_enter{});
  b.settle();
  for (const int i : {0, 1, 2}) CHECK(b.of<barrier_entered>(i).size() == 1);
}

TEST_CASE(
    "lock barrier: in any order of requests, with deaths, a round is of as many as it takes") {
  for (std::uint64_t seed = 1; seed <= 3'000; ++seed) {
    CAPTURE(seed);
    simulation::generator chance{seed};
    bench b{5, 2 + static_cast<std::uint32_t>(seed % 2)};
    const auto parties = 2 + seed % 2;
    const bool deaths = chance.below(2) == 0;
    std::size_t dead = 0;
    for (int step = 0; step < 300; ++step) {
      const auto i = static_cast<std::size_t>(chance.below(5));
      if (b.all[i].dead) continue;
      if (deaths && dead < 2 && chance.below(100) == 0) {
        b.dies(i);
        ++dead;
      } else if (b.all[i].it.idle() && chance.below(3) == 0) {
        b.give(i, barrier_enter{});
      } else if (b.all[i].it.inside() && chance.below(4) == 0) {
        b.give(i, barrier_leave{});
      } else {
        b.go(i);
      }
    }
    for (int i = 0; i < 50; ++i) {  // whatever can go on does
      b.tick(5s);
      for (std::size_t m = 0; m < 5; ++m)
        if (!b.all[m].dead && b.all[m].it.inside()) b.give(m, barrier_leave{});
      b.settle();
    }
    std::map<std::uint64_t, std::vector<std::uint32_t>> rounds;
    for (std::size_t m = 0; m < 5; ++m) {
      for (const auto& e : b.of<barrier_entered>(m)) rounds[e.round].push_back(e.place);
      CHECK_FALSE((!b.all[m].dead && b.all[m].it.inside()));
    }
    for (auto& [number, places] : rounds) {
      const auto round = number;  // no binding, for clang 14
      CAPTURE(round);
      std::sort(places.begin(), places.end());
      CHECK(std::adjacent_find(places.begin(), places.end()) == places.end());
      CHECK(places.size() <= parties);
      if (dead == 0) CHECK(places.size() == parties);
    }
    if (dead == 0)
      for (std::size_t m = 0; m < 5; ++m) {
        CHECK(b.of<barrier_broken>(m).empty());
        CHECK(b.of<barrier_refused>(m).empty());
      }
  }
}

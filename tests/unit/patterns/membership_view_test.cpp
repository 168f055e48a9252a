// Views: the laws of merging, on random ones; news and its bounds.
#include "patterns/membership/dissemination.hpp"
#include "patterns/membership/member.hpp"
#include "seeds.hpp"

#include <algorithm>
#include <random>

#include <doctest/doctest.h>
using namespace troupe::membership;
namespace {
record random_record(std::mt19937_64& chance, const member_id& id) {
  const auto names = [&] {
    std::vector<std::string> all;
    for (const char* name : {"a", "b", "c"}) {
      if (chance() % 2 == 0) all.emplace_back(name);
    }
    return all;
  };
  record r;
  r.id = id;
  r.address = chance() % 8 == 0 ? "elsewhere:1" : "here:1";
  r.roles = names();
  r.replaces = chance() % 4 == 0 && id.incarnation != "1" ? "1" : "";
  r.state = static_cast<member_state>(chance() % 6);
  r.age = chance() % 3;
  r.generation = chance() % 3;
  r.liveness = static_cast<reach>(chance() % 3);
  if (r.liveness != reach::alive) r.witnesses = names();
  r.cut_off = names();
  return r;
}

view random_view(std::mt19937_64& chance) {
  view v;
  for (const char* name : {"a", "b", "c"}) {
    for (const char* incarnation : {"1", "2", "3"}) {
      const member_id id{name, incarnation};
      if (chance() % 2 == 0) v[id] = random_record(chance, id);
    }
  }
  return v;
}

view merged(view a, const view& b) {
  merge(a, b);
  return a;
}
}  // namespace

TEST_CASE("view: merging is commutative, associative and idempotent, whatever the views") {
  std::mt19937_64 chance{1};
  for (int round = 0; round < 20'000; ++round) {
    CAPTURE(round);
    // a view that somebody holds is closed: whoever is replaced in it is removed
    const view a = merged({}, random_view(chance)), b = merged({}, random_view(chance)),
               c = merged({}, random_view(chance));
    REQUIRE(merged(a, b) == merged(b, a));
    REQUIRE(merged(merged(a, b), c) == merged(a, merged(b, c)));
    REQUIRE(merged(a, a) == a);
    REQUIRE(merged(merged(a, b), b) == merged(a, b));
  }
}

TEST_CASE("view: merging never goes back in state or generation, and says whether it changed") {
  std::mt19937_64 chance{2};
  for (int round = 0; round < 20'000; ++round) {
    CAPTURE(round);
    const record known = random_record(chance, {"a", "1"}),
                 heard = random_record(chance, {"a", "1"});
    record after = known;
    const bool changed = merge(after, heard);
    REQUIRE(changed == (after != known));
    REQUIRE(after.state == std::max(known.state, heard.state));
    REQUIRE(after.generation == std::max(known.generation, heard.generation));
    if (known.generation == heard.generation) {
      REQUIRE(after.liveness == std::max(known.liveness, heard.liveness));
    } else {
      const auto& newer = known.generation > heard.generation ? known : heard;
      REQUIRE(after.liveness == newer.liveness);
      REQUIRE(after.cut_off == newer.cut_off);
    }
    REQUIRE(valid(after));
  }
}

TEST_CASE("view: the oldest is the lowest age of those that are up and reachable") {
  const auto with = [](std::vector<record> members) {
    view v;
    for (auto& r : members) v[r.id] = r;
    const record* first = oldest(v);
    return first == nullptr ? std::string{} : first->id.name;
  };
  const auto up = [](const char* name, std::uint64_t age) {
    record r;
    r.id = {name, "1"};
    r.state = member_state::up;
    r.age = age;
    return r;
  };
  const auto in = [](record r, member_state s) { return r.state = s, r; };
  const auto lost = [](record r) { return r.liveness = reach::unreachable, r; };
  CHECK(with({}).empty());
  CHECK(with({up("a", 3), up("b", 2), up("c", 5)}) == "b");
  CHECK(with({up("b", 2), up("a", 2)}) == "a");  // both were given it: the lower name
  CHECK(with({lost(up("a", 1)), up("b", 2)}) == "b");
  CHECK(with({in(up("a", 1), member_state::leaving), up("b", 2)}) == "b");
  CHECK(with({in(up("a", 1), member_state::leaving), in(up("b", 0), member_state::joining)}) ==
        "a");
  CHECK(with({in(up("a", 1), member_state::exiting), in(up("b", 2), member_state::down)}).empty());
}

TEST_CASE("view: a digest tells views apart by what members should agree on, and by nothing else") {
  std::mt19937_64 chance{3};
  view v;
  for (const char* name : {"a", "b"}) v[{name, "1"}] = random_record(chance, {name, "1"});
  for (auto& [id, r] : v) r.state = member_state::up, r.liveness = reach::alive;
  const auto before = digest(v);
  record& a = v.at({"a", "1"});
  a.witnesses = {"b"};
  a.liveness = reach::suspect;
  CHECK(digest(v) == before);
  a.liveness = reach::unreachable;
  CHECK(digest(v) != before);
  a.liveness = reach::alive;
  a.generation += 1;
  CHECK(digest(v) != before);
  a.generation -= 1;
  v[{"c", "1"}].state = member_state::removed;
  CHECK(digest(v) == before);
}

TEST_CASE("view: two who accuse each other don't have the same digest") {
  // They would never compare their views again, and each would stay unreachable for the other.
  for (const char* second : {"b", "c", "d", "e", "f", "g", "h", "i"}) {
    CAPTURE(second);
    record mine, theirs;
    mine.id = {"a", "1"};
    theirs.id = {second, "1"};
    mine.state = theirs.state = member_state::up;
    const auto view_of = [&](record self, record other) {
      self.generation = 1;  // it has refuted; the other has not heard of it
      other.liveness = reach::unreachable;
      return digest({{self.id, self}, {other.id, other}});
    };
    CHECK(view_of(mine, theirs) != view_of(theirs, mine));
  }
}

TEST_CASE("view: what a peer says beyond the bounds is no record") {
  record good;
  good.id = {"a", "1"};
  CHECK(valid(good));
  const auto bad = [&](auto change) {
    record r = good;
    change(r);
    CHECK(!valid(r));
  };
  bad([](record& r) { r.id.name.clear(); });
  bad([](record& r) { r.id.name = std::string(256, 'n'); });
  bad([](record& r) { r.id.incarnation.clear(); });
  bad([](record& r) { r.address = std::string(256, 'n'); });
  bad([](record& r) { r.replaces = "1"; });
  bad([](record& r) { r.roles = {"b", "a"}; });
  bad([](record& r) { r.roles.assign(65, "a"); });
  bad([](record& r) { r.witnesses.assign(9, "a"); });
  bad([](record& r) { r.cut_off.assign(17, "a"); });
  bad([](record& r) { r.generation = generation_max + 1; });
  bad([](record& r) { r.state = static_cast<member_state>(6); });
  bad([](record& r) { r.liveness = static_cast<reach>(3); });
}

TEST_CASE("news: each piece is sent lambda log n times, the least sent first (SWIM, section 4.1)") {
  CHECK(transmissions(3, 1) == 3);
  CHECK(transmissions(3, 5) == 9);
  CHECK(transmissions(3, 100) == 21);
  CHECK(transmissions(3, 1000) == 30);
  dissemination news;
  const member_id a{"a", "1"}, b{"b", "1"}, c{"c", "1"};
  news.add(a);
  news.add(b);
  CHECK(news.pick(1, 3) == std::vector<member_id>{b});  // of equals the newest
  CHECK(news.pick(1, 3) == std::vector<member_id>{a});
  news.add(c);
  CHECK(news.pick(2, 3).front() == c);
  news.add(a);  // newer news begins anew
  CHECK(news.pick(1, 3) == std::vector<member_id>{a});
  std::map<std::string, int> sent;
  while (!news.empty()) {
    for (const auto& id : news.pick(8, 3)) ++sent[id.name];
  }
  CHECK(sent == std::map<std::string, int>{{"a", 2}, {"b", 1}, {"c", 2}});
  CHECK(news.pick(8, 3).empty());
}

// The bully election, claim by claim: the paper's, the formulas of its cost, and the bugs that naive
// code has.
#include "bully_bench.hpp"

#include <doctest/doctest.h>
using namespace troupe::bully;
using namespace troupe::bully::test;
namespace {
const options keeps{.keep_incumbent = true};
using servers = std::vector<server>;

// What elections cost since `before`.
counts less(counts now, const counts& before) {
  return {now.election - before.election, now.alive - before.alive, now.victory - before.victory, 0,
          now.outdated - before.outdated};
}
}  // namespace

TEST_CASE("bully: who starts asks all above, and leads when none of them answers in time") {
  alone a{2};
  CHECK(a.core.due() == instant::max());
  CHECK(to<election>(a.give(start{})) == servers{3, 4});
  CHECK(a.core.as() == role::asking);
  CHECK(nothing(a.wait(499ms)));
  const auto out = a.wait(1ms);
  CHECK(to<victory>(out) == servers{0, 1});
  REQUIRE(out.events.size() == 1);
  CHECK(std::get<leads>(out.events[0]) == leads{2, {1, 2, 1}});
  CHECK(a.core.as() == role::leading);
}

TEST_CASE("bully: the highest of all asks nobody") {
  alone a{4};
  CHECK(to<victory>(a.give(start{})) == servers{0, 1, 2, 3});
  CHECK(a.core.as() == role::leading);
}

TEST_CASE("bully: who is asked from below answers, and asks in turn, once an election") {
  alone a{2};
  a.follow(4, 7);
  const auto out = a.hear(0, election{8, 1});
  REQUIRE(sent<alive>(out).size() == 1);
  CHECK(sent<alive>(out)[0] == std::pair{server{0}, alive{8, 1, 1, 8}});
  REQUIRE(to<election>(out) == servers{3, 4});
  CHECK(sent<election>(out)[0].second.number == 8);
  const auto again = a.hear(1, election{8, 1});
  CHECK(to<alive>(again) == servers{1});
  CHECK(to<election>(again).empty());
}

TEST_CASE("bully: a leader that is asked leads on, and who asks is told") {
  for (const auto& how : {options{}, keeps}) {
    alone a{4, how};
    a.give(start{});
    if (how.keep_incumbent) a.wait_until_due();
    const auto out = a.hear(1, election{5, 1});
    CHECK(to<victory>(out) == servers{0, 1, 2, 3});
    CHECK(a.core.leader()->number == 5);
    const auto late = a.hear(1, election{5, 1});
    CHECK(to<victory>(late) == servers{1});
    CHECK(late.events.empty());
  }
}

TEST_CASE("bully: a leader beats to all, above too, so that an elder hears of it") {
  alone a{3};
  a.give(start{});
  a.wait_until_due();
  REQUIRE(a.core.as() == role::leading);
  CHECK(to<beat>(a.wait(200ms)) == servers{0, 1, 2, 4});
}

TEST_CASE("bully: who hears no beat for so long asks for another leader") {
  alone a{1};
  a.follow(4, 7);
  a.now += 900ms;
  CHECK(nothing(a.hear(4, beat{{7, 4, 1}})));
  CHECK(nothing(a.wait(999ms)));
  const auto out = a.wait(1ms);
  CHECK(to<election>(out) == servers{2, 3, 4});
  REQUIRE(out.events.size() == 1);
  CHECK(std::holds_alternative<looking>(out.events[0]));
  CHECK(a.core.number() == 8);
}

TEST_CASE("bully: alive came and no victory: the election begins anew, under another number") {
  alone a{1};
  a.give(start{});
  CHECK(nothing(a.hear(3, alive{1, 1, 1, 1})));
  CHECK(a.core.as() == role::waiting);
  CHECK(nothing(a.wait(1499ms)));
  const auto out = a.wait(1ms);
  REQUIRE(to<election>(out) == servers{2, 3, 4});
  CHECK(sent<election>(out)[0].second.number == 2);
}

TEST_CASE("bully: a second alive gives no more time") {
  alone a{1};
  a.give(start{});
  a.hear(3, alive{1, 1, 1, 1});
  const auto due = a.core.due();
  a.now += 1s;
  a.hear(4, alive{1, 1, 1, 1});
  CHECK(a.core.due() == due);
}

TEST_CASE("bully: an alive that is late, or not to this election of this life, does nothing") {
  struct row {
    const char* what;
    server from;
    alive late;
  };
  const row table[] = {
      {"of an earlier election", 3, {1, 1, 1, 1}},
      {"of one to come", 3, {3, 1, 1, 3}},
      {"to another life", 3, {2, 9, 1, 2}},
      {"from below, who was not asked", 0, {2, 1, 1, 2}},
      {"from a life that is over", 2, {2, 1, 1, 2}},
  };
  for (const auto& [what, from, late] : table) {
    const auto& shown = what;  // no binding, for clang 14
    CAPTURE(shown);
    alone a{1};
    a.give(start{});
    a.hear(3, alive{1, 1, 1, 1});
    a.give(lost{2, 1});
    a.hear(0, election{1, 1});
    a.wait_until_due();  // the second election
    REQUIRE(a.core.as() == role::asking);
    const auto before = a.core.digest();
    CHECK(nothing(a.hear(from, late)));
    CHECK(a.core.digest() == before);
  }
}

TEST_CASE("bully: a victory of an older number, or a second of one number, is not obeyed") {
  struct row {
    const char* what;
    server from;
    term late;
  };
  const row table[] = {
      {"of an older number", 3, {6, 3, 1}},
      {"of its own leader, from before", 4, {6, 4, 1}},
      {"another of the same number", 3, {7, 3, 1}},
      {"its own leader's number by a life after it", 4, {7, 4, 2}},
  };
  for (const auto& how : {options{}, keeps}) {
    for (const auto& [what, from, late] : table) {
      const auto& shown = what;  // no binding, for clang 14
      CAPTURE(shown);
      alone a{1, how};
      a.follow(4, 7);
      const auto out = a.hear(from, victory{late});
      for (const auto& e : out.events) CHECK(std::holds_alternative<looking>(e));
      REQUIRE(to<outdated>(out) == servers{from});
      CHECK(sent<outdated>(out)[0].second.number == 7);
    }
  }
}

TEST_CASE("bully: who was given up is not obeyed when it is heard again, and told why") {
  alone a{1};
  a.follow(4, 7);
  a.wait_until_due();
  REQUIRE(a.core.number() == 8);
  const auto out = a.hear(4, beat{{7, 4, 1}});
  CHECK(a.core.as() == role::asking);
  REQUIRE(to<outdated>(out) == servers{4});
  CHECK(sent<outdated>(out)[0].second == outdated{{7, 4, 1}, 8, {}, 1});
  a.follow(4, 8);
  CHECK(a.core.leader()->number == 8);
}

TEST_CASE("bully: a leader that is outdated leads on above, or makes way for whom others follow") {
  struct row {
    const char* what;
    options how;
    term others_follow;
    bool leads;
  };
  const row table[] = {
      {"they look for one", {}, {}, true},
      {"they follow a lower one", {}, {9, 1, 1}, true},
      {"they follow a higher one", {}, {9, 4, 1}, false},
      {"they follow a former life of its own", {}, {9, 3, 1}, true},
      {"they look for one", keeps, {}, true},
      {"they follow one of a later number", keeps, {9, 1, 1}, false},
      {"they follow a former life of its own", keeps, {9, 3, 1}, true},
  };
  for (const auto& [what, how, others_follow, leads] : table) {
    const auto& shown = what;  // no binding, for clang 14
    CAPTURE(shown);
    alone a{3, how, 2};
    a.give(start{});
    a.wait_until_due();
    REQUIRE(a.core.as() == role::leading);
    const term own = *a.core.leader();
    const auto out = a.hear(0, outdated{own, 9, others_follow, 1});
    CHECK(a.core.as() == (leads ? role::leading : role::listening));
    const std::uint64_t above = leads && others_follow.number > 0 ? 10 : 9;
    CHECK(a.core.number() == above);
    if (leads) CHECK(*a.core.leader() == term{above, 3, 2});
    // the same of what it said before
    const auto digest = a.core.digest();
    CHECK(nothing(a.hear(0, outdated{own, 12, {}, 1})));
    CHECK(a.core.digest() == digest);
  }
}

TEST_CASE("bully: nobody follows a lower one, and whoever leads below is taken over") {
  alone listens{3};
  listens.follow(4, 7);
  listens.give(lost{4, 1});
  listens.wait_until_due();
  REQUIRE(listens.core.as() == role::leading);
  const auto out = listens.hear(2, beat{{11, 2, 1}});
  CHECK(to<victory>(out) == servers{0, 1, 2});
  CHECK(listens.core.leader()->number == 12);

  alone asks{3};
  asks.give(start{});
  CHECK(nothing(asks.follow(2, 11)));
  CHECK(asks.core.as() == role::asking);
  asks.wait_until_due();
  CHECK(*asks.core.leader() == term{12, 3, 1});

  alone follows{3};
  follows.follow(4, 7);
  CHECK(nothing(follows.follow(2, 11)));
  CHECK(follows.core.leader()->leader == 4);
  CHECK(to<outdated>(follows.hear(4, beat{{7, 4, 1}})) == servers{4});  // 4 will lead on above
}

TEST_CASE(
    "bully: a life that is over has no voice, and its leadership ends with the next one's first "
    "word") {
  for (const auto& how : {options{}, keeps}) {
    alone a{1, how};
    a.follow(4, 7, 2);
    CHECK(nothing(a.hear(4, beat{{9, 4, 1}})));
    CHECK(nothing(a.hear(4, election{9, 1})));
    CHECK(a.core.number() == 7);
    const auto out = a.hear(4, victory{{1, 4, 3}});  // it has forgotten its number
    CHECK(a.core.leader() == nullptr);
    REQUIRE(to<outdated>(out) == servers{4});
    CHECK(sent<outdated>(out)[0].second.follows.number == 0);
    CHECK(nothing(a.hear(4, beat{{7, 4, 2}})));
  }
}

TEST_CASE("bully: what is no message of this group is dropped") {
  alone a{1};
  a.follow(4, 7);
  const auto before = a.core.digest();
  const std::pair<server, message> table[] = {
      {9, victory{{9, 9, 1}}},                    // nobody
      {1, victory{{9, 1, 1}}},                    // itself
      {3, victory{{9, 4, 1}}},                    // another's
      {4, victory{{number_max + 1, 4, 1}}},       // no number
      {4, beat{{0, 4, 1}}},                       // none
      {0, election{number_max + 1, 1}},           // no number
      {4, outdated{{7, 4, 1}, 9, {10, 4, 1}, 1}}  // it contradicts itself
  };
  for (const auto& [from, what] : table) CHECK(nothing(a.hear(from, what)));
  a.give(lost{9, 1});
  a.give(back{1, 5});
  CHECK(a.core.digest() == before);
}

TEST_CASE("bully: a detector's word saves the time-outs") {
  alone leader_dies{1};
  leader_dies.follow(4, 7);
  CHECK(to<election>(leader_dies.give(lost{4, 1})) == servers{2, 3});  // not the dead

  alone last_asked_dies{3};
  last_asked_dies.give(start{});
  CHECK(to<victory>(last_asked_dies.give(lost{4, 1})) == servers{0, 1, 2});

  alone last_that_answered_dies{2};
  last_that_answered_dies.give(start{});
  last_that_answered_dies.hear(4, alive{1, 1, 1, 1});
  CHECK(nothing(last_that_answered_dies.give(lost{3, 1})));
  CHECK(to<victory>(last_that_answered_dies.give(lost{4, 1})) == servers{0, 1});

  alone a_former_life{1};
  a_former_life.follow(4, 7, 3);
  CHECK(nothing(a_former_life.give(lost{4, 2})));
  CHECK(a_former_life.core.leader() != nullptr);
}

TEST_CASE("bully: who was lost by mistake is heard again once it is back, or in a new life") {
  for (const bool new_life : {false, true}) {
    alone a{1};
    a.give(start{});
    a.give(lost{4, 1});
    CHECK(nothing(a.follow(4, 7)));
    if (!new_life) CHECK(nothing(a.give(back{4, 1})));
    a.follow(4, 7, new_life ? 2 : 1);
    CHECK(a.core.leader() != nullptr);
  }
  alone leader{4};
  leader.give(start{});
  leader.give(lost{2, 1});
  CHECK(to<beat>(leader.give(back{2, 1})) == servers{2});
  CHECK(nothing(leader.give(back{2, 1})));
}

TEST_CASE("bully, keep_incumbent: an elder that comes back follows who leads") {
  group g{5, keeps};
  g.boot_all();
  g.pass(1s);
  REQUIRE(g.leader() == 4U);
  g.crash(4, true);
  g.pass(1s);
  REQUIRE(g.leader() == 3U);
  const auto before = g.known[0].size();
  for (int i = 0; i < 10; ++i) {  // and as often as it likes
    g.boot(4);
    g.pass(100ms);
    CHECK(g.leader() == 3U);
    g.pass(2s);
    CHECK(g.leader() == 3U);
    g.crash(4);
  }
  for (std::size_t i = before; i < g.known[0].size(); ++i) CHECK(g.known[0][i].leader == 3);
}

TEST_CASE(
    "bully: an elder that comes back takes over at once, and those it missed tell it the number") {
  group g{5};
  g.boot_all();
  g.pass(1s);
  g.crash(4);
  g.pass(5s);
  REQUIRE(g.leader() == 3U);
  const auto before = g.all();
  g.boot(4);
  g.deliver();
  CHECK(g.leader() == 4U);
  // without what a former life knew: its victory, their word that it is behind (the leader's: a victory),
  // and the victory above it, which the former leader hears twice
  CHECK(less(g.all(), before) == counts{0, 0, 4 + 1 + 4 + 1, 0, 3});
}

TEST_CASE("bully: messages, as the formula has them") {
  for (const std::uint64_t n : {2U, 3U, 5U, 9U, 25U}) {
    CAPTURE(n);
    const auto top = static_cast<server>(n - 1);
    for (const bool lowest : {true, false}) {
      group g{static_cast<server>(n)};
      g.boot_all();
      g.deliver();
      // all begin at once: what an election costs at most
      CHECK(g.leader() == top);
      CHECK(g.all().election == n * (n - 1) / 2);
      CHECK(g.all().alive + g.all().victory <= n * (n - 1) / 2 + n - 1);
      g.pass(1s);
      const auto before = g.all();
      g.crash(top);
      const server notices = lowest ? 0 : top - 1;
      g.now += 1s;
      g.give(notices, tick{});
      g.deliver();
      for (server s = 0; s < top; ++s)  // those who asked only the dead
        if (g.nodes[s]->as() == role::asking) {
          g.now = g.nodes[s]->due();
          g.give(s, tick{});
          g.deliver();
        }
      CHECK(g.leader() == top - 1);
      const auto cost = less(g.all(), before);
      if (lowest) {
        CHECK(cost == counts{n * (n - 1) / 2, (n - 1) * (n - 2) / 2, n - 2, 0, 0});
      } else {
        CHECK(cost == counts{1, 0, n - 2, 0, 0});
      }
    }
  }
}

TEST_CASE("bully, keep_incumbent: messages of one who looks") {
  for (const std::uint64_t n : {3U, 9U}) {
    group g{static_cast<server>(n), keeps};
    g.boot_all();
    g.deliver();
    CHECK(g.all().election == n * (n - 1));
    g.pass(1s);
    REQUIRE(g.leader() == n - 1);
    g.crash(0);
    const auto before = g.all();
    g.boot(0);
    g.deliver();
    CHECK(g.leader() == n - 1);
    // all are asked, those above who follow say that they live, the leader says that it leads
    CHECK(less(g.all(), before) == counts{n - 1, n - 2, 1, 0, 0});
  }
}

TEST_CASE("bully: time to a leader after the last one's death") {
  for (const auto& how : {options{}, keeps}) {
    group g{5, how};
    g.boot_all();
    g.pass(2s);
    g.crash(4);
    g.pass(how.silence + how.answer + 30ms);
    CHECK(g.leader() == 3U);
    g.crash(3, true);  // and with a detector
    g.pass(how.answer + 10ms);
    CHECK(g.leader() == 2U);
  }
}

TEST_CASE("bully: alive came from who died since: silence or victory, and an answer's time") {
  group g{3};
  g.boot_all();
  g.pass(1s);
  g.crash(2);
  g.now += 1s;
  g.give(0, tick{});
  while (g.nodes[0]->as() == role::asking) {  // until 1 has answered
    auto [from, l] = std::move(g.wire.front());
    g.wire.pop_front();
    if (g.nodes[l.to]) g.give(l.to, received{from, std::move(l.what)});
  }
  g.crash(1);
  g.pass(g.how.victory + g.how.answer + 20ms);
  CHECK(g.leader() == 0U);
}

TEST_CASE("bully: each side of a partition has its leader, and one leads after it") {
  for (const auto& how : {options{}, keeps}) {
    CAPTURE(how.keep_incumbent);
    group g{5, how};
    g.boot_all();
    g.pass(2s);
    REQUIRE(g.leader() == 4U);
    const auto first = *g.nodes[4]->leader();
    g.part({0, 1, 2});
    g.pass(5s);
    CHECK(g.nodes[0]->leader()->leader == 2);
    CHECK(*g.nodes[3]->leader() == first);
    g.cut.clear();
    g.pass(how.beat + 10ms);
    REQUIRE(g.leader());
    CHECK(*g.leader() == (how.keep_incumbent ? 2U : 4U));  // kept: the later number
    CHECK(g.nodes[0]->leader()->number > first.number);
  }
}

TEST_CASE(
    "bully: who is slow, not dead, and announces beside the lower one that has won meanwhile") {
  for (const auto& how : {options{}, keeps}) {
    group g{3, how};
    g.boot_all();
    g.pass(2s);
    g.crash(2, true);
    g.part({1});  // slow
    g.pass(3s);
    REQUIRE(g.nodes[0]->as() == role::leading);
    REQUIRE(g.nodes[1]->as() == role::leading);
    g.cut.clear();
    g.pass(how.beat + 10ms);
    REQUIRE(g.leader());
    if (!how.keep_incumbent) CHECK(*g.leader() == 1U);
  }
}

TEST_CASE("bully: one that hears nobody makes elections; an incumbent outlives them") {
  group g{4, keeps};
  g.boot_all();
  g.pass(2s);
  g.cut = {{3, 0}, {2, 0}, {1, 0}};  // it is heard
  g.pass(20s);
  for (server s = 1; s < 4; ++s) {
    CHECK(g.nodes[s]->leader() != nullptr);
    for (const auto& t : g.known[s]) CHECK((t.leader == 3 || &t == &g.known[s].front()));
  }
}

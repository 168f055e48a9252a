// Zab, phase by phase (Medeiros 2012, sections 3 and 4; DSN 2011, sections III and IV).
#include "zab_bench.hpp"

#include <doctest/doctest.h>
using namespace troupe::zab;
using namespace troupe::zab::test;

namespace {
constexpr std::uint64_t theirs = 77;  // a session that others drew

// 3 leads, alone on the bench, and knows 1 as it came.
struct led : alone {
  explicit led(restored from = {}) : alone{3, std::move(from)} {
    elect(3, {core.state().current, core.log().last(), 3});
  }
  output discover(std::uint32_t accepted = 0) {
    auto out = hear(1, follower_info{theirs, accepted});
    sync();
    return out;
  }
};
// 1 follows 3.
struct follows : alone {
  explicit follows(restored from = {}) : alone{1, std::move(from)} {
    first = elect(3, {9, {9, 9}, 3});
    session = sent<follower_info>(first, 3).at(0).session;
  }
  output say_epoch(std::uint32_t e) { return hear(3, new_epoch{session, e}); }
  std::uint64_t session = 0;
};
}  // namespace

TEST_CASE("zab discovery: a leader takes an epoch above all that a quorum has accepted, durably") {
  led l{kept(4)};
  REQUIRE(l.core.leads());
  CHECK(l.core.epoch() == 0);  // one is no quorum
  const auto out = l.discover(6);
  CHECK(l.core.epoch() == 7);
  REQUIRE(out.persist);
  CHECK(out.persist->state == hard_state{7, 3, 4});
  CHECK(sent<new_epoch>(out, 1).size() == 1);
  CHECK(out.send_now.empty());  // when it is durable
}

TEST_CASE("zab discovery: an epoch is accepted durably before it is acknowledged") {
  follows f{kept(4, {{4, 1}})};
  const auto out = f.say_epoch(5);
  REQUIRE(out.persist);
  CHECK(out.persist->state == hard_state{5, 3, 4});
  CHECK(out.send_now.empty());
  REQUIRE(out.send.size() == 1);
  const auto said = sent<ack_epoch>(out, 3).at(0);
  CHECK(said.counts);
  CHECK(said.current == 4);
  CHECK(said.last == zxid{4, 1});
  const auto again = f.say_epoch(5);
  CHECK(!again.persist);
  CHECK(sent<ack_epoch>(again).at(0).counts);
}

TEST_CASE("zab discovery: an older epoch is refused, and one accepted of another does not count") {
  follows older{kept(6)};
  CHECK(sent<ack_epoch>(older.say_epoch(5)).empty());
  CHECK(older.core.where() == phase::election);
  restored r = kept(4);
  r.state = {6, 2, 4};
  follows other{r};
  CHECK_FALSE(sent<ack_epoch>(other.say_epoch(6)).at(0).counts);

  led l;
  l.discover();
  l.hear(1, ack_epoch{theirs, 1, false, 0, {}});
  CHECK(l.core.where() == phase::discovery);
}

TEST_CASE("zab discovery: what is said in another session, or by who leads not, is not heard") {
  follows f;
  CHECK(sent<ack_epoch>(f.hear(3, new_epoch{f.session + 1, 5})).empty());
  CHECK(sent<ack_epoch>(f.hear(2, new_epoch{f.session, 5})).empty());
  CHECK(f.core.state().accepted == 0);
  led l;
  l.discover();
  l.hear(1, ack_epoch{theirs - 1, 1, true, 0, {}});
  l.hear(2, ack_epoch{theirs, 1, true, 0, {}});
  l.hear(1, ack_epoch{theirs, 2, true, 0, {}});
  CHECK(l.core.where() == phase::discovery);
  l.hear(1, ack_epoch{theirs, 1, true, 0, {}});
  CHECK(l.core.where() == phase::synchronisation);
}

TEST_CASE("zab discovery: a leader steps down for one that has a better history") {
  struct row {
    std::uint32_t current;
    zxid last;
    phase then;
  };
  const row table[] = {{4, {4, 2}, phase::synchronisation},
                       {4, {4, 1}, phase::synchronisation},
                       {3, {3, 9}, phase::synchronisation},
                       {4, {4, 3}, phase::election},
                       {5, {4, 1}, phase::election}};
  for (const auto& [current, last, then] : table) {
    const auto& shown = to_string(last);  // no binding, for clang 14
    CAPTURE(shown);
    led l{kept(4, {{4, 1}, {4, 2}})};
    l.discover(5);
    l.hear(1, ack_epoch{theirs, 6, true, current, last});
    CHECK(l.core.where() == then);
  }
}

TEST_CASE("zab discovery: it steps down for a voter that has accepted a later epoch") {
  led l;
  l.discover();
  l.hear(2, follower_info{theirs, 9});
  CHECK(l.core.where() == phase::election);
}

TEST_CASE("zab synchronisation: DIFF, TRUNC or SNAP, by what the follower has") {
  struct row {
    const char* what;
    zxid last;
    way how;
    zxid from;
    std::vector<zxid> then;
  };
  const row table[] = {
      {"all of it", {3, 2}, way::diff, {3, 2}, {}},
      {"a part", {2, 1}, way::diff, {2, 1}, {{3, 1}, {3, 2}}},
      {"the snapshot alone", {1, 5}, way::diff, {1, 5}, {{2, 1}, {3, 1}, {3, 2}}},
      {"more of an epoch that has ended", {2, 4}, way::trunc, {2, 1}, {{3, 1}, {3, 2}}},
      {"more than the snapshot, of its epoch",
       {1, 7},
       way::trunc,
       {1, 5},
       {{2, 1}, {3, 1}, {3, 2}}},
      {"less than the snapshot", {1, 4}, way::snap, {1, 5}, {{2, 1}, {3, 1}, {3, 2}}},
      {"nothing", {}, way::snap, {1, 5}, {{2, 1}, {3, 1}, {3, 2}}}};
  for (const auto& [what, last, how, from, then] : table) {
    const auto& shown = what;  // no binding, for clang 14
    CAPTURE(shown);
    led l{kept(3, {{2, 1}, {3, 1}, {3, 2}}, {1, 5})};
    l.discover(3);
    const auto out = l.hear(1, ack_epoch{theirs, 4, true, 2, last});
    CHECK(out.persist->state == hard_state{4, 3, 4});
    const auto sync = sent<synchronise>(out, 1);
    REQUIRE(sync.size() == 1);
    CHECK(sync[0].how == how);
    CHECK(sync[0].from == from);
    std::vector<zxid> got;
    for (const auto& p : sent<proposals>(out, 1))
      for (const auto& t : p.what) got.push_back(t.at);
    CHECK(got == then);
    CHECK(sent<new_leader>(out, 1).at(0).upto == zxid{3, 2});
  }
}

TEST_CASE("zab synchronisation: NEWLEADER is acknowledged once history and epoch are durable") {
  follows f{kept(1, {{1, 1}, {1, 2}})};
  f.say_epoch(3);
  CHECK(sent<ack_new_leader>(f.hear(3, new_leader{f.session, {2, 1}})).empty());  // too early
  const auto cut = f.hear(3, synchronise{f.session, way::trunc, {1, 1}, {}});
  CHECK(cut.persist->cut == zxid{1, 1});
  CHECK(!cut.persist->state);
  CHECK(sent<ack_new_leader>(f.hear(3, new_leader{f.session, {2, 1}})).empty());
  CHECK(f.core.state().current == 1);  // not before it has the history
  const auto got = f.hear(3, proposals{f.session, {1, 1}, {{{2, 1}, "x"}}});
  CHECK(got.persist->appended.size() == 1);
  CHECK(got.send_now.empty());
  const auto out = f.hear(3, new_leader{f.session, {2, 1}});
  CHECK(out.persist->state == hard_state{3, 3, 3});
  CHECK(out.send_now.empty());
  CHECK(sent<ack_new_leader>(out, 3).size() == 1);
}

TEST_CASE("zab synchronisation: a repeated SYNCHRONISE takes nothing away that came after it") {
  follows f{kept(1, {{1, 1}, {1, 2}})};
  f.say_epoch(3);
  const synchronise late{f.session, way::trunc, {1, 1}, {}};
  f.hear(3, late);
  f.hear(3, proposals{f.session, {1, 1}, {{{3, 1}, "x"}}});
  CHECK(!f.hear(3, late).persist);
  CHECK(ids(f.core.log()) == std::vector<zxid>{{1, 1}, {3, 1}});
}

TEST_CASE("zab synchronisation: nothing that was committed is truncated, whoever asks for it") {
  follows f{kept(1, {{1, 1}, {1, 2}})};
  f.say_epoch(3);
  f.hear(3, synchronise{f.session, way::diff, {1, 2}, {}});
  f.hear(3, new_leader{f.session, {1, 2}});
  f.hear(3, up_to_date{f.session, {1, 2}});
  REQUIRE(f.core.committed() == zxid{1, 2});
  f.give(lost{3});
  const auto anew = f.elect(3, {9, {9, 9}, 3});
  const auto session = sent<follower_info>(anew, 3).at(0).session;
  for (const auto how : {way::trunc, way::snap}) {
    f.hear(3, new_epoch{session, 4});
    CHECK(!f.hear(3, synchronise{session, how, {1, 1}, {}}).persist);
    CHECK(ids(f.core.log()).size() == 2);
    CHECK(f.core.committed() == zxid{1, 2});
  }
}

TEST_CASE("zab synchronisation: a leader proposes once a quorum has its history") {
  led l;
  l.discover();
  l.hear(1, ack_epoch{theirs, 1, true, 0, {}});
  CHECK(l.give(propose{{{5, "x"}}}).turned_away ==
        std::vector<refused>{{5, refusal::not_leader, 3}});
  l.hear(1, ack_new_leader{theirs, {}});
  CHECK(!l.core.established());  // its own epoch is not durable
  l.sync();
  CHECK(l.core.established());
  CHECK(l.give(propose{{{5, "x"}}}).taken == std::vector<accepted>{{5, {1, 1}}});
}

TEST_CASE("zab broadcast: all apply what is committed, in order, 3 messages a follower") {
  group g{{1, 2, 3}};
  g.start();
  g.pass(1s);
  REQUIRE(g.leader() == 3);
  for (const char c : {'a', 'b', 'c'}) g.say(3, {c});
  for (const server s : {1, 2, 3}) CHECK(g.said(s) == "abc");
  CHECK(ids(g.at(1).log()) == std::vector<zxid>{{1, 1}, {1, 2}, {1, 3}});
}

TEST_CASE(
    "zab broadcast: nothing is committed before a quorum has it on disk, the leader's counted") {
  group g{{1, 2, 3}};
  g.start();
  g.pass(1s);
  g.nodes.at(1).slow = g.nodes.at(2).slow = true;
  g.say(3, "a");
  CHECK(g.said(3) == "");
  g.sync(1);
  g.deliver();
  CHECK(g.said(3) == "a");
  CHECK(g.said(1) == "a");
  g.nodes.at(1).slow = g.nodes.at(2).slow = false;
  g.sync(1), g.sync(2), g.deliver();
  g.nodes.at(3).slow = true;
  g.isolate(2);
  g.say(3, "b");
  CHECK(g.said(3) == "a");  // 1 alone has it
  g.sync(3);
  CHECK(g.said(3) == "ab");
}

TEST_CASE("zab broadcast: lost and reordered proposals are said again") {
  group g{{1, 2, 3}};
  g.start();
  g.pass(1s);
  g.isolate(1);
  g.say(3, "a");
  g.cut.clear();
  g.say(3, "b");  // has a gap before it
  CHECK(g.said(1) == "");
  g.pass(200ms);
  CHECK(g.said(1) == "ab");
}

TEST_CASE("zab: what was not committed goes with its leader, what was is in every later history") {
  group g{{1, 2, 3}};
  g.start();
  g.pass(1s);
  g.say(3, "a");
  g.isolate(3);
  g.give(3, propose{{{1, "x"}, {2, "y"}}});  // nobody hears of it
  g.pass(2s);
  REQUIRE(g.leader() == 2);
  CHECK(g.at(3).where() == phase::election);  // without a quorum's word
  g.say(2, "b");
  g.cut.clear();
  g.pass(2s);
  g.say(g.leader(), "c");
  for (const server s : {1, 2, 3}) CHECK(g.said(s) == "abc");
  CHECK(g.nodes.at(3).cuts == std::vector<zxid>{{1, 1}});  // TRUNC
}

// Epoch 2's leader wrote what no other has, and is away while epoch 3 is led on.
TEST_CASE("zab: a longer history of an older epoch does not win") {
  group g{{1, 2, 3}};
  g.add(1, kept(3, {{1, 1}, {3, 1}}));
  g.add(2, kept(3, {{1, 1}, {3, 1}}));
  g.add(3, kept(2, {{1, 1}, {2, 1}, {2, 2}, {2, 3}}));
  g.pass(1s);
  CHECK(g.leader() == 2);
  CHECK(ids(g.at(3).log()) == std::vector<zxid>{{1, 1}, {3, 1}});
}

TEST_CASE("zab: an initial history is committed with its epoch, also where nothing is proposed") {
  group g{{1, 2, 3}};
  for (const server s : {1, 2, 3}) g.add(s, kept(1, {{1, 1}, {1, 2}}));
  g.pass(1s);
  for (const server s : {1, 2, 3}) CHECK(g.said(s) == "xx");
  CHECK(g.led.size() == 1);
}

TEST_CASE("zab: a counter that overflows forces a new epoch") {
  options how;
  how.counter_max = 2;
  group g{{1, 2, 3}, {}, how};
  g.start();
  g.pass(1s);
  g.say(3, "a"), g.say(3, "b");
  CHECK(g.say(3, "c").turned_away.at(0).why == refusal::new_epoch_needed);
  g.pass(1s);
  REQUIRE(g.leader() != 0);
  CHECK(g.say(g.leader(), "d").taken.at(0).at == zxid{2, 1});
  for (const server s : {1, 2, 3}) CHECK(g.said(s) == "abd");
  CHECK(g.led.size() == 2);
}

TEST_CASE("zab: observers get everything and never count") {
  group g{{1, 2, 3}, {4, 5}};
  g.start();
  g.pass(1s);
  REQUIRE(g.leader() == 3);
  g.say(3, "a");
  CHECK(g.said(4) == "a");
  CHECK(g.said(5) == "a");
  g.isolate(1), g.isolate(2);
  g.say(3, "b");  // three of five have it, and one of the voters
  CHECK(g.said(4) == "a");
  g.pass(1s);
  CHECK(g.leader() == 0);  // observers' words keep no leader
  CHECK(g.at(4).where() == phase::election);
}

TEST_CASE("zab: a follower behind the snapshot is given it, also one in the middle of a stream") {
  group g{{1, 2, 3}};
  g.start();
  g.pass(1s);
  g.isolate(1);
  g.say(3, "a"), g.say(3, "b");
  g.give(3, snapshotted{{1, 2}, std::make_shared<const std::string>("ab")});
  CHECK(g.at(3).log().size() == 0);
  g.say(3, "c");
  g.cut.clear();
  g.pass(2s);
  CHECK(g.nodes.at(1).restores == 1);
  CHECK(*g.at(1).base().bytes == "ab");
  CHECK(g.said(1) == "c");
  CHECK(g.led.size() == 1);
  g.crash(1);
  g.pass(2s);
  CHECK(g.said(1) == "c");
}

TEST_CASE(
    "zab: who crashes comes back with what it acknowledged, and no leader leads an epoch twice") {
  group g{{1, 2, 3}};
  g.start();
  g.pass(1s);
  g.say(3, "a");
  g.nodes.at(3).slow = true;
  g.give(3, propose{{{1, "b"}}});
  g.deliver();
  g.crash(3);  // without b, which the others have
  g.pass(2s);
  REQUIRE(g.leader() != 0);
  for (const server s : {1, 2, 3}) CHECK(g.said(s) == "ab");
  CHECK(g.led == std::vector<std::pair<std::uint32_t, server>>{{1, 3}, {2, 2}});
}

TEST_CASE("zab: alone it leads once its epochs are durable") {
  group g{{1}};
  g.add(1);
  g.pass(100ms);
  CHECK(g.leader() == 1);
  CHECK(g.say(1, "a").taken.size() == 1);
  CHECK(g.said(1) == "a");
}

TEST_CASE("zab reads: answered once a quorum has confirmed, after they came, that it leads") {
  led l;
  CHECK(l.give(troupe::zab::read{7}).turned_away ==
        std::vector<refused>{{7, refusal::not_leader, 3}});
  l.discover();
  l.hear(1, ack_epoch{theirs, 1, true, 0, {}});
  l.hear(1, ack_new_leader{theirs, {}});
  l.sync();
  REQUIRE(l.core.established());
  auto out = l.give(troupe::zab::read{8});
  CHECK(out.reads.empty());
  const auto first = sent<confirm>(out, 1).at(0);
  CHECK(first.session == theirs);
  CHECK(out.send.empty());  // it waits for no disk
  l.give(propose{{{1, "x"}}});
  l.sync();
  l.hear(1, ack{theirs, {1, 1}});
  REQUIRE(l.core.committed() == zxid{1, 1});
  out = l.give(troupe::zab::read{9});  // while the first is under way
  CHECK(sent<confirm>(out).empty());
  CHECK(l.hear(1, confirmed{theirs - 1, first.number}).reads.empty());  // in another session
  CHECK(l.hear(2, confirmed{theirs, first.number}).reads.empty());      // of nobody who follows
  out = l.hear(1, confirmed{theirs, first.number});
  CHECK(out.reads == std::vector<readable>{{8, {}}});
  const auto second = sent<confirm>(out, 1).at(0);
  CHECK(second.number > first.number);
  CHECK(l.hear(1, confirmed{theirs, first.number}).reads.empty());  // repeated
  CHECK(l.hear(1, confirmed{theirs, second.number}).reads == std::vector<readable>{{9, {1, 1}}});
}

TEST_CASE("zab reads: asked again with each beat, and turned away when it leads no more") {
  group g{{1, 2, 3}, {4}};
  g.start();
  g.pass(1s);
  REQUIRE(g.leader() == 3);
  g.say(3, "a");
  CHECK(sent<confirm>(g.give(3, troupe::zab::read{1})).size() == 2);  // of voters
  g.wire.clear();                                                     // all is lost
  std::vector<readable> answered;
  for (int i = 0; i < 40 && answered.empty(); ++i) {
    g.now += 5ms;
    if (g.at(3).due() <= g.now) g.give(3, tick{});
    while (!g.wire.empty()) {
      auto [from, l] = std::move(g.wire.front());
      g.wire.pop_front();
      const auto out = g.give(l.to, received{from, std::move(l.what)});
      answered.insert(answered.end(), out.reads.begin(), out.reads.end());
    }
  }
  CHECK(answered == std::vector<readable>{{1, {1, 1}}});
  g.isolate(3);
  g.give(3, troupe::zab::read{2});
  std::vector<refused> away;
  for (int i = 0; i < 100 && away.empty(); ++i) {
    g.now += 5ms;
    if (g.at(3).due() > g.now) continue;
    const auto out = g.give(3, tick{});
    CHECK(out.reads.empty());
    away = out.turned_away;
  }
  CHECK(away == std::vector<refused>{{2, refusal::not_leader, 0}});
}

TEST_CASE("zab reads: alone it answers at once") {
  group g{{1}};
  g.add(1);
  g.pass(100ms);
  g.say(1, "a");
  CHECK(g.give(1, troupe::zab::read{4}).reads == std::vector<readable>{{4, {1, 1}}});
}

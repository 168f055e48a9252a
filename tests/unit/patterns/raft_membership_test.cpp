// Who decides: section 6 of the paper (joint consensus), learners and removed servers of the
// dissertation (4.2), a voter that has lost its journal.
#include "patterns/consensus/raft/quorum.hpp"
#include "raft_bench.hpp"

#include <doctest/doctest.h>
using namespace troupe::raft;
using namespace troupe::raft::test;
namespace {
append_reply ack(const alone& leader, std::uint64_t upto) {
  return {.term = leader.core.term(), .round = 0, .accepted = true, .index = upto};
}
// 1 leads 1, 2, 3, and has committed its first entry.
alone leader(std::vector<server> learners = {}) {
  alone a{1};
  a.elect();
  a.sync();
  a.hear(2, ack(a, 1));
  if (learners.empty()) return a;
  a.give(change{1, peers({1, 2, 3}), peers(learners)});
  a.sync();
  a.hear(2, ack(a, 2));
  for (const auto s : learners) a.hear(s, ack(a, 2));
  return a;
}
refusal why(const output& out) {
  REQUIRE(out.turned_away.size() == 1);
  return out.turned_away[0].why;
}
}  // namespace

TEST_CASE("raft 6: a change is refused where it cannot be made") {
  alone follower{1};
  CHECK(why(follower.give(change{1, peers({1, 2}), {}})) == refusal::not_leader);
  alone fresh{1};
  fresh.elect();
  CHECK(why(fresh.give(change{1, peers({1, 2}), {}})) == refusal::too_early);
  auto a = leader();
  CHECK(why(a.give(change{1, {}, peers({1})})) == refusal::no_voters);
  CHECK(why(a.give(change{1, peers({3, 2, 1}), {}})) == refusal::unchanged);
  CHECK(why(a.give(change{1, peers({1, 2, 9}), {}})) == refusal::not_caught_up);
  CHECK(why(a.give(change{1, {{1, "a"}, {0, "?"}}, {}})) == refusal::no_such_server);
  CHECK(a.give(change{1, peers({1, 2}), {}}).taken.size() == 1);
  CHECK(why(a.give(change{2, peers({1, 3}), {}})) == refusal::change_in_flight);
}

TEST_CASE("raft 6: a joint configuration is in force at once, and needs both majorities") {
  auto a = leader({4, 5});
  REQUIRE(a.core.commit() == 2);
  a.give(change{1, peers({1, 4, 5}), {}});
  a.sync();
  CHECK(a.core.config() == configuration{peers({1, 4, 5}), peers({1, 2, 3}), {}});
  a.hear(4, ack(a, 3));
  a.hear(5, ack(a, 3));
  CHECK(a.core.commit() == 2);  // the new ones alone
  const auto out = a.hear(2, ack(a, 3));
  CHECK(a.core.commit() == 3);  // and one of the former
  CHECK(a.core.config() == voters({1, 4, 5}));
  REQUIRE(out.persist);
  REQUIRE(out.persist->entries.size() == 1);
  CHECK(out.persist->entries[0].kind == entry_kind::configuration);
  // who leaves is sent it too, and does not count any more
  CHECK(!sent<append_request>(out, 2).empty());
  a.hear(2, ack(a, 4));
  a.hear(3, ack(a, 4));
  CHECK(a.core.commit() == 3);
  a.sync();
  a.hear(4, ack(a, 4));
  CHECK(a.core.commit() == 4);
}

TEST_CASE("raft 6: while it is joint, both majorities elect, and none of them alone") {
  restored from = kept({1, 2, 3});
  from.entries.push_back({1, entry_kind::configuration,
                          encode(configuration{peers({1, 4, 5}), peers({1, 2, 3}), {}})});
  from.state.term = 1;
  for (const std::vector<server>& by : {std::vector<server>{2, 3}, std::vector<server>{4, 5}}) {
    alone a{1, from};
    a.elect(by);
    CHECK(a.core.as() == role::pre_candidate);
  }
  alone a{1, from};
  a.elect({2, 4});
  CHECK(a.core.as() == role::leader);
}

TEST_CASE(
    "raft 6: a follower goes by a configuration once it has it, and by the former if it is cut") {
  alone a{3};
  const auto bytes = encode(configuration{peers({1, 2}), peers({1, 2, 3}), {}});
  a.hear(1, append_request{.term = 1, .entries = {{1, entry_kind::configuration, bytes}}});
  CHECK(joint(a.core.config()));
  CHECK(a.core.commit() == 0);
  a.hear(2, append_request{.term = 2, .entries = {{2, entry_kind::nothing, {}}}});
  CHECK(a.core.config() == voters({1, 2, 3}));
}

TEST_CASE("raft 6: a leader that is removed goes once that is committed, and never counts itself") {
  auto a = leader();
  a.give(change{1, peers({2, 3}), {}});
  a.sync();
  a.hear(2, ack(a, 2));
  a.hear(3, ack(a, 2));
  a.sync();
  REQUIRE(a.core.config() == voters({2, 3}));
  CHECK(a.core.as() == role::leader);
  CHECK(why(a.give(propose{{{7, "x"}}})) == refusal::not_leader);
  a.hear(2, ack(a, 3));
  CHECK(a.core.commit() == 2);  // it has the entry as well, which is nothing
  const auto out = a.hear(3, ack(a, 3));
  CHECK(a.core.commit() == 3);
  CHECK(became(out, role::follower));
  CHECK(sent<heartbeat>(out, 2).at(0).commit == 3);
  CHECK(a.core.due() == instant::max());
}

TEST_CASE("raft 4.2.2: who is removed stands until it knows that to be committed") {
  restored from = kept({1, 2, 3});
  from.entries.push_back({1, entry_kind::configuration, encode(voters({2, 3}))});
  from.state.term = 1;
  alone a{1, from};
  CHECK(a.core.due() != instant::max());
  a.elect({2, 3});
  CHECK(a.core.as() == role::leader);
  alone b{1, from};
  b.hear(2, append_request{.term = 2, .prev_index = 1, .prev_term = 1, .commit = 1});
  CHECK(b.core.due() == instant::max());
}

TEST_CASE("raft 4.2.1: a learner hears everything, never counts, and never stands") {
  auto a = leader({4});
  const auto sent_now = a.give(propose{{{1, "x"}}});
  CHECK(sent<append_request>(sent_now, 4).size() == 1);
  a.hear(4, ack(a, 3));
  a.sync();
  CHECK(a.core.commit() == 2);
  a.hear(3, ack(a, 3));
  CHECK(a.core.commit() == 3);

  restored from;
  from.base.config = {peers({1, 2, 3}), {}, peers({4})};
  alone learner{4, from};
  CHECK(learner.core.due() == instant::max());
  learner.hear(1, timeout_now{0});
  CHECK(learner.core.as() == role::follower);
  CHECK(why(a.give(transfer{1, 4})) == refusal::no_such_server);
}

TEST_CASE("raft 4.2.1: a learner votes once it has caught up, not before") {
  options how;
  how.lag_max = 3;
  alone a{1, kept({1, 2, 3}), how};
  a.elect();
  a.sync();
  a.hear(2, ack(a, 1));
  a.give(change{1, peers({1, 2, 3}), peers({4})});
  a.sync();
  a.hear(2, ack(a, 2));
  for (int i = 0; i < 4; ++i) a.give(propose{{{1, "x"}}});
  a.hear(4, ack(a, 2));
  CHECK(why(a.give(change{2, peers({1, 2, 3, 4}), {}})) == refusal::not_caught_up);
  a.hear(4, ack(a, 3));
  CHECK(a.give(change{2, peers({1, 2, 3, 4}), {}}).taken.size() == 1);
}

TEST_CASE("raft: a change of learners alone needs no joint configuration") {
  auto a = leader();
  a.give(change{1, peers({1, 2, 3}), peers({4, 5})});
  CHECK(a.core.config() == configuration{peers({1, 2, 3}), {}, peers({4, 5})});
  a.sync();
  a.hear(2, ack(a, 2));
  a.give(change{1, peers({1, 2, 3}), peers({4, 1})});  // a voter is no learner beside
  CHECK(a.core.config() == configuration{peers({1, 2, 3}), {}, peers({4})});
}

TEST_CASE("raft 6: a new leader ends the joint configuration that it finds") {
  group g;
  restored from = kept({1, 2, 3});
  from.entries.push_back(
      {1, entry_kind::configuration, encode(configuration{peers({1, 2}), peers({1, 2, 3}), {}})});
  from.state.term = 1;
  for (server s = 1; s <= 3; ++s) g.add(s, from);
  g.pass(2s);
  const auto leads = g.leader();
  REQUIRE(leads != 0);
  CHECK(g.at(leads).config() == voters({1, 2}));
  CHECK(g.at(leads).commit() == g.at(leads).entries().last());
}

TEST_CASE("raft 4.2.3: a removed server that was never told disturbs nobody") {
  group g;
  for (server s = 1; s <= 3; ++s) g.add(s, kept({1, 2, 3}));
  g.pass(1s);
  const auto leads = g.leader();
  const server goes = leads == 3 ? 2 : 3;
  std::vector<server> stay;
  for (server s = 1; s <= 3; ++s)
    if (s != goes) stay.push_back(s);
  g.isolate(goes);
  g.give(leads, change{1, peers(stay), {}});
  g.pass(500ms);
  REQUIRE(g.at(leads).config() == voters(stay));
  const auto term = g.at(leads).term();
  g.cut.clear();
  g.pass(3s);
  CHECK(g.leader() == leads);
  CHECK(g.at(leads).term() == term);
  CHECK(g.at(goes).term() <= term);
}

TEST_CASE("raft: a voter without its journal is somebody else, whose word counts for nothing") {
  // 3 has acknowledged and voted, and comes back as 9
  alone a{1};
  a.wait_for_election();
  a.hear(9, vote_reply{1, true, true});
  CHECK(a.core.as() == role::pre_candidate);
  a.elect();
  a.sync();
  a.hear(9, ack(a, 1));
  CHECK(a.core.commit() == 0);
  alone nobody{9, {}};
  CHECK(nobody.core.due() == instant::max());
  CHECK(!belongs(nobody.core.config(), 9));
}

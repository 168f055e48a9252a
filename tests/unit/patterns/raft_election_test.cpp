// Elections, claim by claim: sections 5.2 and 5.4.1 of the paper; pre-vote, check-quorum and transfer of
// the dissertation.
#include "raft_bench.hpp"

#include <doctest/doctest.h>
using namespace troupe::raft;
using namespace troupe::raft::test;

TEST_CASE("raft 5.1: a higher term makes a follower of everybody, a lower one is not heeded") {
  for (const auto as : {role::follower, role::candidate, role::leader}) {
    CAPTURE(std::string{to_string(as)});
    alone a{1};
    if (as == role::candidate) {
      a.wait_for_election();
      a.hear(2, vote_reply{1, true, true});
    }
    if (as == role::leader) a.elect();
    REQUIRE(a.core.as() == as);
    const auto before = a.core.term();
    CHECK(sent<append_reply>(a.hear(3, append_request{.term = before + 4})).size() == 1);
    CHECK(a.core.as() == role::follower);
    CHECK(a.core.term() == before + 4);
    CHECK(a.core.leader() == 3);
    const auto late = sent<append_reply>(a.hear(2, append_request{.term = before + 3}));
    REQUIRE(late.size() == 1);  // so that it learns of the newer one
    CHECK(late[0].term == before + 4);
    CHECK(!late[0].accepted);
    CHECK(a.core.leader() == 3);
  }
}

TEST_CASE(
    "raft 5.2: a vote is given once a term, first come, first served, and again to the same") {
  alone a{1};
  a.now += 1s;
  const vote_request ask{.term = 5};
  const auto grants = [&](server from) {
    const auto replies = sent<vote_reply>(a.hear(from, ask));
    return replies.size() == 1 && replies[0].granted && replies[0].term == 5;
  };
  CHECK(grants(2));
  CHECK(!grants(3));
  CHECK(grants(2));
  CHECK(a.core.vote() == 2);
}

TEST_CASE("raft 5.2: a vote is written down before it is answered") {
  alone a{1};
  a.now += 1s;
  const auto out = a.hear(2, vote_request{.term = 5});
  REQUIRE(out.persist);
  CHECK(out.persist->state == hard_state{5, 2});
  CHECK(out.send_now.empty());
  CHECK(out.send.size() == 1);
  // who comes back with what it wrote keeps its word
  alone again{1, kept({1, 2, 3}, {}, 5, 2)};
  again.now += 1s;
  const auto other = sent<vote_reply>(again.hear(3, vote_request{.term = 5}));
  REQUIRE(other.size() == 1);
  CHECK(!other[0].granted);
}

TEST_CASE("raft 5.2: a split vote elects nobody, and a new election follows") {
  group g;
  for (server s = 1; s <= 4; ++s) g.add(s, kept({1, 2, 3, 4}));
  g.cut = {{1, 3}, {1, 4}, {2, 3}, {2, 4}, {3, 1}, {4, 1}, {3, 2}, {4, 2}};
  g.pass(2s);
  CHECK(g.leader() == 0);  // two and two: neither half has a majority
  g.cut.clear();
  g.pass(2s);
  CHECK(g.leader() != 0);
}

TEST_CASE("raft 5.2: an election needs a majority, and its own vote once that is durable") {
  alone five{1, kept({1, 2, 3, 4, 5})};
  five.elect({2});
  CHECK(five.core.as() == role::pre_candidate);
  five.hear(3, vote_reply{1, true, true});
  CHECK(five.core.as() == role::candidate);
  five.hear(2, vote_reply{1, false, true});
  five.hear(3, vote_reply{1, false, true});
  CHECK(five.core.as() == role::candidate);
  CHECK(became(five.sync(), role::leader));

  alone one{1, kept({1})};
  one.wait_for_election();
  CHECK(one.core.as() == role::candidate);
  CHECK(became(one.sync(), role::leader));
}

TEST_CASE("raft 5.2: votes of another term, refusals, and those who do not vote elect nobody") {
  struct row {
    const char* what;
    server from;
    vote_reply reply;
  };
  const row table[] = {{"a vote of the term before", 2, {0, false, true}},
                       {"a refusal", 2, {1, false, false}},
                       {"a pre-vote", 2, {1, true, true}},
                       {"somebody who is no voter", 9, {1, false, true}},
                       {"its own, from outside", 1, {1, false, true}}};
  for (const auto& [what, from, reply] : table) {
    const auto& shown = what;  // no binding, for clang 14
    CAPTURE(shown);
    alone a{1};
    a.wait_for_election();
    a.hear(2, vote_reply{1, true, true});
    a.sync();
    REQUIRE(a.core.as() == role::candidate);
    a.hear(from, reply);
    CHECK(a.core.as() == role::candidate);
  }
}

TEST_CASE("raft 5.4.1: a vote goes to nobody whose log is older than one's own") {
  struct row {
    const char* what;
    std::vector<std::uint64_t> mine;
    std::uint64_t last_term, last_index;
    bool granted;
  };
  const row table[] = {
      {"both are empty", {}, 0, 0, true},
      {"the same", {1, 2}, 2, 2, true},
      {"longer, of the same term", {1, 2}, 2, 3, true},
      {"shorter, of the same term", {1, 2, 2}, 2, 2, false},
      {"shorter, of a later term", {1, 2, 2}, 3, 1, true},
      {"longer, of an earlier term", {1, 1, 3}, 2, 9, false},
      {"empty, and mine is not", {1}, 0, 0, false},
      {"not empty, and mine is", {}, 1, 1, true},
  };
  for (const auto& [what, mine, last_term, last_index, granted] : table) {
    for (const bool pre : {false, true}) {
      const auto& shown = what;  // no binding, for clang 14
      CAPTURE(shown);
      CAPTURE(pre);
      alone a{1, kept({1, 2, 3}, mine)};
      a.now += 1s;
      const auto replies = sent<vote_reply>(a.hear(
          2,
          vote_request{.term = 9, .last_index = last_index, .last_term = last_term, .pre = pre}));
      REQUIRE(replies.size() == 1);
      CHECK(replies[0].granted == granted);
    }
  }
}

TEST_CASE("raft 9.6: a pre-vote changes nothing, neither with who asks nor with who is asked") {
  alone a{1};
  const auto asks = sent<vote_request>(a.wait_for_election());
  REQUIRE(asks.size() == 2);
  CHECK(asks[0].pre);
  CHECK(asks[0].term == 1);
  CHECK(a.core.term() == 0);

  alone b{2};
  b.now += 1s;
  const auto out = b.hear(1, asks[0]);
  REQUIRE(sent<vote_reply>(out).size() == 1);
  CHECK(sent<vote_reply>(out)[0].granted);
  CHECK(!out.persist);
  CHECK(b.core.term() == 0);
  CHECK(b.core.vote() == 0);
}

TEST_CASE("raft 9.6: who was cut off comes back and disturbs nobody") {
  group g;
  for (server s = 1; s <= 3; ++s) g.add(s, kept({1, 2, 3}));
  g.pass(1s);
  const auto leads = g.leader();
  REQUIRE(leads != 0);
  const auto term = g.at(leads).term();
  const server other = leads == 1 ? 2 : 1;
  g.isolate(other);
  g.pass(5s);
  CHECK(g.at(other).term() == term);  // it asks, and no term passes
  g.cut.clear();
  g.pass(1s);
  CHECK(g.leader() == leads);
  CHECK(g.at(leads).term() == term);
}

TEST_CASE("raft 4.2.3: who hears a leader refuses its vote for as long, unless the leader asks") {
  struct row {
    const char* what;
    duration silence;
    bool pre, transfer, heeded;
  };
  const row table[] = {{"a vote, soon", 199ms, false, false, false},
                       {"a pre-vote, soon", 199ms, true, false, false},
                       {"a vote, after the election time", 200ms, false, false, true},
                       {"a pre-vote, after it", 200ms, true, false, true},
                       {"on the leader's behalf", 1ms, false, true, true}};
  for (const auto& [what, silence, pre, transfer, heeded] : table) {
    const auto& shown = what;  // no binding, for clang 14
    CAPTURE(shown);
    alone a{1};
    a.hear(3, heartbeat{4, 0, 1});
    a.now += silence;
    const auto out = a.hear(2, vote_request{.term = 5, .pre = pre, .transfer = transfer});
    const auto replies = sent<vote_reply>(out);
    CHECK((replies.size() == 1 && replies[0].granted) == heeded);
    CHECK(a.core.term() == (heeded && !pre ? 5 : 4));
  }
}

TEST_CASE("raft 6.4.1: a vote is refused as long after a start, for it may be a lease's") {
  alone a{1, kept({1, 2, 3}, {1, 1}, 4)};
  a.now += 199ms;
  const vote_request ask{.term = 5, .last_index = 9, .last_term = 4};
  CHECK(sent<vote_reply>(a.hear(2, ask)).empty());
  a.now += 1ms;
  CHECK(sent<vote_reply>(a.hear(2, ask)).size() == 1);
}

TEST_CASE("raft 6.2: a leader that is heard, and hears nobody, leads no more") {
  group g;
  for (server s = 1; s <= 3; ++s) g.add(s, kept({1, 2, 3}));
  g.pass(1s);
  const auto leads = g.leader();
  for (server s = 1; s <= 3; ++s) g.cut.insert({s, leads});
  g.pass(1s);
  CHECK(g.at(leads).as() != role::leader);
  CHECK(g.leader() != 0);  // the others were told nothing any more, and chose
  CHECK(g.leader() != leads);
}

TEST_CASE("raft: a leader that was kept from running gives the others as long to be heard") {
  struct row {
    const char* what;
    duration late, leads_for;  // its tick; of others' silence
  };
  const std::vector<row> rows{
      {"it was not", 0ms, 200ms},
      {"for less than half a heartbeat", 19ms, 200ms},
      {"for some", 100ms, 300ms},
      {"for as long as an election takes: another may lead", 200ms, 240ms},
  };
  for (const auto& [what, late, leads_for] : rows) {
    const auto& shown = what;  // no binding, for clang 14
    CAPTURE(shown);
    alone a{1};
    a.elect();
    a.sync();
    a.wait_for_election();  // a leader's beat, in time
    a.hear(2, heartbeat_reply{a.core.term(), 0});
    const auto heard = a.now;
    a.now = a.core.due() + late;
    a.give(tick{});
    while (a.core.as() == role::leader) a.wait_for_election();
    CHECK(a.now - heard >= leads_for);
    CHECK(a.now - heard < leads_for + 41ms);
  }
}

TEST_CASE("raft 3.10: leadership goes to whom it is handed, once that one has everything") {
  group g;
  for (server s = 1; s <= 3; ++s) g.add(s, kept({1, 2, 3}));
  g.pass(1s);
  const auto leads = g.leader();
  const server heir = leads == 3 ? 1 : 3;
  g.nodes.at(heir).slow = true;  // it has not acknowledged this one yet
  g.give(leads, propose{{{1, "x"}}});
  g.give(leads, transfer{2, heir});
  g.deliver();
  CHECK(g.leader() == leads);
  const auto refused = g.give(leads, propose{{{3, "y"}}}).turned_away;
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].why == refusal::transferring);
  g.nodes.at(heir).slow = false;
  g.sync(heir);
  g.deliver();
  CHECK(g.leader() == heir);
}

TEST_CASE("raft 3.10: a transfer that does not come to its end is given up") {
  alone a{1};
  a.elect();
  a.sync();
  CHECK(a.give(transfer{1, 3}).turned_away.empty());
  CHECK(a.give(propose{{{2, "x"}}}).turned_away.size() == 1);
  a.hear(2, heartbeat_reply{a.core.term(), 0});
  a.wait(100ms);
  a.hear(2, heartbeat_reply{a.core.term(), 0});
  a.wait(100ms);
  CHECK(a.core.as() == role::leader);
  CHECK(a.give(propose{{{3, "x"}}}).taken.size() == 1);
}

TEST_CASE("raft 3.10: a transfer is refused to who is no voter, and by who does not lead") {
  alone a{1};
  CHECK(a.give(transfer{1, 2}).turned_away.at(0).why == refusal::not_leader);
  a.elect();
  CHECK(a.give(transfer{2, 9}).turned_away.at(0).why == refusal::no_such_server);
  CHECK(a.give(transfer{3, 1}).turned_away.at(0).why == refusal::no_such_server);
  CHECK(a.give(transfer{4, 2}).taken.size() == 1);
  CHECK(a.give(transfer{5, 3}).turned_away.at(0).why == refusal::transferring);
}

TEST_CASE("raft 3.10: nobody stands by the word of who does not lead") {
  alone a{1};
  a.hear(2, heartbeat{4, 0, 1});
  a.hear(3, timeout_now{4});
  CHECK(a.core.as() == role::follower);
  a.hear(2, timeout_now{3});
  CHECK(a.core.as() == role::follower);
  const auto asks = sent<vote_request>(a.hear(2, timeout_now{4}));
  REQUIRE(asks.size() == 2);
  CHECK(asks[0].transfer);
  CHECK(!asks[0].pre);
}

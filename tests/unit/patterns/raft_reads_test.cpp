// Linearizable reads, dissertation 6.4: by a round of heartbeats, and by a lease.
#include "raft_bench.hpp"

#include <doctest/doctest.h>
using namespace troupe::raft;
using namespace troupe::raft::test;
namespace {
append_reply ack(const alone& leader, std::uint64_t upto) {
  return {.term = leader.core.term(), .round = 0, .accepted = true, .index = upto};
}
alone leader(options how = {}) {
  alone a{1, kept({1, 2, 3}, {1, 1}), how};
  a.elect();
  a.sync();
  a.hear(2, ack(a, 3));
  REQUIRE(a.core.commit() == 3);
  return a;
}
std::uint64_t round_of(const output& out) {
  const auto beats = sent<heartbeat>(out, 2);
  REQUIRE(beats.size() == 1);
  return beats[0].round;
}
}  // namespace

TEST_CASE("raft 6.4: a read is answered once a majority has confirmed the leader, after it came") {
  auto a = leader();
  const auto asked = a.give(troupe::raft::read{7});
  CHECK(asked.reads.empty());
  const auto round = round_of(asked);
  CHECK(a.hear(2, heartbeat_reply{a.core.term(), round - 1}).reads.empty());  // of before
  CHECK(a.hear(9, heartbeat_reply{a.core.term(), round}).reads.empty());      // nobody
  CHECK(a.hear(2, heartbeat_reply{a.core.term() - 1, round}).reads.empty());  // another term's
  const auto out = a.hear(2, heartbeat_reply{a.core.term(), round});
  REQUIRE(out.reads.size() == 1);
  CHECK(out.reads[0] == readable{7, 3});
  CHECK(a.hear(3, heartbeat_reply{a.core.term(), round}).reads.empty());  // once
}

TEST_CASE("raft 6.4: what comes while a round is under way waits for the next") {
  auto a = leader();
  const auto first = round_of(a.give(troupe::raft::read{1}));
  const auto second = a.give(troupe::raft::read{2});
  CHECK(sent<heartbeat>(second).empty());
  a.give(troupe::raft::read{3});
  const auto out = a.hear(2, heartbeat_reply{a.core.term(), first});
  CHECK(out.reads == std::vector<readable>{{1, 3}});
  const auto next = round_of(out);
  CHECK(next == first + 1);
  CHECK(a.hear(3, heartbeat_reply{a.core.term(), next}).reads ==
        std::vector<readable>{{2, 3}, {3, 3}});
}

TEST_CASE("raft 6.4: a new leader answers no read before it has committed something of its own") {
  alone a{1, kept({1, 2, 3}, {1, 1})};
  a.elect();
  const auto round = round_of(a.give(troupe::raft::read{7}));
  CHECK(a.hear(2, heartbeat_reply{a.core.term(), round}).reads.empty());
  a.sync();
  const auto out = a.hear(2, ack(a, 3));
  CHECK(out.reads == std::vector<readable>{{7, 3}});
}

TEST_CASE("raft 6.4: a leader that was deposed answers nothing") {
  auto a = leader();
  a.give(troupe::raft::read{7});
  const auto out = a.hear(3, heartbeat{a.core.term() + 1, 0, 1});
  CHECK(out.reads.empty());
  REQUIRE(out.turned_away.size() == 1);
  CHECK(out.turned_away[0].cookie == 7);
  CHECK(out.turned_away[0].why == refusal::not_leader);
  CHECK(a.give(troupe::raft::read{8}).turned_away.at(0) == refused{8, refusal::not_leader, 3});
}

TEST_CASE("raft 6.4: who is alone confirms itself") {
  alone a{1, kept({1})};
  a.elect({});
  a.sync();
  a.sync();
  REQUIRE(a.core.commit() == 1);
  CHECK(a.give(troupe::raft::read{7}).reads == std::vector<readable>{{7, 1}});
}

TEST_CASE("raft 6.4.1: a lease answers at once, and for the election time less the drift") {
  options how;
  how.lease_reads = true;
  how.drift_per_mille = 50;
  auto a = leader(how);
  CHECK(a.give(troupe::raft::read{1}).reads.empty());  // nothing is confirmed yet
  const auto since = a.now;
  const auto round = round_of(a.wait(40ms));
  a.now += 10ms;
  a.hear(2, heartbeat_reply{a.core.term(), round});
  CHECK(a.core.lease() == since + 40ms + 190ms);  // from when it was sent
  CHECK(a.give(troupe::raft::read{2}).reads == std::vector<readable>{{2, 3}});
  a.now = a.core.lease() - 1ns;
  CHECK(a.give(troupe::raft::read{3}).reads.size() == 1);
  a.now += 1ns;
  CHECK(a.give(troupe::raft::read{4}).reads.empty());
}

TEST_CASE("raft 6.4.1: there is no lease once somebody was told to stand") {
  options how;
  how.lease_reads = true;
  auto a = leader(how);
  const auto round = round_of(a.wait(40ms));
  a.hear(2, heartbeat_reply{a.core.term(), round});
  REQUIRE(a.give(troupe::raft::read{1}).reads.size() == 1);
  CHECK(sent<timeout_now>(a.give(transfer{2, 2})).size() == 1);
  CHECK(a.give(troupe::raft::read{3}).reads.empty());
  a.hear(2, heartbeat_reply{a.core.term(), round});
  a.wait(200ms);  // given up, and it may still come
  CHECK(a.give(troupe::raft::read{4}).reads.empty());
}

TEST_CASE("raft 6.4.1: where leases answer, no election comes early") {
  for (const bool lease : {false, true}) {
    options how;
    how.lease_reads = lease;
    alone a{1, kept({1, 2, 3}), how};
    a.hear(2, heartbeat{1, 0, 1});
    a.give(lost{2});
    CHECK((a.core.due() < a.now + how.election) == !lease);
    a.now += 10ms;
    const auto heeded = !sent<vote_reply>(a.hear(3, vote_request{.term = 2, .pre = true})).empty();
    CHECK(heeded == !lease);
  }
}

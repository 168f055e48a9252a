// Replication, claim by claim: section 5.3, figure 7; section 5.4.2, figure 8; the window of a follower.
#include "raft_bench.hpp"

#include <doctest/doctest.h>
using namespace troupe::raft;
using namespace troupe::raft::test;
namespace {
using terms = std::vector<std::uint64_t>;

append_reply ack(const alone& leader, std::uint64_t upto) {
  return {.term = leader.core.term(), .round = 0, .accepted = true, .index = upto};
}
}  // namespace

TEST_CASE("raft 5.3, figure 7: a new leader makes each of its followers' logs its own") {
  struct row {
    const char* name;
    terms log;
    std::uint64_t cut;  // the first entry that must go; 0: none
  };
  const row table[] = {{"(a) lacks the last", {1, 1, 1, 4, 4, 5, 5, 6, 6}, 0},
                       {"(b) lacks many", {1, 1, 1, 4}, 0},
                       {"(c) has one too many", {1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6}, 11},
                       {"(d) has two of a later term", {1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7}, 11},
                       {"(e) lacks some, has others", {1, 1, 1, 4, 4, 4, 4}, 6},
                       {"(f) has a tail of two terms", {1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3}, 4}};
  group g;
  const std::vector<server> all{1, 2, 3, 4, 5, 6, 7};
  const terms leaders{1, 1, 1, 4, 4, 5, 5, 6, 6, 6};
  g.add(1, kept(all, leaders, 7));
  for (std::size_t i = 0; i < std::size(table); ++i) g.add(2 + i, kept(all, table[i].log, 7));
  g.stand(1, 2);
  REQUIRE(g.at(1).as() == role::leader);
  CHECK(g.at(1).term() == 8);
  g.pass(100ms);
  terms expected = leaders;
  expected.push_back(8);
  CHECK(terms_of(g.at(1).entries()) == expected);
  for (std::size_t i = 0; i < std::size(table); ++i) {
    CAPTURE(table[i].name);
    CHECK(terms_of(g.at(2 + i).entries()) == expected);
    const auto& cuts = g.nodes.at(2 + i).cuts;
    CHECK(cuts.size() == (table[i].cut == 0 ? 0 : 1));
    if (!cuts.empty()) CHECK(cuts.front() == table[i].cut);
    CHECK(g.at(2 + i).commit() == 11);
  }
}

TEST_CASE("raft 5.4.2, figure 8: what is of an older term is not committed by count") {
  // (c): S1 leads term 4, and a majority has its entry of term 2
  alone s1{1, kept({1, 2, 3, 4, 5}, {1, 2}, 3)};
  s1.elect({2, 3});
  REQUIRE(s1.core.as() == role::leader);
  REQUIRE(s1.core.term() == 4);
  s1.sync();
  s1.hear(2, ack(s1, 2));
  s1.hear(3, ack(s1, 2));
  s1.hear(4, ack(s1, 2));
  CHECK(s1.core.commit() == 0);
  // (e): its own of term 4 is there as well, and what is before comes with it
  s1.hear(2, ack(s1, 3));
  CHECK(s1.core.commit() == 0);
  s1.hear(3, ack(s1, 3));
  CHECK(s1.core.commit() == 3);
}

TEST_CASE("raft 5.4.2, figure 8: it may still be overwritten until then, and not after") {
  const std::vector<server> all{1, 2, 3, 4, 5};
  {  // (d): S5, whose last entry is of term 3, is elected by S2 to S4
    group g;
    g.add(1, kept(all, {1, 2}, 4));
    g.add(2, kept(all, {1, 2}, 4));
    g.add(3, kept(all, {1, 2}, 4));
    g.add(4, kept(all, {1}, 4));
    g.add(5, kept(all, {1, 3}, 4));
    g.isolate(1);
    g.stand(5, 4);
    REQUIRE(g.leader() == 5);
    g.pass(100ms);
    for (server s = 2; s <= 5; ++s) CHECK(terms_of(g.at(s).entries()) == terms{1, 3, 5});
  }
  {  // (e): they have one of term 4, and S5 is not
    group g;
    for (server s = 1; s <= 3; ++s) g.add(s, kept(all, {1, 2, 4}, 4));
    g.add(4, kept(all, {1}, 4));
    g.add(5, kept(all, {1, 3}, 4));
    g.isolate(1);
    g.stand(5, 4);
    CHECK(g.at(5).as() != role::leader);
  }
}

TEST_CASE("raft 5.3: a follower takes what fits, cuts what conflicts, and nothing else") {
  struct row {
    const char* what;
    terms log;
    std::uint64_t prev_index, prev_term;
    terms entries;
    std::uint64_t commit;
    bool accepted;
    std::uint64_t index;  // of the reply
    terms then;
    std::uint64_t committed;
  };
  const row table[] = {
      {"the first ones", {}, 0, 0, {1, 1}, 0, true, 2, {1, 1}, 0},
      {"one more", {1, 1}, 2, 1, {3}, 0, true, 3, {1, 1, 3}, 0},
      {"nothing new", {1, 1}, 2, 1, {}, 0, true, 2, {1, 1}, 0},
      {"a gap", {1}, 3, 1, {1}, 0, false, 1, {1}, 0},
      {"a gap before an empty log", {}, 3, 1, {1}, 0, false, 0, {}, 0},
      {"another term before it", {1, 1, 2}, 3, 3, {3}, 0, false, 3, {1, 1, 2}, 0},
      {"a later term before it", {1, 1, 4, 4}, 4, 3, {3}, 0, false, 2, {1, 1, 4, 4}, 0},
      {"a conflict", {1, 1, 2, 2}, 2, 1, {3}, 0, true, 3, {1, 1, 3}, 0},
      {"a conflict after what is the same", {1, 2, 2, 2}, 1, 1, {2, 3}, 0, true, 3, {1, 2, 3}, 0},
      {"a late, shorter one cuts nothing", {1, 1, 1}, 0, 0, {1}, 0, true, 1, {1, 1, 1}, 0},
      {"a repeated one", {1, 1, 3}, 1, 1, {1, 3}, 0, true, 3, {1, 1, 3}, 0},
      {"it commits what the leader did", {1, 1}, 2, 1, {3, 3}, 3, true, 4, {1, 1, 3, 3}, 3},
      {"and never past the last new entry", {1, 1, 2}, 1, 1, {1}, 3, true, 2, {1, 1, 2}, 2},
      {"nor past what an empty one has matched", {1, 1, 2}, 1, 1, {}, 9, true, 1, {1, 1, 2}, 1},
      {"nothing is committed by a refusal", {1, 2}, 2, 3, {}, 2, false, 2, {1, 2}, 0},
  };
  for (const auto& r : table) {
    CAPTURE(r.what);
    alone a{1, kept({1, 2, 3}, r.log, 5)};
    append_request m{.term = 5, .prev_index = r.prev_index, .prev_term = r.prev_term};
    m.commit = r.commit;
    for (const auto t : r.entries) m.entries.push_back({t, entry_kind::command, "new"});
    const auto out = a.hear(2, m);
    const auto replies = sent<append_reply>(out);
    REQUIRE(replies.size() == 1);
    CHECK(sent<append_reply>({.send = out.send}).size() == 1);  // once it is durable
    CHECK(replies[0].accepted == r.accepted);
    CHECK(replies[0].index == r.index);
    CHECK(replies[0].refused == (r.accepted ? 0 : r.prev_index));
    CHECK(terms_of(a.core.entries()) == r.then);
    CHECK(a.core.commit() == r.committed);
  }
}

TEST_CASE("raft 5.3: what is committed is never cut, and known to be the leader's") {
  alone a{1, kept({1, 2, 3}, {1, 1, 1, 1})};
  a.hear(2, append_request{.term = 1, .prev_index = 4, .prev_term = 1, .commit = 3});
  REQUIRE(a.core.commit() == 3);
  struct row {
    const char* what;
    std::uint64_t prev_index;
    std::size_t entries;
    std::uint64_t index;
  };
  for (const auto& [what, prev_index, count, index] :
       {row{"all of it is", 0, 2, 2}, row{"some of it is", 1, 3, 4},
        row{"none is left", 1, 0, 1}}) {
    const auto& shown = what;  // no binding, for clang 14
    CAPTURE(shown);
    append_request m{.term = 1, .prev_index = prev_index, .prev_term = 1};
    m.entries = std::vector<entry>(count, entry{1, entry_kind::command, "x"});
    const auto replies = sent<append_reply>(a.hear(2, m));
    REQUIRE(replies.size() == 1);
    CHECK(replies[0].accepted);
    CHECK(replies[0].index == index);
    CHECK(terms_of(a.core.entries()) == terms{1, 1, 1, 1});
  }
}

TEST_CASE("raft 5.3, end: a leader skips a term at once, from both its ends") {
  struct row {
    const char* what;
    terms log;  // the leader's, which is at 8 then
    std::uint64_t index, hint_term, next_prev;
  };
  const row table[] = {
      {"a shorter log", {1, 1, 1, 4, 4, 5, 5, 6, 6, 6}, 4, 4, 4},
      {"an empty one", {1, 1, 1}, 0, 0, 0},
      {"a term that the leader has less of", {1, 1, 1, 4, 4, 5, 5, 6, 6, 6}, 7, 4, 5},
      {"terms that it has not", {1, 1, 1, 4, 4, 5, 5, 6, 6, 6}, 10, 3, 3},
      {"a hint beyond its log", {1, 1}, 99, 1, 1},
  };
  for (const auto& r : table) {
    CAPTURE(r.what);
    alone a{1, kept({1, 2, 3}, r.log, 7)};
    const auto first = sent<append_request>(a.elect(), 2);
    REQUIRE(first.size() == 1);
    CHECK(first[0].prev_index == r.log.size());
    const auto next = sent<append_request>(a.hear(
        2, append_reply{
               .term = 8, .index = r.index, .hint_term = r.hint_term, .refused = r.log.size()}));
    REQUIRE(next.size() == 1);
    CHECK(next[0].prev_index == r.next_prev);
    // the same refusal once more is old news
    CHECK(sent<append_request>(a.hear(2, append_reply{.term = 8,
                                                      .index = r.index,
                                                      .hint_term = r.hint_term,
                                                      .refused = r.log.size()}))
              .empty());
  }
}

TEST_CASE("raft 10.2.1: a leader's own disk is one of the majority, and no more than that") {
  alone a{1};
  a.elect();
  a.hear(2, ack(a, 1));
  CHECK(a.core.commit() == 0);  // one of three
  a.sync();
  CHECK(a.core.commit() == 1);
  a.give(propose{{{1, "x"}}});
  a.hear(2, ack(a, 2));
  a.hear(3, ack(a, 2));
  CHECK(a.core.commit() == 2);  // without its own
}

TEST_CASE("raft: acknowledgements of another term, or of what was never sent, count for nothing") {
  alone a{1, kept({1, 2, 3}, {1}, 3)};
  a.elect();
  a.sync();
  a.hear(2, append_reply{.term = 3, .round = 0, .accepted = true, .index = 2});
  a.hear(3, append_reply{.term = 4, .round = 0, .accepted = true, .index = 99});
  a.hear(9, append_reply{.term = 4, .round = 0, .accepted = true, .index = 2});
  CHECK(a.core.commit() == 0);
  a.hear(3, ack(a, 2));
  CHECK(a.core.commit() == 2);
}

TEST_CASE("raft 10.2.1: requests go ahead of their answers, as many as the window holds") {
  options how;
  how.flow = {.requests = 3, .bytes = 1U << 20U};
  alone a{1, kept({1, 2, 3}), how};
  CHECK(sent<append_request>(a.elect(), 2).size() == 1);
  // where the logs meet is not known: one at a time
  CHECK(sent<append_request>(a.give(propose{{{1, "x"}}}), 2).empty());
  CHECK(sent<append_request>(a.hear(2, ack(a, 1)), 2).size() == 1);
  for (int i = 0; i < 2; ++i)
    CHECK(sent<append_request>(a.give(propose{{{2, "y"}}}), 2).size() == 1);
  CHECK(sent<append_request>(a.give(propose{{{3, "z"}}}), 2).empty());  // full
  const auto more = sent<append_request>(a.hear(2, ack(a, 3)), 2);
  REQUIRE(more.size() == 1);
  CHECK(more[0].prev_index == 4);
  CHECK(more[0].entries.size() == 1);
}

TEST_CASE("raft: a window full of what was lost is opened by a heartbeat's answer") {
  options how;
  how.flow = {.requests = 2, .bytes = 1U << 20U};
  alone a{1, kept({1, 2, 3}), how};
  a.elect();
  a.hear(2, ack(a, 1));
  for (int i = 0; i < 4; ++i) a.give(propose{{{1, "x"}}});
  const auto again = sent<append_request>(a.hear(2, heartbeat_reply{a.core.term(), 0}), 2);
  REQUIRE(again.size() == 1);
  const auto back = sent<append_request>(a.hear(2, append_reply{.term = a.core.term(),
                                                                .index = 1,
                                                                .hint_term = 1,
                                                                .refused = again[0].prev_index}),
                                         2);
  REQUIRE(back.size() == 1);
  CHECK(back[0].prev_index == 1);
}

TEST_CASE("raft: proposals are refused while too much waits, and by who does not lead") {
  options how;
  how.uncommitted_bytes = 200;
  alone a{1, kept({1, 2, 3}), how};
  CHECK(a.give(propose{{{1, "x"}}}).turned_away.at(0) == refused{1, refusal::not_leader, 0});
  a.elect();
  a.sync();
  const auto out = a.give(propose{{{1, "x"}, {2, "x"}, {3, "x"}, {4, "x"}}});
  CHECK(out.taken.size() == 3);
  REQUIRE(out.turned_away.size() == 1);
  CHECK(out.turned_away[0] == refused{4, refusal::overloaded, 1});
  a.hear(2, ack(a, 4));
  CHECK(a.core.commit() == 1);  // its own disk is behind
  a.sync();
  CHECK(a.core.commit() == 4);
  CHECK(a.give(propose{{{5, "x"}}}).taken.size() == 1);
}

TEST_CASE("raft: a leader's heartbeat commits nothing that a follower may have otherwise") {
  alone a{1};
  a.elect();
  a.sync();
  a.hear(2, ack(a, 1));
  CHECK(a.core.commit() == 1);
  const auto out = a.wait(40ms);
  CHECK(sent<heartbeat>(out, 2).at(0).commit == 1);
  CHECK(sent<heartbeat>(out, 3).at(0).commit == 0);
}

TEST_CASE("raft: of a commit that nothing follows the followers are told at once") {
  const options how;
  alone a{1};
  a.elect();
  a.sync();
  a.hear(2, ack(a, 1));
  CHECK(a.core.due() == a.now + how.tell_commit);
  auto out = a.wait(how.tell_commit);
  CHECK(sent<heartbeat>(out, 2).at(0).commit == 1);
  CHECK(sent<heartbeat>(out, 3).empty());  // it may have otherwise
  a.hear(3, ack(a, 1));
  out = a.wait(how.tell_commit);
  CHECK(sent<heartbeat>(out, 2).empty());  // it was told
  CHECK(sent<heartbeat>(out, 3).at(0).commit == 1);

  // what is proposed meanwhile tells as well
  a.give(propose{{{1, "x"}}});
  a.sync();
  a.hear(2, ack(a, 2));
  a.hear(3, ack(a, 2));
  CHECK(sent<append_request>(a.give(propose{{{2, "y"}}}), 3).at(0).commit == 2);
  CHECK(a.core.due() > a.now + how.tell_commit);
  a.sync();
  a.hear(2, ack(a, 3));
  a.give(propose{{{3, "z"}}});
  a.sync();
  CHECK(sent<heartbeat>(a.wait(how.tell_commit)).empty());  // for z will
}

// A snapshot's record, say, and nothing is proposed for a while: what waits would wait for ever.
TEST_CASE("raft 10.2.1: one sync counts for all that it made durable, whatever came last") {
  alone a{1, kept({1})};
  a.wait_for_election();
  a.sync();
  a.sync();
  CHECK(a.core.commit() == 1);
  a.give(propose{{{1, "x"}, {2, "y"}}});
  const auto out = a.give(snapshotted{1, std::make_shared<const std::string>("one")});
  REQUIRE(out.persist);
  CHECK(out.persist->entries.empty());
  CHECK(a.core.commit() == 1);
  CHECK(a.sync().committed == 3);
}

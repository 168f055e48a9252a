// Snapshots and compaction, section 7: a snapshot in parts that are lost, repeated, and mixed.
#include "raft_bench.hpp"

#include <doctest/doctest.h>
using namespace troupe::raft;
using namespace troupe::raft::test;
namespace {
std::shared_ptr<const std::string> bytes(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}
snapshot_part part(std::uint64_t index, std::uint64_t offset, std::string text,
                   std::uint64_t size = 6) {
  return {.term = 7,
          .round = 1,
          .index = index,
          .last_term = 5,
          .config = voters({1, 2, 3}),
          .size = size,
          .offset = offset,
          .bytes = std::move(text)};
}
std::uint64_t wanted(const output& out) {
  const auto replies = sent<snapshot_reply>(out);
  REQUIRE(replies.size() == 1);
  CHECK(!out.restore);
  return replies[0].offset;
}
}  // namespace

TEST_CASE("raft 7: a snapshot comes in parts, each of them once, in order") {
  alone a{1};
  CHECK(wanted(a.hear(2, part(10, 0, "ab"))) == 2);
  CHECK(wanted(a.hear(2, part(10, 0, "ab"))) == 2);  // repeated
  CHECK(wanted(a.hear(2, part(10, 4, "ef"))) == 2);  // the one before was lost
  CHECK(wanted(a.hear(2, part(10, 2, "cd"))) == 4);
  const auto out = a.hear(2, part(10, 4, "ef"));
  REQUIRE(out.restore);
  CHECK(*out.restore->bytes == "abcdef");
  CHECK(out.restore->index == 10);
  CHECK(out.committed == 10);
  REQUIRE(out.persist);
  CHECK(out.persist->restart);
  CHECK(out.persist->base->index == 10);
  const auto replies = sent<append_reply>({.send = out.send});  // once it is durable
  REQUIRE(replies.size() == 1);
  CHECK(replies[0].accepted);
  CHECK(replies[0].index == 10);
  // late ones find that all is there
  const auto late = sent<append_reply>(a.hear(2, part(10, 2, "cd")));
  REQUIRE(late.size() == 1);
  CHECK(late[0].index == 10);
}

TEST_CASE("raft 7: a part of another snapshot begins anew, and one of an older is nothing new") {
  alone a{1};
  CHECK(wanted(a.hear(2, part(10, 0, "ab"))) == 2);
  CHECK(wanted(a.hear(2, part(12, 2, "CD"))) == 0);
  CHECK(wanted(a.hear(2, part(12, 0, "ABC"))) == 3);
  const auto out = a.hear(2, part(12, 3, "DEF"));
  REQUIRE(out.restore);
  CHECK(*out.restore->bytes == "ABCDEF");
  const auto older = a.hear(2, part(10, 0, "ab"));
  CHECK(!older.restore);
  CHECK(sent<append_reply>(older).at(0).index == 12);
}

TEST_CASE("raft 7: parts that another leader sent do not belong to this one's") {
  alone a{1};
  CHECK(wanted(a.hear(2, part(10, 0, "ab"))) == 2);
  auto other = part(10, 2, "CD");
  other.term = 8;
  CHECK(wanted(a.hear(3, other)) == 0);
}

TEST_CASE("raft 7: a part that cannot be one is dropped") {
  options how;
  how.snapshot_max = 100;
  for (const auto& m : {part(10, 0, "x", 101), part(10, 7, "", 6), part(10, 4, "efg", 6)}) {
    alone a{1, kept({1, 2, 3}), how};
    const auto out = a.hear(2, m);
    CHECK(sent<snapshot_reply>(out).empty());
    CHECK(!out.restore);
  }
  alone empty{1};
  CHECK(empty.hear(2, part(10, 0, "", 0)).restore);
}

TEST_CASE("raft 7: a log that has the snapshot's last entry is kept, any other goes whole") {
  struct row {
    const char* what;
    std::vector<std::uint64_t> log;
    bool restored;
  };
  const row table[] = {{"shorter", {1, 1}, true},
                       {"with the same entry, and more", {1, 5, 5, 5}, false},
                       {"with another there, and more", {1, 4, 4, 4}, true},
                       {"ending there", {1, 1, 5}, false},
                       {"empty", {}, true}};
  for (const auto& r : table) {
    CAPTURE(r.what);
    alone a{1, kept({1, 2, 3}, r.log, 7)};
    const auto out = a.hear(2, part(3, 0, "abcdef"));
    CHECK(out.restore.has_value() == r.restored);
    CHECK(a.core.commit() == 3);
    CHECK(a.core.entries().last() == (r.restored ? 3 : r.log.size()));
    CHECK(a.core.entries().term(3) == 5);
  }
}

TEST_CASE("raft 7: what is applied may become a snapshot, with the configuration of then") {
  options none_kept;
  none_kept.log_bytes = 0;
  alone a{1, kept({1, 2, 3}), none_kept};
  const auto joint_one = encode(configuration{peers({1, 2, 3}), {}, peers({4})});
  append_request m{.term = 1, .commit = 3};
  m.entries = {{1, entry_kind::nothing, {}},
               {1, entry_kind::command, "x"},
               {1, entry_kind::command, "y"},
               {1, entry_kind::configuration, joint_one}};
  a.hear(2, m);
  CHECK(!a.give(snapshotted{4, bytes("too early")}).persist);
  CHECK(!a.give(snapshotted{0, bytes("nothing")}).persist);
  const auto out = a.give(snapshotted{2, bytes("xy")});
  REQUIRE(out.persist);
  REQUIRE(out.persist->base);
  CHECK(out.persist->base->index == 2);
  CHECK(out.persist->base->term == 1);
  CHECK(out.persist->base->config == voters({1, 2, 3}));
  CHECK(!out.persist->restart);
  CHECK(a.core.entries().first() == 3);
  CHECK(a.core.entries().last() == 4);
  CHECK(a.core.config() == configuration{peers({1, 2, 3}), {}, peers({4})});
  CHECK(!a.give(snapshotted{2, bytes("again")}).persist);
}

TEST_CASE("raft 7: who lacks what is compacted gets the snapshot, and then the rest") {
  group g;
  g.how.part_bytes = 4;
  g.how.log_bytes = 0;
  for (server s = 1; s <= 3; ++s) g.add(s, kept({1, 2, 3}));
  g.pass(1s);
  const auto leads = g.leader();
  const server behind = leads == 3 ? 2 : 3;
  g.isolate(behind);
  for (int i = 0; i < 5; ++i) g.give(leads, propose{{{1, "x"}}});
  g.pass(100ms);
  const auto upto = g.at(leads).commit();
  REQUIRE(upto == 6);
  g.give(leads, snapshotted{upto - 1, bytes("as it was then")});
  g.give(leads, propose{{{1, "y"}}});
  g.cut.clear();
  auto& outs = g.nodes.at(behind).outs;
  outs.clear();
  g.pass(500ms);
  const auto restored = std::count_if(outs.begin(), outs.end(),
                                      [](const output& o) { return o.restore.has_value(); });
  CHECK(restored == 1);
  CHECK(*g.at(behind).base().bytes == "as it was then");
  CHECK(g.at(behind).base().index == upto - 1);
  CHECK(g.at(behind).commit() == g.at(leads).entries().last());
}

TEST_CASE("raft: a snapshot leaves the last entries, for followers that are a little behind") {
  options how;
  how.log_bytes = 4 * 3 * 64;  // a quarter of it: three small entries
  alone a{1, kept({1, 2, 3}), how};
  append_request m{.term = 1, .commit = 10};
  for (int i = 0; i < 10; ++i) m.entries.push_back({1, entry_kind::nothing, {}});
  a.hear(2, m);
  const auto out = a.give(snapshotted{8, bytes("as of 8")});
  REQUIRE(out.persist);
  CHECK(out.persist->base->index == 8);
  CHECK(a.core.entries().first() == 6);
  CHECK(a.core.entries().term(5) == 1);
}

TEST_CASE("raft: a snapshot is due once the log is large, and something new is applied") {
  options how;
  how.log_bytes = 200;
  alone a{1, kept({1, 2, 3}, {1, 1, 1}), how};
  CHECK(!a.core.wants_snapshot(3));
  a.hear(2, append_request{
                .term = 1, .prev_index = 3, .prev_term = 1, .commit = 4, .entries = log_of({1})});
  CHECK(a.core.wants_snapshot(4));
  CHECK(!a.core.wants_snapshot(4, 200));  // its turn comes later
  CHECK(!a.core.wants_snapshot(0));
  a.give(snapshotted{4, bytes("x")});
  CHECK(!a.core.wants_snapshot(4));
}

#include "patterns/encoding.hpp"
#include "patterns/storage/map_machine.hpp"

#include <set>

#include <doctest/doctest.h>

namespace {
using namespace troupe;
using namespace troupe::storage;
using std::string;

template <class T>
T as(const reply& r) {
  CAPTURE(text_of(r));
  REQUIRE(std::holds_alternative<T>(r.what));
  return std::get<T>(r.what);
}
refusal why(const reply& r) { return as<refused>(r).why; }
std::vector<string> keys_in(const reply& r) {
  std::vector<string> keys;
  for (const auto& kv : as<got>(r).items) keys.push_back(kv.key);
  return keys;
}
using names = std::vector<string>;

TEST_CASE("storage map: a key's revisions and version, as etcd counts them") {
  map m;
  CHECK(m.at() == 0);
  m.apply(put{"a", "1"});
  m.apply(put{"b", "1"});
  m.apply(put{"a", "2"});
  const auto r = m.query(get{one("a")});
  CHECK(r == reply{3, got{{{"a", "2", 1, 3, 2, 0}}, 1, false}});
  m.apply(erase{one("a")});
  m.apply(put{"a", "3"});
  CHECK(as<got>(m.query(get{one("a")})).items.front() == key_value{"a", "3", 5, 5, 1, 0});
}

TEST_CASE("storage map: only what changes anything takes a revision") {
  map m;
  m.apply(put{"a", "1"});
  CHECK(m.apply(erase{one("x")}) == reply{1, erase_done{}});
  CHECK(m.apply(lease_grant{duration{1000}}).at == 1);
  CHECK(m.apply(put{"", "1"}).at == 1);
  CHECK(m.apply(txn{{}, {get{one("a")}}, {}}).at == 1);
  CHECK(m.apply(put{"a", "1"}).at == 2);  // the same value again is a change
}

TEST_CASE("storage map: put and erase show what was there, if asked") {
  map m;
  CHECK(as<put_done>(m.apply(put{.key = "a", .value = "1", .prev_kv = true})).previous ==
        std::nullopt);
  CHECK(as<put_done>(m.apply(put{.key = "a", .value = "2", .prev_kv = true})).previous ==
        key_value{"a", "1", 1, 1, 1, 0});
  CHECK(as<put_done>(m.apply(put{"a", "3"})).previous == std::nullopt);
  const auto gone = as<erase_done>(m.apply(erase{prefix(""), true}));
  CHECK(gone.count == 1);
  CHECK(gone.previous == std::vector<key_value>{{"a", "3", 1, 3, 3, 0}});
}

TEST_CASE("storage map: one key, a range, a prefix") {
  map m;
  for (const auto* k : {"a", "ab", "ab\xff", "abc", "ac", "b", "\xff", "\xff\xff"})
    m.apply(put{k, ""});
  const auto select = [&](selection s) { return keys_in(m.query(get{std::move(s)})); };
  CHECK(select(one("ab")) == names{"ab"});
  CHECK(select(range("ab", "ac")) == names{"ab", "abc", "ab\xff"});
  CHECK(select(range("b", "")) == names{"b", "\xff", "\xff\xff"});
  CHECK(select(range("b", "a")) == names{});
  CHECK(select(range("", "ab")) == names{"a"});
  CHECK(select(prefix("ab")) == names{"ab", "abc", "ab\xff"});
  CHECK(select(prefix("ab\xff")) == names{"ab\xff"});
  CHECK(select(prefix("\xff")) == names{"\xff", "\xff\xff"});
  CHECK(select(prefix("")).size() == 8);
  CHECK(select(prefix("zz")) == names{});
  CHECK(as<erase_done>(m.apply(erase{prefix("ab")})).count == 3);
  CHECK(select(prefix("a")) == names{"a", "ac"});
}

TEST_CASE("storage map: limit, keys only, count only, order, created up to") {
  map m;
  m.apply(put{"c", "1"});
  m.apply(put{"a", "3"});
  m.apply(put{"b", "2"});
  m.apply(put{"c", "9"});
  auto r = m.query(get{.keys = prefix(""), .limit = 2});
  CHECK(keys_in(r) == names{"a", "b"});
  CHECK(as<got>(r).more);
  r = m.query(get{.keys = prefix(""), .limit = 3});
  CHECK_FALSE(as<got>(r).more);
  r = m.query(get{.keys = prefix(""), .keys_only = true});
  CHECK(as<got>(r).items[0] == key_value{"a", "", 2, 2, 1, 0});
  CHECK(as<got>(m.query(get{.keys = prefix(""), .count_only = true})) == got{{}, 3, false});
  const auto sorted = [&](aspect by, order o) {
    return keys_in(m.query(get{.keys = prefix(""), .by = by, .sorted = o}));
  };
  CHECK(sorted(aspect::key, order::descending) == names{"c", "b", "a"});
  CHECK(sorted(aspect::value, order::ascending) == names{"b", "a", "c"});
  CHECK(sorted(aspect::create_revision, order::ascending) == names{"c", "a", "b"});
  CHECK(sorted(aspect::mod_revision, order::descending) == names{"c", "b", "a"});
  CHECK(sorted(aspect::version, order::descending) == names{"c", "a", "b"});
  CHECK(keys_in(m.query(get{.keys = prefix(""), .create_max = 2})) == names{"a", "c"});
}

TEST_CASE("storage map: a reply holds so many bytes, and says that there is more") {
  map m{{.reply_bytes_max = 3 * (64 + 1 + 100)}};
  for (const auto* k : {"a", "b", "c", "d"}) m.apply(put{k, string(100, 'x')});
  const auto r = as<got>(m.query(get{prefix("")}));
  CHECK(r.items.size() == 3);
  CHECK(r.more);
  CHECK(as<got>(m.query(get{.keys = prefix(""), .keys_only = true})).items.size() == 4);
  const auto gone = as<erase_done>(m.apply(erase{prefix(""), true}));
  CHECK(gone.count == 4);
  CHECK(gone.previous.size() == 3);
  CHECK(gone.more);
}

TEST_CASE("storage map: reads at older revisions, until they are compacted") {
  map m;
  m.apply(put{"a", "1"});
  m.apply(put{"a", "2"});
  m.apply(erase{one("a")});
  m.apply(put{"b", "1"});
  const auto at = [&](revision r) { return m.query(get{.keys = prefix(""), .at = r}); };
  CHECK(as<got>(at(1)).items.front().value == "1");
  CHECK(as<got>(at(2)).items.front().value == "2");
  CHECK(keys_in(at(3)) == names{});
  CHECK(keys_in(at(4)) == names{"b"});
  CHECK(why(at(5)) == refusal::future_revision);
  CHECK(as<compaction_done>(m.apply(compact{2})) == compaction_done{});
  CHECK(at(1) == reply{4, refused{refusal::compacted, 2}});
  CHECK(as<got>(at(2)).items.front().value == "2");
  CHECK(m.apply(compact{1}) == reply{4, refused{refusal::compacted, 2}});
  CHECK(why(m.apply(compact{5})) == refusal::future_revision);
  m.apply(compact{4});
  CHECK(keys_in(at(4)) == names{"b"});
  CHECK(m.bytes() == 64 + 2);  // of `a` nothing is left
}

TEST_CASE("storage map: history sheds whole revisions by itself") {
  map m{{.history_events = 3}};
  m.apply(txn{{}, {put{"a", ""}, put{"b", ""}}, {}});
  m.apply(put{"c", ""});
  CHECK(m.floor() == 0);
  m.apply(put{"c", ""});
  CHECK(m.floor() == 1);
  m.apply(txn{{}, {put{"a", ""}, put{"b", ""}, put{"c", ""}, put{"d", ""}}, {}});
  CHECK(m.floor() == 3);  // the newest stays, even where it is more than the bound
  map by_bytes{{.history_bytes = 3 * 165}};
  for (int i = 0; i < 5; ++i) by_bytes.apply(put{"k", string(100, 'x')});
  CHECK(by_bytes.floor() == 2);
}

TEST_CASE("storage map: a transaction compares, then does one branch at one revision") {
  map m;
  m.apply(put{"a", "1"});
  txn t;
  t.when = {{one("a"), aspect::value, relation::equal, 0, "1"},
            {one("b"), aspect::version, relation::equal, 0, ""}};
  t.then = {put{"b", "x"}, get{prefix("")}, erase{one("a")}, get{prefix("")}};
  t.otherwise = {get{one("b")}};
  auto r = m.apply(t);
  CHECK(r.at == 2);
  auto done = as<txn_done>(r);
  CHECK(done.succeeded);
  REQUIRE(done.replies.size() == 4);
  CHECK(std::get<got>(done.replies[1]).count == 2);  // reads see what was done before them
  CHECK(std::get<got>(done.replies[3]).items == std::vector<key_value>{{"b", "x", 2, 2, 1, 0}});
  done = as<txn_done>(m.apply(t));
  CHECK_FALSE(done.succeeded);
  CHECK(std::get<got>(done.replies[0]).count == 1);
}

TEST_CASE("storage map: what compares with what") {
  map m;
  m.apply(put{"a", "5"});
  m.apply(put{"b", "5"});
  m.apply(put{"b", "6"});
  m.apply(lease_grant{duration{1000}, 7});
  m.apply(put{"c", "7", 7});
  const auto holds = [&](compare c) {
    return as<txn_done>(m.apply(txn{{std::move(c)}, {}, {}})).succeeded;
  };
  using enum relation;
  CHECK(holds({one("a"), aspect::value, less, 0, "6"}));
  CHECK_FALSE(holds({one("a"), aspect::value, less, 0, "5"}));
  CHECK(holds({one("b"), aspect::version, greater, 1, ""}));
  CHECK(holds({one("b"), aspect::create_revision, equal, 2, ""}));
  CHECK(holds({one("b"), aspect::mod_revision, not_equal, 2, ""}));
  CHECK(holds({one("c"), aspect::lease, equal, 7, ""}));
  // absent: numbers are zero, and no value compares, not even as different
  CHECK(holds({one("x"), aspect::create_revision, equal, 0, ""}));
  CHECK_FALSE(holds({one("x"), aspect::value, not_equal, 0, "5"}));
  CHECK_FALSE(holds({one("x"), aspect::value, equal, 0, ""}));
  // of several keys, each must
  CHECK(holds({prefix(""), aspect::value, greater, 0, "4"}));
  CHECK_FALSE(holds({range("a", "c"), aspect::version, equal, 1, ""}));
}

TEST_CASE("storage map: what a transaction is refused for, it does nothing of") {
  map m{{.txn_operations_max = 3}};
  m.apply(put{"a", "1"});
  const auto before = m.snapshot();
  const auto no = [&](txn t) { return why(m.apply(t)); };
  CHECK(no({{}, {put{"b", "1"}, put{"b", "2"}}, {}}) == refusal::duplicate_key);
  CHECK(no({{}, {}, {put{"b", "1"}, put{"b", "2"}}}) == refusal::duplicate_key);  // not taken, even
  CHECK(no({{}, {put{"b", "1"}, erase{prefix("")}}, {}}) == refusal::duplicate_key);
  CHECK(no({{}, {erase{prefix("")}, put{"b", "1"}}, {}}) == refusal::duplicate_key);
  CHECK(no({{}, {put{"b", "1"}, put{"c", "1", 9}}, {}}) == refusal::lease_unknown);
  CHECK(no({{}, {put{"b", "1"}, put{"", "1"}}, {}}) == refusal::key_empty);
  CHECK(no({{}, {get{.keys = one("a"), .at = 1}}, {}}) == refusal::not_in_txn);
  CHECK(no({{{one("a"), aspect::key}}, {}, {}}) == refusal::bad_compare);
  CHECK(no({{}, std::vector<operation>(4, get{one("a")}), {}}) == refusal::txn_too_large);
  CHECK(no({std::vector<compare>(4, {one("a")}), {}, {}}) == refusal::txn_too_large);
  CHECK(m.snapshot() == before);
  // a lease that only the branch not taken needs is not asked for
  CHECK(as<txn_done>(m.apply(txn{{}, {}, {put{"c", "1", 9}}})).succeeded);
  CHECK(as<txn_done>(m.apply(txn{{}, {erase{prefix("a")}, erase{prefix("")}}, {}})).replies[1] ==
        operation_done{erase_done{}});
}

TEST_CASE("storage map: revoking a lease deletes its keys at one revision") {
  map m;
  CHECK(m.apply(lease_grant{duration{2000}, 7}) == reply{0, granted{7, duration{2000}}});
  m.apply(put{"a", "", 7});
  m.apply(put{"b", "", 7});
  m.apply(put{"c", ""});
  CHECK(m.query(lease_info{7, true}) == reply{3, lease_state{7, duration{2000}, {"a", "b"}}});
  CHECK(m.apply(lease_revoke{7}) == reply{4, revoked{2}});
  CHECK(keys_in(m.query(get{prefix("")})) == names{"c"});
  CHECK(why(m.apply(lease_revoke{7})) == refusal::lease_unknown);
  CHECK(why(m.query(lease_info{7})) == refusal::lease_unknown);
  std::size_t changes = 0;
  m.changes(4, [&](revision at, const std::vector<event>& events) {
    CHECK(at == 4);
    changes += events.size();
    return true;
  });
  CHECK(changes == 2);
}

TEST_CASE("storage map: a key has the lease of its last put, or keeps it") {
  map m;
  m.apply(lease_grant{duration{2000}, 7});
  m.apply(lease_grant{duration{2000}, 8});
  for (const auto* k : {"a", "b", "c", "d"}) m.apply(put{k, "", 7});
  m.apply(put{"a", "", 8});
  m.apply(put{"b", ""});
  m.apply(put{.key = "c", .value = "new", .keep_lease = true});
  m.apply(erase{one("d")});
  m.apply(put{"d", ""});
  CHECK(m.apply(lease_revoke{7}) == reply{10, revoked{1}});
  CHECK(keys_in(m.query(get{prefix("")})) == names{"a", "b", "d"});
  CHECK(why(m.apply(put{.key = "a", .lease = 8, .keep_lease = true})) == refusal::lease_ambiguous);
}

TEST_CASE("storage map: lease ids are the client's or the map's, and never given twice") {
  map m{{.leases_max = 3}};
  CHECK(as<granted>(m.apply(lease_grant{duration{1000}})).id == lease_ids_own);
  m.apply(lease_revoke{lease_ids_own});
  CHECK(as<granted>(m.apply(lease_grant{duration{1000}})).id == lease_ids_own + 1);
  CHECK(as<granted>(m.apply(lease_grant{duration{1000}, 7})).id == 7);
  CHECK(why(m.apply(lease_grant{duration{1000}, 7})) == refusal::lease_exists);
  CHECK(why(m.apply(lease_grant{duration{1000}, lease_ids_own})) == refusal::lease_reserved);
  CHECK(why(m.apply(lease_grant{duration{1}})) == refusal::ttl_out_of_range);
  CHECK(why(m.apply(lease_grant{duration{-1000}})) == refusal::ttl_out_of_range);
  m.apply(lease_grant{duration{1000}, 8});
  CHECK(why(m.apply(lease_grant{duration{1000}, 9})) == refusal::too_many_leases);
  CHECK(as<leases>(m.query(lease_list{})).all.size() == 3);
}

TEST_CASE("storage map: a keeper's revocation is void in another term") {
  map m;
  m.apply(lease_grant{duration{1000}, 7}, 3);
  CHECK(why(m.apply(lease_revoke{7, 3}, 4)) == refusal::stale_term);
  CHECK(as<revoked>(m.apply(lease_revoke{7, 4}, 4)).keys == 0);
}

TEST_CASE("storage map: limits have names") {
  map m{{.key_bytes_max = 4, .value_bytes_max = 4, .bytes_max = 3 * 64 + 10}};
  CHECK(why(m.apply(put{"", ""})) == refusal::key_empty);
  CHECK(why(m.apply(put{"abcde", ""})) == refusal::key_too_long);
  CHECK(why(m.apply(put{"a", "12345"})) == refusal::value_too_large);
  CHECK(why(m.apply(put{"a", "", 5})) == refusal::lease_unknown);
  CHECK(why(m.query(get{one("")})) == refusal::key_empty);
  CHECK(why(m.query(get{range("a", "abcde")})) == refusal::key_too_long);
  for (int i = 0; i < 3; ++i) CHECK(m.apply(put{"a", "1"}).at != 0);
  CHECK(why(m.apply(put{"a", "1"})) == refusal::no_space);
  CHECK(why(m.apply(txn{{}, {put{"a", "1"}}, {}})) == refusal::no_space);
  CHECK(as<txn_done>(m.apply(txn{{}, {get{one("a")}}, {}})).succeeded);
  CHECK(as<erase_done>(m.apply(erase{one("a")})).count == 1);  // always, to make room
  m.apply(compact{m.at()});
  CHECK(m.bytes() == 0);
  CHECK(m.apply(put{"a", "1"}).at == 5);
}

TEST_CASE("storage map: every refusal has its sentence") {
  std::set<string> sentences;
  for (const auto& e : enumerators_of<refusal>()) sentences.insert(explain(e.value));
  CHECK(sentences.size() == enumerators_of<refusal>().size());
  CHECK(sentences.count("refused") == 0);
}

TEST_CASE("storage map: bytes that are no command or question are answered") {
  map_machine m;
  for (const string bytes : {"", "\x63", "xxxx"}) {
    CHECK(why(*decode<reply>(m.apply({1, 1}, bytes))) == refusal::malformed);
    CHECK(why(*decode<reply>(m.query(bytes))) == refusal::malformed);
  }
  CHECK(m.content().at() == 0);
}

TEST_CASE("storage map: who looks on is told of what was applied, and of a restore") {
  string told;
  map_machine m{{}, [&](const map& now, const command* c, const reply* r) {
                  told += c != nullptr ? std::to_string(r->at) : "R" + std::to_string(now.at());
                }};
  m.apply({1, 1}, encode(command{put{"a", "1"}}));
  m.apply({2, 1}, "nonsense");
  const auto bytes = m.snapshot();
  m.apply({3, 1}, encode(command{put{"a", "1"}}));
  REQUIRE(m.restore(bytes));
  CHECK_FALSE(m.restore("nonsense"));
  CHECK(told == "12R1");
}

TEST_CASE(
    "storage map: a snapshot cut or changed anywhere is refused or sound, and changes nothing") {
  map m;
  m.apply(lease_grant{duration{1000}, 7});
  m.apply(put{"a", "1", 7});
  m.apply(txn{{}, {put{"b", "2"}, put{"a", "2"}}, {}});
  m.apply(compact{1});
  m.apply(erase{one("a")});
  const auto good = m.snapshot();
  for (std::size_t n = 0; n < good.size(); ++n) {
    CHECK_FALSE(m.restore(std::string_view{good}.substr(0, n)));
    for (const int bit : {1, 2, 128}) {
      auto bad = good;
      bad[n] = static_cast<char>(bad[n] ^ bit);
      map other;
      if (!other.restore(bad)) continue;
      other.apply(erase{prefix("")});
      other.apply(compact{other.at()});
      CHECK(other.bytes() == 0);
      map again;
      CHECK(again.restore(other.snapshot()));
      CHECK(again.snapshot() == other.snapshot());
    }
  }
  CHECK_FALSE(m.restore(good + "x"));
  CHECK(m.snapshot() == good);
}
}  // namespace

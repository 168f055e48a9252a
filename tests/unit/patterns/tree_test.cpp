// The coordination tree as ZooKeeper's guide describes it: nodes, versions, numbers, multi, bounds.
#include "tree_bench.hpp"

#include <set>

namespace {
using namespace troupe;
using namespace troupe::test;
using texts = std::vector<std::string>;

TEST_CASE("tree: paths that are none are refused, each by its name") {
  const std::string o32 = [] {
    std::string s;
    for (int i = 0; i < 32; ++i) s += "/o";
    return s;
  }();
  const std::pair<std::string, std::optional<refusal>> table[] = {
      {"/a", {}},
      {"/a/b-._~ c", {}},
      {"/a/...", {}},
      {"/a/.b", {}},
      {"/\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", {}},
      {"/" + std::string(1023, 'x'), {}},
      {o32, {}},
      {"/", {}},
      {"", refusal::path_relative},
      {"a/b", refusal::path_relative},
      {"/a/", refusal::path_trailing_slash},
      {"//", refusal::path_trailing_slash},
      {"//a", refusal::path_empty_part},
      {"/a//b", refusal::path_empty_part},
      {"/.", refusal::path_dot_part},
      {"/a/./b", refusal::path_dot_part},
      {"/a/..", refusal::path_dot_part},
      {std::string("/a\0b", 4), refusal::path_character},
      {"/a\n", refusal::path_character},
      {"/a\x7f", refusal::path_character},
      {"/a\xc2\x85", refusal::path_character},          // a control character
      {"/a\xc0\xaf", refusal::path_character},          // a slash, written too long
      {"/a\xed\xa0\x80", refusal::path_character},      // half of a pair
      {"/a\xf4\x90\x80\x80", refusal::path_character},  // beyond Unicode
      {"/a\xe2\x82", refusal::path_character},          // cut
      {"/a\xff", refusal::path_character},
      {"/" + std::string(1024, 'x'), refusal::path_too_long},
      {o32 + "/o", refusal::path_too_deep},
  };
  for (const auto& [path, no] : table) {
    const auto& shown = path;  // no binding, for clang 14
    CAPTURE(shown);
    const auto r = check_path(path, {});
    CHECK(r.has_value() == !no.has_value());
    if (!r && no) CHECK(to_string(r.error()) == to_string(*no));
  }
  CHECK(parent_of("/a") == "/");
  CHECK(parent_of("/a/b") == "/a");
  CHECK(covers("/a", "/a/b"));
  CHECK_FALSE(covers("/a", "/ab"));
  CHECK(covers("/", "/ab"));
}

TEST_CASE("tree: a node's numbers, as ZooKeeper's Stat counts them") {
  tree_bench b;
  b.apply(create{"/a", "one"}, 0, 100ms);
  CHECK(b.is("/a") == stat{1, 1, 1, 100ms, 100ms, 0, 0, 0, 3, 0});
  b.apply(set{"/a", "three"}, 0, 200ms);
  CHECK(b.is("/a") == stat{1, 2, 1, 100ms, 200ms, 1, 0, 0, 5, 0});
  b.apply(create{"/a/x"}, 0, 300ms);
  b.apply(create{"/a/y"}, 0, 300ms);
  CHECK(b.is("/a") == stat{1, 2, 4, 100ms, 200ms, 1, 2, 0, 5, 2});
  b.apply(erase{"/a/x"});
  CHECK(b.is("/a") == stat{1, 2, 5, 100ms, 200ms, 1, 3, 0, 5, 1});  // cversion: came and went
  b.apply(set{"/a/y", "z"});
  CHECK(b.is("/a").children_modified == 5);  // a child's data is none of its parent's
  CHECK(b.is("/").children == 1);
}

TEST_CASE("tree: the log's time does not go back, and only what was done moves it") {
  tree_bench b;
  b.apply(create{"/a"}, 0, 500ms);
  b.apply(create{"/b"}, 0, 300ms);
  CHECK(b.is("/b").created_at == 500ms);
  b.apply(create{"/b"}, 0, 900ms);
  b.apply(multi{{create{"/c"}, create{"/c"}}}, 0, 900ms);
  b.apply(create{"/d"}, 0, 600ms);
  CHECK(b.is("/d").created_at == 600ms);
}

TEST_CASE("tree: what is refused, and by which name") {
  tree_bench b;
  const auto s = b.open();
  b.apply(create{"/a", "x"});
  b.apply(create{"/a/b"});
  b.apply(create{"/e", "", mode::ephemeral}, s);
  b.apply(set{"/a", "y"});
  const auto before = b.tree.snapshot();
  struct row {
    const char* what;
    command in;
    session_id session;
    refusal no;
  };
  const row table[] = {
      {"a node twice", create{"/a"}, 0, refusal::node_exists},
      {"a child of nothing", create{"/x/y"}, 0, refusal::no_parent},
      {"a child of an ephemeral", create{"/e/y"}, s, refusal::ephemeral_parent},
      {"a numbered one, too", create{"/e/", "", mode::ephemeral_sequential}, s,
       refusal::ephemeral_parent},
      {"the root", create{"/"}, 0, refusal::root},
      {"the root's removal", erase{"/"}, 0, refusal::root},
      {"a bad path", create{"/a/"}, 0, refusal::path_trailing_slash},
      {"removal of what is not there", erase{"/x"}, 0, refusal::no_node},
      {"removal of one with children", erase{"/a"}, 0, refusal::not_empty},
      {"removal in an old version", erase{"/a/b", 1}, 0, refusal::bad_version},
      {"set of what is not there", set{"/x", ""}, 0, refusal::no_node},
      {"set in an old version", set{"/a", "", 0}, 0, refusal::bad_version},
      {"set in a version to come", set{"/a", "", 2}, 0, refusal::bad_version},
      {"check of what is not there", check{"/x"}, 0, refusal::no_node},
      {"check of an old version", check{"/a", 0}, 0, refusal::bad_version},
      {"ephemeral without session", create{"/f", "", mode::ephemeral}, 0, refusal::session_needed},
      {"of a session that never was", create{"/f"}, 99, refusal::session_unknown},
      {"closing none", close_session{}, 0, refusal::session_needed},
      {"expiring none", expire_session{99}, 0, refusal::session_unknown},
      {"reaping what is no container", reap_container{"/a"}, 0, refusal::not_a_container},
      {"reaping nothing", reap_container{"/x"}, 0, refusal::no_node},
  };
  for (const auto& r : table) {
    CAPTURE(r.what);
    const auto reply = b.apply(r.in, r.session);
    REQUIRE(why(reply).has_value());
    CHECK(to_string(*why(reply)) == to_string(r.no));
    CHECK(b.events.empty());
  }
  // nothing but the place in the log is different
  tree_bench other;
  REQUIRE(other.tree.restore(before));
  other.tree.refuse({b.tree.at(), 1}, refusal::malformed);
  CHECK(other.tree.snapshot() == b.tree.snapshot());
  CHECK(as<refused>(b.apply(set{"/a", "", 7})).version == 1);  // the one that it has
}

TEST_CASE("tree: expected versions decide, and none means any") {
  tree_bench b;
  b.made("/a");
  CHECK(as<set_done>(b.apply(set{"/a", "1", 0})).is.version == 1);
  CHECK(as<set_done>(b.apply(set{"/a", "2"})).is.version == 2);
  CHECK(std::holds_alternative<checked>(b.apply(check{"/a", 2}).what));
  CHECK(why(b.apply(erase{"/a", 1})) == refusal::bad_version);
  CHECK(std::holds_alternative<erased>(b.apply(erase{"/a", 2}).what));
  b.made("/a");
  CHECK(b.is("/a").version == 0);  // another node, and it says so: a higher zxid
  CHECK(b.is("/a").created > 5);
}

TEST_CASE("tree: numbers of sequential nodes rise, and none comes again") {
  tree_bench b;
  const auto s = b.open();
  b.made("/q");
  CHECK(b.made("/q/n-", mode::persistent_sequential) == "/q/n-0000000000");
  CHECK(b.made("/q/n-", mode::ephemeral_sequential, s) == "/q/n-0000000001");
  CHECK(b.made("/q/other") == "/q/other");  // the counter is the parent's, and counts all
  CHECK(b.made("/q/m-", mode::persistent_sequential) == "/q/m-0000000003");
  b.apply(erase{"/q/m-0000000003"});
  CHECK(b.made("/q/n-", mode::persistent_sequential) == "/q/n-0000000004");
  CHECK(b.made("/q/", mode::persistent_sequential) == "/q/0000000005");
  CHECK(b.made("/", mode::persistent_sequential) == "/0000000001");
  CHECK(why(b.apply(create{"/q/n-", "", mode::persistent})) == std::nullopt);
  b.made("/q/n-0000000008");
  CHECK(why(b.apply(create{"/q/n-", "", mode::persistent_sequential})) == refusal::node_exists);
  const auto first = b.is("/q/n-0000000000").created, later = b.is("/q/n-0000000004").created;
  CHECK(first < later);  // the fencing token
}

TEST_CASE("tree: a multi is done as a whole, under one zxid") {
  tree_bench b;
  const auto done = as<multi_done>(
      b.apply(multi{{create{"/a"}, create{"/a/b", "x"}, check{"/a/b", 0}, set{"/a/b", "y", 0},
                     create{"/a/s-", "", mode::persistent_sequential}, erase{"/a/b", 1}}}));
  CHECK(done.succeeded);
  REQUIRE(done.results.size() == 6);
  CHECK(std::get<created>(done.results[4]).path == "/a/s-0000000001");
  CHECK(b.is("/a").created == 1);
  CHECK(b.is("/a/s-0000000001").created == 1);
  CHECK(b.is("/a").children_version == 3);
  CHECK(b.children_of("/a") == texts{"s-0000000001"});
  CHECK(std::get<multi_done>(b.apply(multi{}).what).succeeded);
}

TEST_CASE("tree: of a multi that is refused nothing is left, and each result says why") {
  tree_bench b;
  const auto s = b.open();
  b.made("/a");
  b.made("/a/e", mode::ephemeral, s);
  b.made("/c", mode::container);
  b.made("/c/x");
  b.apply(set{"/a", "before"});
  const auto before = b.tree.snapshot();
  const auto bytes = b.tree.bytes();
  const auto r = as<multi_done>(
      b.apply(multi{{set{"/a", "after"}, set{"/a", "again"}, erase{"/a/e"}, create{"/a/f"},
                     create{"/a/f/g"}, erase{"/c/x"}, create{"/e", "", mode::ephemeral},
                     erase{"/e"}, create{"/d", "", mode::container}, create{"/d/x"}, erase{"/d/x"},
                     check{"/a", 9}, create{"/z"}, create{"/z"}}},
              s));
  CHECK_FALSE(r.succeeded);
  REQUIRE(r.results.size() == 14);
  for (std::size_t i = 0; i < r.results.size(); ++i) {
    CAPTURE(i);
    const auto expected = i < 11    ? refused{refusal::rolled_back}
                          : i == 11 ? refused{refusal::bad_version, 3}
                                    : refused{refusal::not_tried};
    CHECK(std::get<refused>(r.results[i]) == expected);
  }
  CHECK(b.events.empty());
  CHECK(b.tree.bytes() == bytes);
  CHECK(as<names>(b.tree.query(reapable{})).all.empty());
  tree_bench other;
  REQUIRE(other.tree.restore(before));
  other.tree.refuse({b.tree.at(), 1}, refusal::malformed);
  CHECK(other.tree.snapshot() == b.tree.snapshot());
  // and its parts are as they were: the ephemeral node still goes with its session
  CHECK(as<session_ended>(b.apply(close_session{}, s)).nodes == 1);
}

TEST_CASE("tree: children in order, none of their children among them, in parts if asked") {
  tree_bench b;
  for (const auto* path :
       {"/a", "/a/b", "/a/b/c", "/a/b/c/d", "/a/b-1", "/a/b0", "/a/b/z", "/ab", "/a/c", "/a-"})
    b.made(path);
  CHECK(b.children_of("/") == texts{"a", "a-", "ab"});
  CHECK(b.children_of("/a") == texts{"b", "b-1", "b0", "c"});
  CHECK(b.children_of("/a/b") == texts{"c", "z"});
  CHECK(b.children_of("/a/c").empty());
  const auto part = as<names>(b.tree.query(children{"/a", "", 2}));
  CHECK(part.all == texts{"b", "b-1"});
  CHECK(part.more);
  CHECK(part.is.children == 4);
  const auto rest = as<names>(b.tree.query(children{"/a", "b-1", 2}));
  CHECK(rest.all == texts{"b0", "c"});
  CHECK_FALSE(rest.more);
  CHECK(as<names>(b.tree.query(children{"/a", "b", 1})).all == texts{"b-1"});
  CHECK(why(b.tree.query(children{"/x"})) == refusal::no_node);
  tree_bench tight{{.reply_bytes_max = 20}};
  for (const auto* path : {"/a", "/b", "/c"}) tight.made(path);
  CHECK(as<names>(tight.tree.query(children{"/"})).more);
  CHECK(tight.children_of("/") == texts{"a", "b"});
}

TEST_CASE("tree: browse gives the children with what they are, all of one moment") {
  tree_bench b;
  b.made("/a");
  b.apply(create{"/a/x", "one"});
  b.apply(create{"/a/x/deeper", "no child of a"});
  b.apply(create{"/a/y", "two"});
  const auto all = as<browsed>(b.tree.query(browse{"/a"}));
  REQUIRE(all.all.size() == 2);
  CHECK(all.all[0] == child{"x", b.is("/a/x"), "one"});
  CHECK(all.all[1] == child{"y", b.is("/a/y"), "two"});
  CHECK_FALSE(all.more);
  CHECK(all.is == b.is("/a"));
  const auto first = as<browsed>(b.tree.query(browse{"/a", "", 1, false}));
  CHECK(first.all == std::vector<child>{{"x", b.is("/a/x"), ""}});
  CHECK(first.more);
  CHECK(as<browsed>(b.tree.query(browse{"/a", "x"})).all.size() == 1);
  texts below;
  for (const auto& c : as<browsed>(b.tree.query(browse{.path = "/", .below = true})).all)
    below.push_back(c.name);
  CHECK(below == texts{"a", "a/x", "a/x/deeper", "a/y"});
  CHECK(why(b.tree.query(browse{"/none"})) == refusal::no_node);
  // in parts where a reply would be too large, and one that is too large by itself alone
  tree_bench tight{{.reply_bytes_max = 300}};
  for (const auto* path : {"/a", "/b", "/c"}) tight.apply(create{path, std::string(500, 'd')});
  texts seen;
  for (browsed part{.more = true}; part.more; seen.push_back(part.all[0].name)) {
    part = as<browsed>(tight.tree.query(browse{"/", seen.empty() ? "" : seen.back()}));
    REQUIRE(part.all.size() == 1);
  }
  CHECK(seen == texts{"a", "b", "c"});
}

TEST_CASE("tree: exists answers of what is not there, get refuses") {
  tree_bench b;
  CHECK(as<found>(b.tree.query(exists{"/a"})).is == std::nullopt);
  CHECK(why(b.tree.query(get{"/a"})) == refusal::no_node);
  b.made("/a");
  CHECK(as<found>(b.tree.query(exists{"/a"})).is->created == 1);
  CHECK(why(b.tree.query(exists{"a"})) == refusal::path_relative);
  CHECK(as<got>(b.tree.query(get{"/"})).is.children == 1);
}

TEST_CASE("tree: every bound is refused by its name") {
  tree_settings s;
  s.data_bytes_max = 4;
  s.children_max = 2;
  s.multi_operations_max = 2;
  s.paths = {.bytes_max = 24, .depth_max = 2};
  s.bytes_max = 8 * node_overhead;
  s.sessions = {.sessions_max = 1, .ephemerals_max = 1};
  tree_bench b{s};
  const auto id = b.open();
  CHECK(why(b.apply(open_session{10s, secret})) == refusal::too_many_sessions);
  CHECK(why(b.apply(create{"/a", "12345"})) == refusal::data_too_large);
  b.made("/a");
  CHECK(why(b.apply(set{"/a", "12345"})) == refusal::data_too_large);
  b.made("/a/e", mode::ephemeral, id);
  CHECK(why(b.apply(create{"/f", "", mode::ephemeral}, id)) == refusal::too_many_ephemerals);
  b.made("/a/b");
  CHECK(why(b.apply(create{"/a/c"})) == refusal::too_many_children);
  CHECK(why(b.apply(create{"/a/b/c"})) == refusal::path_too_deep);
  CHECK(why(b.apply(create{"/" + std::string(24, 'n')})) == refusal::path_too_long);
  // a slash, thirteen, and ten digits fit; one more does not
  CHECK(why(b.apply(create{"/" + std::string(14, 'n'), "", mode::persistent_sequential})) ==
        refusal::path_too_long);
  CHECK(why(b.apply(multi{{check{"/a"}, check{"/a"}, check{"/a"}}})) == refusal::multi_too_large);
  b.made("/" + std::string(13, 'n'), mode::persistent_sequential);
  CHECK(why(b.apply(create{"/b"})) == refusal::too_many_children);
}

TEST_CASE("tree: its bytes are bounded, and what shrinks is always taken") {
  tree_bench b{{.bytes_max = 3 * node_overhead + 100}};
  b.apply(create{"/a", std::string(80, 'a')});
  CHECK(why(b.apply(create{"/b", std::string(80, 'b')})) == refusal::no_space);
  CHECK(why(b.apply(set{"/a", std::string(node_overhead + 100, 'a')})) == refusal::no_space);
  const auto bytes = b.tree.bytes();
  b.apply(set{"/a", ""});
  CHECK(b.tree.bytes() == bytes - 80);
  CHECK(why(b.apply(create{"/b", std::string(80, 'b')})) == std::nullopt);
  CHECK(why(b.apply(create{"/c"})) == refusal::no_space);
  b.apply(erase{"/b"});
  b.apply(erase{"/a"});
  CHECK(b.tree.bytes() == tree_bench{}.tree.bytes());
}

TEST_CASE("tree: an entry that comes again is not applied again") {
  // a snapshot taken while entries go on, and the log replayed over it: the create must not count
  // twice, or the parent's counter differs between replicas
  data_tree t;
  const request make{create{"/q/n-", "", mode::persistent_sequential}};
  t.apply({1, 1}, {create{"/q"}});
  t.apply({2, 1}, make);
  data_tree restored;
  REQUIRE(restored.restore(t.snapshot()));
  for (std::uint64_t index = 1; index <= 2; ++index)
    CHECK(why(restored.apply({index, 1}, make).answer) == refusal::replayed);
  CHECK(restored.snapshot() == t.snapshot());
  CHECK(why(t.refuse({2, 1}, refusal::malformed).answer) == refusal::replayed);
  CHECK(std::get<created>(restored.apply({9, 2}, make).answer.what).path == "/q/n-0000000001");
}

TEST_CASE("tree: containers are reaped when their last child has gone, not before their first") {
  tree_bench b;
  b.made("/c", mode::container);
  CHECK(as<names>(b.tree.query(reapable{})).all.empty());
  CHECK(why(b.apply(reap_container{"/c"})) == refusal::container_in_use);
  b.made("/c/x");
  CHECK(why(b.apply(reap_container{"/c"})) == refusal::container_in_use);
  b.apply(erase{"/c/x"});
  CHECK(as<names>(b.tree.query(reapable{})).all == texts{"/c"});
  b.made("/c/y");  // it came between the leader's look and its entry
  CHECK(why(b.apply(reap_container{"/c"})) == refusal::container_in_use);
  b.apply(erase{"/c/y"});
  CHECK(std::holds_alternative<erased>(b.apply(reap_container{"/c"}).what));
  CHECK(b.events == std::vector<event>{{change::deleted, "/c"}, {change::children, "/"}});
  CHECK(as<names>(b.tree.query(reapable{})).all.empty());
}

TEST_CASE("tree: a replica says how far it is, and sync is a place to wait for") {
  data_tree leader, follower;
  leader.apply({1, 1}, {create{"/a"}});
  follower.apply({1, 1}, {create{"/a"}});
  leader.apply({2, 1}, {set{"/a", "new"}});
  // a read at the follower is old, and says so
  CHECK(follower.query(get{"/a"}).at == 1);
  const auto synced_at = leader.apply({3, 1}, {sync{}}).answer.at;
  CHECK(follower.query(get{"/a"}).at < synced_at);
  follower.apply({2, 1}, {set{"/a", "new"}});
  follower.apply({3, 1}, {sync{}});
  CHECK(follower.query(get{"/a"}).at == synced_at);
  CHECK(std::get<got>(follower.query(get{"/a"}).what).data == "new");
}

TEST_CASE("tree: every refusal has its own sentence") {
  std::set<std::string> sentences;
  for (const auto& e : enumerators_of<refusal>()) sentences.insert(explain(e.value));
  CHECK(sentences.size() == enumerators_of<refusal>().size());
  CHECK_FALSE(sentences.contains("refused"));
}
}  // namespace

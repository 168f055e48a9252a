// Watches on the coordination tree, by ZooKeeper's table of what each is told, and what one is told
// who was away.
#include "patterns/tree/watches.hpp"
#include "tree_bench.hpp"

#include <algorithm>

namespace {
using namespace troupe;
using namespace troupe::test;
using kind = watch_kind;
using events = std::vector<event>;

struct watched {
  tree_bench b{};
  watches w;
  watch_output out{};
  explicit watched(watch_settings bounds = {}) : w{bounds} {}
  reply apply(command what, session_id session = 0) {
    auto r = b.apply(std::move(what), session);
    w.fire(b.tree, {r, b.events}, out);
    return r;
  }
  void set(watcher_id whom, const std::string& path, kind k) {
    REQUIRE(w.add(whom, {path, k}, b.tree).has_value());
  }
  events taken(watcher_id whom = 1) {
    events all;
    for (const auto& t : out)
      if (t.whom == whom) all.push_back(t.is);
    std::erase_if(out, [&](const told& t) { return t.whom == whom; });
    return all;
  }
};

TEST_CASE("tree watches: what each kind is told of, and whether it has fired") {
  struct row {
    const char* what;
    watch on;
    command does;
    events told;
    bool stays;
  };
  const row table[] = {
      {"data: set", {"/a", kind::data}, set{"/a", "1"}, {{change::data, "/a"}}, false},
      {"data: removed", {"/a/x", kind::data}, erase{"/a/x"}, {{change::deleted, "/a/x"}}, false},
      {"data: a child comes", {"/a", kind::data}, create{"/a/y"}, {}, true},
      {"data: another is set", {"/a", kind::data}, set{"/b", ""}, {}, true},
      {"exists: comes", {"/n", kind::exists}, create{"/n"}, {{change::created, "/n"}}, false},
      {"exists: below it", {"/a/n", kind::exists}, create{"/a/m"}, {}, true},
      {"exists, on a node: set",
       {"/a", kind::exists},
       set{"/a", ""},
       {{change::data, "/a"}},
       false},
      {"children: one comes",
       {"/a", kind::children},
       create{"/a/y"},
       {{change::children, "/a"}},
       false},
      {"children: one goes",
       {"/a", kind::children},
       erase{"/a/x"},
       {{change::children, "/a"}},
       false},
      {"children: one is set", {"/a", kind::children}, set{"/a/x", ""}, {}, true},
      {"children: itself is set", {"/a", kind::children}, set{"/a", ""}, {}, true},
      {"children: itself goes",
       {"/b", kind::children},
       erase{"/b"},
       {{change::deleted, "/b"}},
       false},
      {"children: a grandchild comes", {"/", kind::children}, create{"/a/y"}, {}, true},
      {"persistent: set", {"/a", kind::persistent}, set{"/a", ""}, {{change::data, "/a"}}, true},
      {"persistent: a child comes",
       {"/a", kind::persistent},
       create{"/a/y"},
       {{change::children, "/a"}},
       true},
      {"persistent: comes",
       {"/n", kind::persistent},
       create{"/n"},
       {{change::created, "/n"}},
       true},
      {"persistent: goes", {"/b", kind::persistent}, erase{"/b"}, {{change::deleted, "/b"}}, true},
      {"recursive: below it, set",
       {"/", kind::recursive},
       set{"/a/x", ""},
       {{change::data, "/a/x"}},
       true},
      {"recursive: comes, and no `children`",
       {"/a", kind::recursive},
       create{"/a/y"},
       {{change::created, "/a/y"}},
       true},
      {"recursive: itself", {"/b", kind::recursive}, erase{"/b"}, {{change::deleted, "/b"}}, true},
      {"recursive: beside it", {"/a", kind::recursive}, create{"/ab"}, {}, true},
      {"refused: none", {"/a", kind::data}, set{"/a", "", 7}, {}, true},
      {"a multi that fails: none",
       {"/a", kind::data},
       multi{{set{"/a", "1"}, check{"/a", 7}}},
       {},
       true},
      {"a multi: both are told",
       {"/n", kind::persistent},
       multi{{create{"/n"}, erase{"/n"}}},
       {{change::created, "/n"}, {change::deleted, "/n"}},
       true},
      {"a multi: a one-shot fires once",
       {"/a", kind::data},
       multi{{set{"/a", "1"}, set{"/a", "2"}}},
       {{change::data, "/a"}},
       false},
  };
  for (const auto& r : table) {
    CAPTURE(r.what);
    watched x;
    for (const auto* path : {"/a", "/a/x", "/b"}) x.apply(create{path});
    x.set(1, r.on.path, r.on.kind);
    x.apply(r.does);
    CHECK(x.taken() == r.told);
    CHECK(x.w.size() == (r.stays ? 1 : 0));
  }
}

TEST_CASE("tree watches: a one-shot fires once, and is set anew by who reads anew") {
  watched x;
  x.apply(create{"/a"});
  x.set(1, "/a", kind::data);
  x.set(1, "/a", kind::data);  // twice is once
  CHECK(x.w.size() == 1);
  x.apply(set{"/a", "1"});
  x.apply(set{"/a", "2"});
  CHECK(x.taken().size() == 1);
  x.set(1, "/a", kind::data);
  x.apply(set{"/a", "3"});
  CHECK(x.taken().size() == 1);
}

TEST_CASE("tree watches: several of one watcher make one event, several watchers one each") {
  watched x;
  x.apply(create{"/a"});
  for (const auto k : {kind::data, kind::children, kind::persistent, kind::recursive})
    x.set(1, "/a", k);
  x.set(1, "/", kind::recursive);
  x.set(2, "/a", kind::data);
  x.apply(erase{"/a"});
  CHECK(x.taken(1) == events{{change::deleted, "/a"}});
  CHECK(x.taken(2) == events{{change::deleted, "/a"}});
  CHECK(x.w.of(1) == 3);
  CHECK(x.w.of(2) == 0);
}

TEST_CASE("tree watches: an event comes when its write can be read, and says where") {
  watched x;
  const auto s = x.b.open();
  x.apply(create{"/a"});
  x.apply(create{"/a/e", "", mode::ephemeral}, s);
  x.set(1, "/a/e", kind::data);
  x.set(1, "/a", kind::children);
  x.apply(close_session{}, s);
  REQUIRE(x.out.size() == 2);
  for (const auto& t : x.out) CHECK(t.at == x.b.tree.at());
  CHECK_FALSE(x.b.there("/a/e"));
  CHECK(x.taken() == events{{change::deleted, "/a/e"}, {change::children, "/a"}});
}

TEST_CASE("tree watches: an exists watch on a node is a data watch; others need their node") {
  watched x;
  x.apply(create{"/a"});
  CHECK(x.w.add(1, {"/a", kind::exists}, x.b.tree).value() == kind::data);
  CHECK(x.w.add(1, {"/n", kind::exists}, x.b.tree).value() == kind::exists);
  CHECK(x.w.add(1, {"/n", kind::data}, x.b.tree).error() == refusal::no_node);
  CHECK(x.w.add(1, {"/n", kind::children}, x.b.tree).error() == refusal::no_node);
  CHECK(x.w.add(1, {"n", kind::persistent}, x.b.tree).error() == refusal::path_relative);
  CHECK(x.w.size() == 2);
}

TEST_CASE("tree watches: they are bounded, removed and dropped") {
  watched x{{.watches_max = 3, .watches_of_one_max = 2}};
  for (const auto* path : {"/a", "/b", "/c"}) x.apply(create{path});
  x.set(1, "/a", kind::data);
  x.set(1, "/b", kind::data);
  CHECK(x.w.add(1, {"/c", kind::data}, x.b.tree).error() == refusal::too_many_watches);
  CHECK(x.w.add(1, {"/a", kind::data}, x.b.tree).has_value());  // it has that one
  x.set(2, "/a", kind::data);
  CHECK(x.w.add(2, {"/b", kind::data}, x.b.tree).error() == refusal::too_many_watches);
  CHECK(x.w.resume(3, 3, {{"/a", kind::data}}, x.b.tree, x.out).error() ==
        refusal::too_many_watches);
  CHECK(x.w.remove(1, {"/a", kind::data}).has_value());
  CHECK(x.w.remove(1, {"/a", kind::data}).error() == refusal::no_watch);
  CHECK(x.w.remove(1, {"/b", kind::children}).error() == refusal::no_watch);
  x.w.drop(2);
  x.w.drop(2);
  CHECK(x.w.size() == 1);
  x.apply(set{"/a", ""});
  x.apply(set{"/b", ""});
  CHECK(x.out == watch_output{{1, {change::data, "/b"}, x.b.tree.at()}});
}

TEST_CASE("tree watches: who was away is told what it missed, or waits on") {
  struct row {
    const char* what;
    watch on;
    std::vector<command> meanwhile;
    events told;
    bool stays;
  };
  const row table[] = {
      {"data: nothing", {"/a", kind::data}, {set{"/b", ""}}, {}, true},
      {"data: set", {"/a", kind::data}, {set{"/a", ""}}, {{change::data, "/a"}}, false},
      {"data: gone", {"/a/x", kind::data}, {erase{"/a/x"}}, {{change::deleted, "/a/x"}}, false},
      {"data: gone and come",
       {"/a/x", kind::data},
       {erase{"/a/x"}, create{"/a/x"}},
       {{change::data, "/a/x"}},
       false},
      {"exists: nothing", {"/n", kind::exists}, {set{"/b", ""}}, {}, true},
      {"exists: come", {"/n", kind::exists}, {create{"/n"}}, {{change::created, "/n"}}, false},
      {"exists: come and gone", {"/n", kind::exists}, {create{"/n"}, erase{"/n"}}, {}, true},
      {"children: nothing", {"/a", kind::children}, {set{"/a/x", ""}, set{"/a", ""}}, {}, true},
      {"children: come",
       {"/a", kind::children},
       {create{"/a/y"}},
       {{change::children, "/a"}},
       false},
      {"children: come and gone",
       {"/a", kind::children},
       {create{"/a/y"}, erase{"/a/y"}},
       {{change::children, "/a"}},
       false},
      {"children: itself gone",
       {"/b", kind::children},
       {erase{"/b"}},
       {{change::deleted, "/b"}},
       false},
      {"persistent: several as one",
       {"/a", kind::persistent},
       {set{"/a", "1"}, set{"/a", "2"}},
       {{change::data, "/a"}},
       true},
      {"persistent: both kinds",
       {"/a", kind::persistent},
       {create{"/a/y"}, set{"/a", "2"}},
       {{change::data, "/a"}, {change::children, "/a"}},
       true},
      {"persistent: gone, with its parent",
       {"/a/x", kind::persistent},
       {erase{"/a/x"}, erase{"/a"}},
       {{change::deleted, "/a/x"}},
       true},
      {"persistent: never there, and nothing near it",
       {"/a/n", kind::persistent},
       {set{"/a", ""}},
       {},
       true},
      {"recursive: come, set, gone",
       {"/", kind::recursive},
       {create{"/a/y"}, set{"/b", ""}, erase{"/a/x"}},
       {{change::children, "/a"}, {change::created, "/a/y"}, {change::data, "/b"}},
       true},
      {"recursive: not beside it",
       {"/a", kind::recursive},
       {create{"/ab"}, set{"/b", ""}},
       {},
       true},
  };
  for (const auto& r : table) {
    CAPTURE(r.what);
    watched x;
    for (const auto* path : {"/a", "/a/x", "/b"}) x.apply(create{path});
    const auto seen = x.b.tree.at();
    for (const auto& c : r.meanwhile) x.apply(c);
    REQUIRE(x.w.resume(1, seen, {r.on, r.on}, x.b.tree, x.out).has_value());
    CHECK(x.taken() == r.told);
    CHECK(x.w.size() == (r.stays ? 1 : 0));
    // and one whose replica took a snapshot over
    watched y;
    for (const auto* path : {"/a", "/a/x", "/b"}) y.apply(create{path});
    y.set(1, r.on.path, r.on.kind);
    REQUIRE(y.b.tree.restore(x.b.tree.snapshot()));
    y.w.restored(y.b.tree, y.out);
    CHECK(y.taken() == r.told);
    CHECK(y.w.size() == (r.stays ? 1 : 0));
    y.w.restored(y.b.tree, y.out);  // what was told is not told again
    CHECK(y.taken().empty());
  }
}

TEST_CASE("tree watches: a replica that is behind what the client has seen refuses it") {
  watched x;
  x.apply(create{"/a"});
  CHECK(x.w.resume(1, 2, {{"/a", kind::data}}, x.b.tree, x.out).error() == refusal::behind);
  CHECK(x.w.resume(1, 1, {{"/a", kind::data}, {"a", kind::data}}, x.b.tree, x.out).error() ==
        refusal::path_relative);
  CHECK(x.w.size() == 0);  // none, or all
  CHECK(x.out.empty());
}

TEST_CASE("tree watches: a thousand who wait in line wake one, by the predecessor's watch") {
  watched x;
  x.apply(create{"/lock"});
  std::vector<std::string> line;
  for (watcher_id i = 0; i < 1000; ++i) {
    const auto r = x.apply(create{"/lock/n-", "", mode::persistent_sequential});
    if (!line.empty()) x.set(i, line.back(), kind::data);
    line.push_back(as<created>(r).path);
  }
  x.apply(erase{line[0]});
  CHECK(x.out == watch_output{{1, {change::deleted, line[0]}, x.b.tree.at()}});
}
}  // namespace

// The coordination tree's snapshot: all of it, or a reason why not and nothing changed.
#include "patterns/encoding.hpp"
#include "patterns/tree/machine.hpp"
#include "tree_bench.hpp"

namespace {
using namespace troupe;
using namespace troupe::test;

// As the snapshot writes them.
struct stored_session {
  session_id id = 0;
  duration timeout{};
  std::string secret{};
};
TROUPE_MESSAGE(stored_session, id, timeout, secret)
struct head {
  std::uint64_t form = 1;
  zxid at = 0;
  instant time{};
  std::vector<stored_session> sessions{};
};
TROUPE_MESSAGE(head, form, at, time, sessions)
struct stored {
  std::string path{};
  std::string data{};
  stat is{};
  std::uint64_t creations = 0;
  bool container = false;
};
TROUPE_MESSAGE(stored, path, data, is, creations, container)
struct written {
  head h{};
  std::vector<stored> nodes{};
  std::string bytes() const { return encode(h) + encode(nodes); }
};
stored& named(written& w, const std::string& path) {
  for (auto& n : w.nodes)
    if (n.path == path) return n;
  FAIL("no such node");
  return w.nodes.front();
}

tree_bench full() {
  tree_bench b;
  const auto s = b.open();
  b.apply(create{"/a", "data", mode::container}, 0, 5ms);
  b.made("/a/e", mode::ephemeral_sequential, s);
  b.made("/a/x");
  b.made("/a/x/y");
  b.apply(erase{"/a/x/y"});
  b.apply(set{"/a", "more"}, 0, 9ms);
  b.made("/idle", mode::container);
  b.made("/idle/z");
  b.apply(erase{"/idle/z"});
  return b;
}
written taken(const tree_bench& b) {
  const auto bytes = b.tree.snapshot();
  decoder in{bytes};
  written w;
  REQUIRE(in.get(w.h));
  REQUIRE(in.get(w.nodes));
  REQUIRE(in.finish());
  REQUIRE(w.bytes() == bytes);
  return w;
}

TEST_CASE("tree snapshot: whoever restores it goes on alike") {
  auto b = full();
  tree_bench other;
  REQUIRE(other.tree.restore(b.tree.snapshot()));
  CHECK(other.tree.bytes() == b.tree.bytes());
  CHECK(other.tree.at() == b.tree.at());
  const session_id s = 1;
  const command table[] = {create{"/a/", "", mode::persistent_sequential},
                           set{"/a", "x", 1},
                           reap_container{"/idle"},
                           close_session{},
                           open_session{5s, secret},
                           erase{"/a/x"}};
  for (const auto& c : table) {
    CAPTURE(text_of(c));
    const auto session = std::holds_alternative<close_session>(c) ? s : 0;
    CHECK(b.apply(c, session) == other.apply(c, session));
    CHECK_FALSE(why(b.tree.query(status{})).has_value());
    CHECK(b.tree.snapshot() == other.tree.snapshot());
  }
}

TEST_CASE("tree snapshot: one that the tree cannot have written is refused, and changes nothing") {
  using change_of = void (*)(written&);
  const std::pair<const char*, change_of> table[] = {
      {"a newer form", [](written& w) { w.h.form = 2; }},
      {"no root", [](written& w) { w.nodes.erase(w.nodes.begin()); }},
      {"nothing", [](written& w) { w.nodes.clear(); }},
      {"out of order", [](written& w) { std::swap(w.nodes[1], w.nodes[2]); }},
      {"a node twice", [](written& w) { w.nodes.insert(w.nodes.begin() + 1, w.nodes[1]); }},
      {"a node without its parent", [](written& w) { named(w, "/a/x").path = "/b/x"; }},
      {"a bad path", [](written& w) { named(w, "/idle").path = "/idle/"; }},
      {"a child too few", [](written& w) { w.nodes.pop_back(); }},
      {"a child too many",
       [](written& w) {
         auto& n = named(w, "/a");
         ++n.is.children;
         --n.is.children_version;
       }},
      {"a counter that does not fit", [](written& w) { ++named(w, "/a").creations; }},
      {"a child's child, uncounted",
       [](written& w) {
         auto& n = named(w, "/a");
         n.is.children = 0;
         n.is.children_version = 2 * n.creations;
       }},
      {"a length that does not fit", [](written& w) { named(w, "/a").data += "x"; }},
      {"modified before created", [](written& w) { named(w, "/a").is.modified = 1; }},
      {"ahead of its zxid", [](written& w) { named(w, "/a").is.modified = w.h.at + 1; }},
      {"children ahead", [](written& w) { named(w, "/a").is.children_modified = w.h.at + 1; }},
      {"ahead of its time", [](written& w) { named(w, "/a").is.modified_at = 10ms; }},
      {"created after modified", [](written& w) { named(w, "/a").is.created_at = 10ms; }},
      {"never created", [](written& w) { named(w, "/a").is.created = 0; }},
      {"a root that was created", [](written& w) { w.nodes[0].is.created = 1; }},
      {"an owner that is not there", [](written& w) { w.h.sessions.clear(); }},
      {"an owner opened later", [](written& w) { w.h.sessions[0].id = 3; }},
      {"an owned node with children", [](written& w) { named(w, "/a/x").is.owner = 1; }},
      {"an owned container", [](written& w) { named(w, "/a/e0000000000").container = true; }},
      {"a session twice", [](written& w) { w.h.sessions.push_back(w.h.sessions[0]); }},
      {"a session ahead",
       [](written& w) {
         w.h.sessions.push_back({99, 1s, secret});
       }},
      {"a session without number",
       [](written& w) {
         w.h.sessions.push_back({0, 1s, secret});
       }},
      {"a session without time", [](written& w) { w.h.sessions[0].timeout = 0s; }},
      {"a session without secret", [](written& w) { w.h.sessions[0].secret.clear(); }},
  };
  auto b = full();
  for (const auto& [what, change] : table) {
    const auto& shown = what;  // no binding, for clang 14
    CAPTURE(shown);
    auto w = taken(b);
    change(w);
    tree_bench other;
    other.made("/kept");
    const auto before = other.tree.snapshot();
    const auto r = other.tree.restore(w.bytes());
    CHECK_FALSE(r.has_value());
    if (!r) CHECK(r.error().starts_with("the tree's snapshot cannot be read: "));
    CHECK(other.tree.snapshot() == before);
    CHECK(other.tree.bytes() > tree_bench{}.tree.bytes());
  }
}

TEST_CASE("tree snapshot: cut anywhere, or longer, it is refused") {
  auto b = full();
  const auto bytes = b.tree.snapshot();
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    CAPTURE(n);
    CHECK_FALSE(data_tree{}.restore(std::string_view{bytes}.substr(0, n)).has_value());
  }
  CHECK_FALSE(data_tree{}.restore(bytes + '\0').has_value());
}

TEST_CASE("tree machine: bytes that are no request have their place in the log, and an answer") {
  std::vector<zxid> seen;
  std::size_t restored = 0;
  tree_machine m{{}, [&](const data_tree& t, const effect* done) {
                   if (done == nullptr) {
                     ++restored;
                   } else {
                     CHECK(done->answer.at == t.at());
                     seen.push_back(t.at());
                   }
                 }};
  CHECK(m.apply({1, 1}, "nonsense") == encode(reply{1, refused{refusal::malformed}}));
  CHECK(m.apply({5, 1}, encode(request{create{"/a"}})) ==
        encode(reply{5, created{"/a", {.created = 5, .modified = 5, .children_modified = 5}}}));
  CHECK(m.query("") == encode(reply{5, refused{refusal::malformed}}));
  CHECK_FALSE(m.restore("nonsense").has_value());
  CHECK(restored == 0);
  CHECK(m.restore(m.snapshot()).has_value());
  CHECK(restored == 1);
  CHECK(seen == std::vector<zxid>{1, 5});
}
}  // namespace

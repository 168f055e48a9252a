#include "patterns/storage/watch_hub.hpp"

#include <doctest/doctest.h>

namespace {
using namespace troupe;
using namespace troupe::storage;

struct fixture {
  map m{{.history_events = 8}};
  watch_hub hub{{.window = 3, .watchers_max = 4}};
  watch_output out;

  // "created 1 from 3", "1: 3 +a 3 -b", "1 up to 5", "1 ended overrun at 2, lowest 4"
  std::string told() {
    std::string text;
    for (const auto& o : out) {
      if (!text.empty()) text += "; ";
      if (const auto* c = std::get_if<watch_created>(&o)) {
        text += "created " + std::to_string(c->id) + " from " + std::to_string(c->next);
      } else if (const auto* e = std::get_if<watch_events>(&o)) {
        text += std::to_string(e->id) + ":";
        for (const auto& x : e->events) {
          CHECK(x.kv.mod_revision == e->at);
          text += " " + std::to_string(e->at) + (x.what == change::put ? "+" : "-") + x.kv.key;
          if (x.previous) text += "(" + x.previous->value + ")";
        }
      } else if (const auto* n = std::get_if<watch_noted>(&o)) {
        text += std::to_string(n->id) + " noted";
      } else if (const auto* p = std::get_if<watch_progress>(&o)) {
        text += std::to_string(p->id) + " up to " + std::to_string(p->upto);
      } else {
        const auto& x = std::get<watch_ended>(o);
        text += std::to_string(x.id) + " ended " + to_string(x.why) + " at " +
                std::to_string(x.next) + ", lowest " + std::to_string(x.lowest);
      }
    }
    out.clear();
    return text;
  }
  void apply(const command& c) {
    m.apply(c);
    hub.advance(m, out);
  }
  void put_key(const std::string& key) { apply(put{key, std::to_string(m.at() + 1)}); }
  std::string open(watch_id id, watch w) {
    hub.open(id, std::move(w), m, out);
    return told();
  }
  std::string taken(watch_id id, revision upto) {
    hub.taken(id, upto, m, out);
    return told();
  }
};

TEST_CASE("storage watch: from now on, the keys that it asked for") {
  fixture f;
  f.put_key("a");
  CHECK(f.open(1, {.keys = one("a")}) == "created 1 from 2");
  CHECK(f.open(2, {.keys = prefix("a")}) == "created 2 from 2");
  f.put_key("b");
  CHECK(f.told() == "");
  f.put_key("a");
  CHECK(f.told() == "1: 3+a; 2: 3+a");
  f.put_key("ab");
  CHECK(f.told() == "2: 4+ab");
  f.apply(erase{prefix("")});
  CHECK(f.told() == "1: 5-a; 2: 5-a 5-ab");
}

TEST_CASE("storage watch: a note goes to who watches its key and stands there with another") {
  fixture f;
  for (const auto* k : {"a", "own"}) f.put_key(k);
  f.open(1, {.keys = one("a"), .notes_with = "own"});
  f.open(2, {.keys = one("a"), .notes_with = "gone"});
  f.open(3, {.keys = one("a")});
  f.open(4, {.keys = one("b"), .notes_with = "own"});
  f.hub.note({"a", 1}, f.m, f.out);
  CHECK(f.told() == "1 noted");
  f.hub.note({"a", 2}, f.m, f.out);  // another's, that had this key before
  f.hub.note({"c", 0}, f.m, f.out);
  CHECK(f.told() == "");
  f.apply(erase{one("own")});
  f.hub.note({"a", 1}, f.m, f.out);
  CHECK(f.told() == "");
}

TEST_CASE(
    "storage watch: from an older revision: first the past, then the present, nothing twice") {
  fixture f;
  for (const auto* k : {"a", "b", "a"}) f.put_key(k);
  CHECK(f.open(1, {.keys = one("a"), .from = 1}) == "created 1 from 1; 1: 1+a; 1: 3+a");
  CHECK(f.open(2, {.keys = one("a"), .from = 2}) == "created 2 from 2; 2: 3+a");
  f.put_key("a");
  CHECK(f.told() == "1: 4+a; 2: 4+a");
}

TEST_CASE("storage watch: from a revision to come, nothing before it") {
  fixture f;
  CHECK(f.open(1, {.keys = one("a"), .from = 3}) == "created 1 from 3");
  f.put_key("a");
  f.put_key("a");
  CHECK(f.told() == "");
  f.put_key("a");
  CHECK(f.told() == "1: 3+a");
}

TEST_CASE("storage watch: a revision is shown whole, and resuming after it misses nothing") {
  fixture f;
  f.open(1, {.keys = prefix("")});
  f.apply(txn{{}, {put{"a", ""}, put{"b", ""}, put{"c", ""}, put{"d", ""}}, {}});
  CHECK(f.told() == "1: 1+a 1+b 1+c 1+d");  // more than the window: once begun, all of it
  f.put_key("a");
  CHECK(f.told() == "");
  f.hub.cancel(1, f.m, f.out);
  CHECK(f.told() == "1 ended cancelled at 2, lowest 1");
  CHECK(f.open(2, {.keys = prefix(""), .from = 2}) == "created 2 from 2; 2: 2+a");
}

TEST_CASE("storage watch: previous values and filters") {
  fixture f;
  f.open(1, {.keys = prefix(""), .prev_kv = true});
  f.open(2, {.keys = prefix(""), .puts = false});
  f.open(3, {.keys = prefix(""), .erasures = false});
  f.put_key("a");
  CHECK(f.told() == "1: 1+a; 3: 1+a");
  f.put_key("a");
  CHECK(f.told() == "1: 2+a(1); 3: 2+a");
  f.apply(erase{one("a")});
  CHECK(f.told() == "1: 3-a(2); 2: 3-a");
}

TEST_CASE("storage watch: from a compacted or forgotten revision it is not started late") {
  fixture f;
  for (int i = 0; i < 5; ++i) f.put_key("a");
  f.apply(compact{3});
  CHECK(f.open(1, {.keys = one("a"), .from = 3}) == "1 ended compacted at 3, lowest 4");
  CHECK(f.open(1, {.keys = one("a"), .from = 4}) == "created 1 from 4; 1: 4+a; 1: 5+a");
  for (int i = 0; i < 8; ++i) f.put_key("b");
  CHECK(f.open(2, {.keys = one("a"), .from = 5}) == "2 ended compacted at 5, lowest 6");
  CHECK(f.hub.size() == 1);
}

TEST_CASE("storage watch: a slow watcher waits for its window, and then goes on") {
  fixture f;
  f.open(1, {.keys = one("a")});
  for (int i = 0; i < 5; ++i) f.put_key("a");
  CHECK(f.told() == "1: 1+a; 1: 2+a; 1: 3+a");
  CHECK(f.hub.behind() == 1);
  CHECK(f.taken(1, 1) == "1: 4+a");
  f.put_key("a");
  CHECK(f.told() == "");
  CHECK(f.taken(1, 3) == "1: 5+a; 1: 6+a");
  CHECK(f.hub.behind() == 0);
  CHECK(f.taken(1, 6) == "");
  f.put_key("a");
  CHECK(f.told() == "1: 7+a");
}

TEST_CASE("storage watch: one that history goes on without is told where it stood") {
  fixture f;
  f.open(1, {.keys = one("a")});
  f.open(2, {.keys = one("b")});
  for (int i = 0; i < 11; ++i) f.put_key("a");
  CHECK(f.told() == "1: 1+a; 1: 2+a; 1: 3+a");  // revisions 4 to 11 are still there
  f.put_key("a");
  CHECK(f.told() == "1 ended overrun at 4, lowest 5");
  CHECK(f.hub.size() == 1);  // who has missed nothing is not concerned
  f.put_key("b");
  CHECK(f.told() == "2: 13+b");
}

TEST_CASE("storage watch: so is one whom a compaction leaves behind") {
  fixture f;
  f.open(1, {.keys = one("a")});
  for (int i = 0; i < 5; ++i) f.put_key("a");
  f.told();
  f.apply(compact{3});
  CHECK(f.told() == "");
  f.apply(compact{4});
  CHECK(f.told() == "1 ended overrun at 4, lowest 5");
}

TEST_CASE("storage watch: many revisions at once, and more than history keeps") {
  fixture f;
  f.open(1, {.keys = one("a")});
  for (int i = 0; i < 3; ++i) f.m.apply(put{"a", ""});
  f.hub.advance(f.m, f.out);
  CHECK(f.told() == "1: 1+a; 1: 2+a; 1: 3+a");
  f.taken(1, 3);
  for (int i = 0; i < 9; ++i) f.m.apply(put{"b", ""});
  f.hub.advance(f.m, f.out);
  CHECK(f.told() == "1 ended overrun at 4, lowest 5");
}

TEST_CASE("storage watch: progress is told to who has seen everything, once") {
  fixture f;
  f.open(1, {.keys = one("a")});
  f.open(2, {.keys = one("b"), .from = 9});
  for (int i = 0; i < 3; ++i) f.put_key("a");
  f.told();
  f.hub.progress(f.out);
  CHECK(f.told() == "");  // the last event has said so
  f.put_key("b");
  f.hub.progress(f.out);
  CHECK(f.told() == "1 up to 4");
  f.hub.progress(f.out);
  CHECK(f.told() == "");
  f.put_key("a");
  f.hub.progress(f.out);
  CHECK(f.told() == "");  // behind
  CHECK(f.taken(1, 3) == "1: 5+a");
  f.put_key("b");
  f.hub.progress(1, f.out);
  CHECK(f.told() == "1 up to 6");
}

TEST_CASE("storage watch: too many, unknown ones, the end") {
  fixture f;
  for (watch_id id = 1; id <= 4; ++id) f.open(id, {.keys = one("a")});
  CHECK(f.open(5, {.keys = one("a")}) == "5 ended too_many at 1, lowest 1");
  f.hub.cancel(9, f.m, f.out);
  CHECK(f.taken(9, 1) == "");
  f.put_key("a");
  f.told();
  f.hub.cancel(2, f.m, f.out);
  CHECK(f.told() == "2 ended cancelled at 2, lowest 1");
  f.hub.close(f.m, f.out);
  CHECK(f.told() ==
        "1 ended closed at 2, lowest 1; 3 ended closed at 2, lowest 1; 4 ended closed at 2, lowest "
        "1");
  CHECK(f.hub.size() == 0);
}

TEST_CASE("storage watch: watches go on over a restore, for history is part of the snapshot") {
  fixture f, other;
  for (int i = 0; i < 4; ++i) other.put_key("a");
  f.open(1, {.keys = one("a")});
  REQUIRE(f.m.restore(other.m.snapshot()));
  f.hub.advance(f.m, f.out);
  CHECK(f.told() == "1: 1+a; 1: 2+a; 1: 3+a");
  CHECK(f.taken(1, 3) == "1: 4+a");
}
}  // namespace

// The coordination tree against a naive one, over random entries: every reply and event, snapshots
// taken over in between, a replica that is told the same; and watches against what history says.
#include "naive_tree.hpp"
#include "patterns/encoding.hpp"
#include "patterns/tree/machine.hpp"
#include "patterns/tree/watches.hpp"
#include "random_requests.hpp"
#include "seeds.hpp"

#include <doctest/doctest.h>

namespace {
using namespace troupe;
using namespace troupe::tree;
using test::naive_tree;
using test::random_requests;

tree_settings small(std::uint64_t seed) {
  tree_settings s;
  s.paths = {.bytes_max = 32, .depth_max = 4};
  s.data_bytes_max = 32;
  s.children_max = 6;
  s.multi_operations_max = 6;
  s.bytes_max = seed % 3 == 0 ? 12 * node_overhead : 40 * node_overhead;
  s.sessions = {.sessions_max = 4, .ephemerals_max = 3};
  return s;
}

// Not the machine's own: names, one by one, asked for as a user would.
void expect_equal(const data_tree& t, const naive_tree& naive) {
  REQUIRE(t.at() == naive.at());
  REQUIRE(t.query(status{}) == naive.query(status{}));
  std::vector<std::string> walked;
  t.walk("/", [&](std::string_view path, const stat&) {
    walked.emplace_back(path);
    return true;
  });
  REQUIRE(walked == naive.paths());
  for (const auto& path : walked) {
    REQUIRE(t.query(get{path}) == naive.query(get{path}));
    REQUIRE(t.query(children{path}) == naive.query(children{path}));
    for (const bool below : {false, true}) {
      const browse all{.path = path, .data = !below, .below = below};
      REQUIRE(t.query(all) == naive.query(all));
    }
  }
}
}  // namespace

TEST_CASE("tree: equals a naive one that copies everything, and so does its replica") {
  for (auto seed : test::seeds()) {
    CAPTURE(seed);
    random_requests draw{seed};
    const auto settings = small(seed);
    effect last;
    const auto look = [&](const data_tree&, const effect* done) {
      if (done != nullptr) last = *done;
    };
    tree_machine machine{settings, look}, replica{settings};
    naive_tree naive{settings};
    std::uint64_t index = 0;
    for (int i = 0; i < 400; ++i) {
      index += 1 + (draw.one_in(5) ? draw.below(3) : 0);
      const auto there = naive.paths();
      const auto r = draw.request(there, index);
      const applied at{draw.one_in(40) ? index - 1 : index, draw.below(3)};
      CAPTURE(at.index);
      CAPTURE(text_of(r));
      const auto answered = machine.apply(at, encode(r));
      const auto expected = naive.apply(at, r);
      REQUIRE(last == expected);
      REQUIRE(answered == encode(expected.answer));
      REQUIRE(replica.apply(at, encode(r)) == answered);
      const auto q = draw.question(there);
      CAPTURE(text_of(q));
      REQUIRE(*decode<reply>(machine.query(encode(q))) == naive.query(q));
      if (draw.one_in(40)) expect_equal(machine.content(), naive);
      if (draw.one_in(60)) {
        const auto bytes = machine.snapshot();
        REQUIRE(replica.snapshot() == bytes);
        tree_machine other{settings, look};
        REQUIRE(other.restore(bytes));
        REQUIRE(other.snapshot() == bytes);
        REQUIRE(other.content().bytes() == machine.content().bytes());
        machine = std::move(other);
      }
    }
    expect_equal(machine.content(), naive);
    REQUIRE(replica.snapshot() == machine.snapshot());
  }
}

namespace {
// A client that watches: what it has set, what it has seen, and whether it is connected.
struct client {
  std::vector<watch> set{};  // no two are equal
  zxid seen = 0;
  bool connected = true;
};
struct past {
  zxid at = 0;
  event is{};
};

bool one_shot(watch_kind kind) {
  return kind != watch_kind::persistent && kind != watch_kind::recursive;
}
bool concerns(const watch& w, const event& e) {
  switch (w.kind) {
    case watch_kind::data:
      return e.path == w.path && (e.what == change::data || e.what == change::deleted);
    case watch_kind::exists:
      return e.path == w.path && e.what == change::created;
    case watch_kind::children:
      return e.path == w.path && (e.what == change::children || e.what == change::deleted);
    case watch_kind::persistent:
      return e.path == w.path;
    case watch_kind::recursive:
      return e.what != change::children &&
             (e.path == w.path || w.path == "/" || e.path.starts_with(w.path + "/"));
  }
  return false;
}
// What a live client is told of these events; one-shots among its watches are used up.
std::vector<event> live(client& c, const std::vector<event>& events) {
  std::vector<event> out;
  for (const auto& e : events) {
    bool any = false;
    std::erase_if(c.set, [&](const watch& w) {
      if (!concerns(w, e)) return false;
      any = true;
      return one_shot(w.kind);
    });
    if (any) out.push_back(e);
  }
  return out;
}

// What one who was away has to be told, from history and the tree as it is now.
void expect_caught_up(const client& before, client& c, const std::vector<past>& history,
                      const data_tree& t, const std::vector<event>& told) {
  const auto was_told = [&](change what, std::string_view path) {
    return std::count_if(told.begin(), told.end(),
                         [&](const event& e) { return e.what == what && e.path == path; }) == 1;
  };
  const auto since = [&](const std::string& path, auto... what) {
    return std::any_of(history.begin(), history.end(), [&](const past& p) {
      return p.at > before.seen && p.is.path == path && (... || (p.is.what == what));
    });
  };
  c.set.clear();
  for (const auto& w : before.set) {
    CAPTURE(text_of(w));
    const bool there = t.look(w.path) != nullptr;
    bool fires = false;
    switch (w.kind) {
      case watch_kind::data:
        fires = since(w.path, change::data, change::deleted);
        if (fires) REQUIRE(was_told(there ? change::data : change::deleted, w.path));
        break;
      case watch_kind::exists:
        fires = there;
        if (fires) REQUIRE(was_told(change::created, w.path));
        break;
      case watch_kind::children:
        fires = since(w.path, change::children, change::deleted);
        if (fires) REQUIRE(was_told(there ? change::children : change::deleted, w.path));
        break;
      default:
        if (!there && since(w.path, change::deleted)) REQUIRE(was_told(change::deleted, w.path));
        for (const auto& p : history) {
          const auto* is = t.look(p.is.path);
          if (p.at <= before.seen || is == nullptr) continue;
          if (w.kind == watch_kind::persistent ? p.is.path != w.path : !covers(w.path, p.is.path))
            continue;
          const bool fresh = is->created > before.seen;
          if (fresh || p.is.what == change::data)
            REQUIRE(was_told(fresh ? change::created : change::data, p.is.path));
          if (p.is.what == change::children && p.at > is->created)
            REQUIRE(was_told(change::children, p.is.path));
        }
    }
    if (!fires) c.set.push_back(w);
  }
  // and of nothing that did not happen
  for (const auto& e : told) {
    CAPTURE(text_of(e));
    REQUIRE(std::any_of(before.set.begin(), before.set.end(), [&](const watch& w) {
      return w.path == e.path || (w.kind == watch_kind::recursive && covers(w.path, e.path));
    }));
    const auto* is = t.look(e.path);
    if (e.what == change::deleted) REQUIRE(is == nullptr);
    if (e.what != change::deleted) REQUIRE(is != nullptr);
    if (e.what == change::data) REQUIRE(is->modified > before.seen);
    if (e.what == change::children) REQUIRE(is->children_modified > before.seen);
  }
}

std::vector<event> told_to(watcher_id whom, const watch_output& out, const data_tree& t) {
  std::vector<event> all;
  for (const auto& o : out) {
    REQUIRE(o.at == t.at());
    if (o.whom == whom) all.push_back(o.is);
  }
  return all;
}
}  // namespace

TEST_CASE("tree watches: who stays is told each change once, who comes back what it missed") {
  for (auto seed : test::seeds()) {
    CAPTURE(seed);
    random_requests draw{seed + 5000};
    const auto settings = small(1);
    data_tree t{settings};
    watches w{{.watches_max = 12, .watches_of_one_max = 5}};
    std::vector<client> all(4);
    std::vector<past> history;
    const auto paths = [&] {
      std::vector<std::string> there;
      t.walk("/", [&](std::string_view path, const stat&) {
        there.emplace_back(path);
        return true;
      });
      return there;
    };
    for (std::uint64_t index = 1; index <= 300; ++index) {
      CAPTURE(index);
      watch_output out;
      const auto r = draw.request(paths(), index);
      CAPTURE(text_of(r));
      const bool jump = draw.one_in(30);  // some entries come as a snapshot
      if (jump) {
        data_tree other{settings};
        REQUIRE(other.restore(t.snapshot()));
        const auto done = other.apply({index, 1}, r);
        for (const auto& e : done.events) history.push_back({index, e});
        REQUIRE(t.restore(other.snapshot()));
        w.restored(t, out);
      } else {
        const auto done = t.apply({index, 1}, r);
        for (const auto& e : done.events) history.push_back({index, e});
        w.fire(t, done, out);
        for (std::size_t i = 0; i < all.size(); ++i)
          if (all[i].connected) REQUIRE(told_to(i, out, t) == live(all[i], done.events));
      }
      for (std::size_t i = 0; i < all.size(); ++i) {
        auto& c = all[i];
        CAPTURE(i);
        if (jump && c.connected) {
          const auto before = c;
          expect_caught_up(before, c, history, t, told_to(i, out, t));
        }
        if (c.connected) c.seen = t.at();
        if (!c.connected) {
          REQUIRE(told_to(i, out, t).empty());
          if (!draw.one_in(10)) continue;
          watch_output missed;
          const auto before = c;
          REQUIRE(w.resume(i, t.at() + 1, c.set, t, missed).error() == refusal::behind);
          if (auto ok = w.resume(i, c.seen, c.set, t, missed); !ok) {
            REQUIRE(ok.error() == refusal::too_many_watches);
            REQUIRE(missed.empty());
            REQUIRE(w.of(i) == 0);
            continue;
          }
          c.connected = true;
          c.seen = t.at();
          expect_caught_up(before, c, history, t, told_to(i, missed, t));
        } else if (draw.one_in(20)) {
          w.drop(i);
          c.connected = false;
        } else if (draw.one_in(4)) {
          const watch fresh{draw.path(paths()), static_cast<watch_kind>(draw.below(5))};
          const auto set = w.add(i, fresh, t);
          if (set) {
            const watch is{fresh.path, *set};
            if (std::find(c.set.begin(), c.set.end(), is) == c.set.end()) c.set.push_back(is);
          }
        } else if (!c.set.empty() && draw.one_in(10)) {
          REQUIRE(w.remove(i, c.set.back()));
          REQUIRE(w.remove(i, c.set.back()).error() == refusal::no_watch);
          c.set.pop_back();
        }
        REQUIRE(w.of(i) == (c.connected ? c.set.size() : 0));
        REQUIRE(w.of(i) <= 5);
        REQUIRE(w.size() <= 12);
      }
    }
  }
}

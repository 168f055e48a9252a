// The map against a naive one, over random commands: every reply, every readable revision, every
// change, with snapshots and restores in between.
#include "naive_map.hpp"
#include "patterns/encoding.hpp"
#include "patterns/storage/map_machine.hpp"
#include "patterns/storage/watch_hub.hpp"
#include "random_commands.hpp"
#include "seeds.hpp"

#include <doctest/doctest.h>

namespace {
using namespace troupe;
using namespace troupe::storage;
using test::naive_map;
using test::random_commands;

map_settings small() {
  map_settings s;
  s.key_bytes_max = 8;
  s.value_bytes_max = 32;
  s.history_events = 60;
  s.history_bytes = 60 * 72;
  return s;
}

std::map<std::string, key_value> all_of(const map& m, revision at) {
  std::map<std::string, key_value> all;
  const auto r = m.query(get{.keys = prefix(""), .at = at});
  REQUIRE(std::holds_alternative<got>(r.what));
  for (const auto& kv : std::get<got>(r.what).items) all[kv.key] = kv;
  return all;
}

// Every revision that can be read, and every change that can be watched.
void expect_equal(const map& m, const naive_map& naive) {
  REQUIRE(m.at() == naive.at());
  REQUIRE(m.floor() == naive.floor());
  for (auto r = std::max<revision>(1, m.floor()); r <= m.at(); ++r)
    REQUIRE(all_of(m, r) == naive.as_of(r));
  auto next = m.floor() + 1;
  m.changes(next, [&](revision at, const std::vector<event>& events) {
    REQUIRE(at == next++);
    REQUIRE(events == naive.events(at, prefix("")));
    return true;
  });
  REQUIRE(next == m.at() + 1);
}

TEST_CASE("storage map: equals a naive one that keeps everything") {
  for (auto seed : test::seeds()) {
    CAPTURE(seed);
    random_commands draw{seed};
    auto settings = small();
    if (seed % 3 == 0) settings.history_bytes = 9 * 72;
    map_machine machine{settings};
    naive_map naive{settings};
    for (std::uint64_t index = 1; index <= 1500; ++index) {
      const auto c = draw.command(naive.at());
      const auto term = draw.below(3);
      CAPTURE(index);
      CAPTURE(text_of(c));
      const auto r = decode<reply>(machine.apply({index, term}, encode(c)));
      REQUIRE(r);
      REQUIRE(*r == naive.apply(c, term));
      const auto q = draw.question(naive.at());
      CAPTURE(text_of(q));
      REQUIRE(*decode<reply>(machine.query(encode(q))) == naive.query(q));
      if (draw.one_in(50)) expect_equal(machine.content(), naive);
      if (draw.one_in(100)) {
        const auto bytes = machine.snapshot();
        const auto was = machine.content().bytes();
        map_machine other{settings};
        REQUIRE(other.restore(bytes));
        REQUIRE(other.snapshot() == bytes);
        REQUIRE(other.content().bytes() == was);
        REQUIRE(other.content().size() == machine.content().size());
        machine = std::move(other);
      }
    }
    expect_equal(machine.content(), naive);
  }
}

// A watcher that is slow, is cut off now and then, and resumes: what it has seen is replayed on a map
// of its own, which must equal the real one at each revision it has come to.
struct follower {
  selection keys{};
  std::map<std::string, key_value> seen{};
  watch_id id = 0;
  revision next = 1;   // where to resume
  revision shown = 0;  // all up to here is in `seen`
  std::vector<revision> untaken{};
  bool open = false;
};

TEST_CASE("storage watch: what watchers see, replayed, is the map at each revision") {
  for (auto seed : test::seeds()) {
    CAPTURE(seed);
    random_commands draw{seed + 1000};
    map m{small()};
    naive_map naive{small()};
    watch_hub hub{{.window = 6}};
    std::vector<follower> all(8);
    watch_id ids = 0;
    std::uint64_t resumed = 0, overrun = 0;
    const auto take_in = [&](const watch_output& out) {
      for (const auto& o : out) {
        const auto find = [&](watch_id id) -> follower& {
          return *std::find_if(all.begin(), all.end(), [&](auto& f) { return f.id == id; });
        };
        if (const auto* e = std::get_if<watch_events>(&o)) {
          auto& f = find(e->id);
          REQUIRE(f.open);
          REQUIRE(e->at >= f.next);
          for (auto r = f.next; r < e->at; ++r) REQUIRE(naive.events(r, f.keys).empty());
          REQUIRE(e->events == naive.events(e->at, f.keys));
          for (const auto& x : e->events) {
            if (x.what == change::put) {
              f.seen[x.kv.key] = x.kv;
            } else {
              REQUIRE(f.seen.erase(x.kv.key) == 1);
            }
          }
          f.next = e->at + 1;
          f.shown = e->at;
          f.untaken.push_back(e->at);
        } else if (const auto* p = std::get_if<watch_progress>(&o)) {
          auto& f = find(p->id);
          for (auto r = f.next; r <= p->upto; ++r) REQUIRE(naive.events(r, f.keys).empty());
          f.next = p->upto + 1;
          f.shown = p->upto;
        } else if (const auto* end = std::get_if<watch_ended>(&o)) {
          auto& f = find(end->id);
          f.open = false;
          overrun += end->why == watch_end::overrun ? 1 : 0;
          REQUIRE(end->lowest == naive.floor() + 1);
          if (end->why == watch_end::compacted || end->why == watch_end::overrun) {
            REQUIRE(end->next < end->lowest);
            f.seen.clear();  // begin with the map as it is
            for (const auto& [key, kv] : naive.as_of(naive.at()))
              if (naive_map::inside(f.keys, key)) f.seen[key] = kv;
            f.shown = naive.at();
            f.next = f.shown + 1;
          } else {
            for (auto r = f.next; r < end->next; ++r) REQUIRE(naive.events(r, f.keys).empty());
            f.next = end->next;
          }
        }
      }
      for (const auto& f : all) {
        for (const auto& [key, kv] : naive.as_of(f.shown))
          if (naive_map::inside(f.keys, key)) REQUIRE(f.seen.at(key) == kv);
        for (const auto& [key, kv] : f.seen) REQUIRE(naive.as_of(f.shown).count(key) == 1);
      }
    };
    for (auto& f : all) {
      do {
        f.keys = draw.keys();
      } while (f.keys.what == extent::one && f.keys.key.empty());
    }
    all[0].keys = prefix("");
    for (int i = 0; i < 1000; ++i) {
      watch_output out;
      for (auto batch = draw.below(3); batch > 0; --batch) {
        const auto c = draw.command(naive.at());
        REQUIRE(m.apply(c, 1) == naive.apply(c, 1));
      }
      if (draw.one_in(40)) {  // the replica is restored from a snapshot of another
        map other{small()};
        REQUIRE(other.restore(m.snapshot()));
        m = std::move(other);
      }
      if (draw.one_in(2)) hub.advance(m, out);
      take_in(out);
      for (auto& f : all) {
        out.clear();
        if (!f.open && draw.one_in(4)) {
          f.id = ++ids;
          f.open = true;
          f.untaken.clear();
          ++resumed;
          hub.open(f.id, {.keys = f.keys, .from = f.next, .prev_kv = true}, m, out);
        } else if (f.open && !f.untaken.empty() && !draw.one_in(3)) {
          hub.taken(f.id, f.untaken.back(), m, out);
          f.untaken.clear();
        } else if (f.open && draw.one_in(60)) {
          hub.cancel(f.id, m, out);
        } else if (draw.one_in(10)) {
          hub.progress(out);
        }
        take_in(out);
      }
    }
    CHECK(resumed > 8);
    // all that are still open and take what they are given come up to the map as it is
    watch_output out;
    hub.advance(m, out);
    take_in(out);
    for (auto& f : all) {
      while (f.open && !f.untaken.empty()) {
        out.clear();
        f.untaken.clear();
        hub.taken(f.id, f.shown, m, out);
        take_in(out);
      }
    }
    CHECK(hub.behind() == 0);
    out.clear();
    hub.progress(out);
    take_in(out);
    for (const auto& f : all)
      if (f.open) CHECK(f.shown == m.at());
  }
}
}  // namespace

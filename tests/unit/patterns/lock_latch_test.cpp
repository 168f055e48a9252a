// A latch on the model of a store: who waits, who counts twice, who dies at the worst moment, what a reset does.
#include "patterns/lock/latch.hpp"
#include "patterns/lock/model_store.hpp"

#include <map>
#include <utility>

#include <doctest/doctest.h>
using namespace troupe::lock;
using namespace std::chrono_literals;
namespace {
// Operations that run one request at a time, in any order that a test wants.
struct bench {
  struct running {
    latch it;
    std::vector<ask> asks{};  // not at the store yet
    std::optional<latch_ended> ended{};
  };
  std::size_t start(latch_wish what) {
    all.push_back({latch{std::move(what)}});
    with(all.size() - 1, [&](latch& l, latch_output& out) { l.begin(now, out); });
    return all.size() - 1;
  }
  template <class What>
  void with(std::size_t which, What what) {
    latch_output out;
    what(all[which].it, out);
    for (auto& a : out.asks) all[which].asks.push_back(std::move(a));
    if (out.ended) all[which].ended = out.ended;
  }
  bool go(std::size_t which) {  // one request of it, and whatever that answers
    if (all[which].asks.empty()) return false;
    const auto a = all[which].asks.front();
    all[which].asks.erase(all[which].asks.begin());
    looks += std::holds_alternative<look>(a.what) ? 1 : 0;
    std::vector<model_store::reply> said;
    store.asked(which, a, now, said);
    for (auto& r : said)
      with(r.whom, [&](latch& l, latch_output& out) { l.answered({r.number, r.what}, now, out); });
    return true;
  }
  void settle() {
    for (bool any = true; any;) {
      any = false;
      for (std::size_t i = 0; i < all.size(); ++i) any = go(i) || any;
    }
  }
  latch_ended did(latch_wish what) {
    const auto which = start(std::move(what));
    settle();
    REQUIRE(all[which].ended);
    return *all[which].ended;
  }
  void tick() {
    for (std::size_t i = 0; i < all.size(); ++i)
      if (now >= all[i].it.due()) with(i, [&](latch& l, latch_output& out) { l.tick(now, out); });
    settle();
  }
  bool done(std::size_t which) {
    return all[which].ended && all[which].ended->how == latch_end::done;
  }
  instant now{10s};
  model_store store;
  std::vector<running> all;
  int looks = 0;
};
}  // namespace

TEST_CASE("lock latch: who waits goes on once all have counted, each of them once") {
  bench b;
  CHECK(b.did(latch_set{"x", 3}).is.left == 3);
  const auto waits = b.start(latch_await{"x"}), too = b.start(latch_await{"x"});
  b.settle();
  CHECK(b.did(latch_count_down{"x", "a"}).is.left == 2);
  CHECK(b.did(latch_count_down{"x", "a"}).is.left == 2);
  CHECK(b.did(latch_count_down{"x", "b"}).is.left == 1);
  const auto seen = b.did(latch_look{"x"}).is;
  CHECK(seen.left == 1);
  CHECK(seen.count == 3);
  CHECK(seen.counted == std::vector<std::string>{"a", "b"});
  CHECK(seen.gate);
  CHECK(text_of_left(seen) == "1 of 3 left");
  CHECK_FALSE(b.done(waits));
  const auto before = b.looks;
  CHECK(b.did(latch_count_down{"x", "c"}).is.left == 0);
  CHECK(b.done(waits));
  CHECK(b.done(too));
  CHECK(b.looks == before + 3);  // the one who counted, and each who waited
  CHECK(b.did(latch_await{"x"}).how == latch_end::done);
  CHECK(b.did(latch_count_down{"x", "late"}).is.left == 0);
}

TEST_CASE("lock latch: a count is set once, and what cannot be is refused with a sentence") {
  bench b;
  CHECK(b.did(latch_await{"x"}).sentence == "'x' has no count: set it first");
  CHECK(b.did(latch_count_down{"x", "a"}).sentence == "'x' has no count: set it first");
  CHECK(b.did(latch_set{"x", 2}).how == latch_end::done);
  CHECK(b.did(latch_set{"x", 2}).how == latch_end::done);
  CHECK(b.did(latch_set{"x", 3}).sentence == "'x' counts down from 2: reset it first");
  CHECK(b.did(latch_set{"x", 0}).sentence == "a latch counts down from 1 or more");
  CHECK(b.did(latch_set{"", 1}).sentence == "a latch needs a name");
  CHECK(b.did(latch_count_down{"x", ""}).how == latch_end::refused);
}

TEST_CASE("lock latch: the last to count dies before it takes the gate away") {
  bench b;
  b.did(latch_set{"x", 1});
  const auto waits = b.start(latch_await{"x"});
  b.settle();
  const auto last = b.start(latch_count_down{"x", "a"});
  b.go(last);
  b.go(last);
  b.all[last].asks.clear();
  b.settle();
  CHECK_FALSE(b.done(waits));
  const auto looks = b.start(latch_await{"x", 0ms});
  b.go(looks);
  b.with(looks, [&](latch& l, latch_output& out) { l.tick(b.now, out); });
  CHECK(b.done(looks));
  b.all[looks].asks.clear();
  b.now += 5s;
  b.tick();
  CHECK(b.done(waits));
}

TEST_CASE("lock latch: in any order of two who count and one who waits, it goes on") {
  // Each number says whose turn it is; what is left over runs to its end.
  for (int order = 0; order < 3 * 3 * 3 * 3 * 3 * 3 * 3; ++order) {
    CAPTURE(order);
    bench b;
    b.did(latch_set{"x", 2});
    const std::size_t who[] = {b.start(latch_await{"x"}), b.start(latch_count_down{"x", "a"}),
                               b.start(latch_count_down{"x", "b"})};
    for (int rest = order, i = 0; i < 7; ++i, rest /= 3) b.go(who[rest % 3]);
    b.settle();
    for (const auto w : who) REQUIRE(b.done(w));
  }
}

TEST_CASE("lock latch: a reset ends all waits, and what came late counts no more") {
  bench b;
  b.did(latch_set{"x", 2});
  b.did(latch_count_down{"x", "a"});
  const auto waits = b.start(latch_await{"x"});
  b.settle();
  const auto late = b.start(latch_count_down{"x", "b"});
  b.go(late);  // it has looked
  const auto stands = std::exchange(b.all[late].asks, {});
  CHECK(b.did(latch_reset{"x"}).how == latch_end::done);
  b.all[late].asks = stands;
  b.settle();
  CHECK(b.all[waits].ended->sentence == "'x' was reset meanwhile");
  CHECK(b.all[late].ended->sentence == "'x' was reset meanwhile");
  CHECK(b.store.lines().empty());
  b.did(latch_set{"x", 2});
  CHECK(b.did(latch_look{"x"}).is.left == 2);
}

TEST_CASE("lock latch: a wait of no time at all sees the latch once") {
  bench b;
  b.did(latch_set{"x", 1});
  CHECK(b.did(latch_await{"x", 0ms}).how == latch_end::timed_out);
  b.did(latch_count_down{"x", "a"});
  const auto waits = b.start(latch_await{"x", 0ms});
  b.now += 100ms;
  CHECK(b.all[waits].it.due() > b.now);
  b.with(waits, [&](latch& l, latch_output& out) { l.tick(b.now, out); });
  CHECK_FALSE(b.all[waits].ended);
  b.settle();
  CHECK(b.done(waits));
  const auto silent = b.start(latch_await{"x", 0ms});
  b.all[silent].asks.clear();
  b.now += 10s;
  b.tick();
  CHECK(b.all[silent].ended->how == latch_end::timed_out);
}

TEST_CASE("lock latch: time runs out, or the store does not answer") {
  bench b;
  b.did(latch_set{"x", 2});
  const auto waits = b.start(latch_await{"x", 500ms});
  b.settle();
  CHECK(b.all[waits].it.due() == b.now + 500ms);
  b.now += 500ms;
  b.tick();
  CHECK(b.all[waits].ended->how == latch_end::timed_out);
  CHECK(b.all[waits].ended->is.left == 2);
  CHECK(b.all[waits].ended->sentence ==
        "'x' was not counted down within the time given: 2 of 2 left");
  const auto counts = b.start(latch_count_down{"x", "a"});
  b.go(counts);
  const auto number = b.all[counts].asks.at(0).number;
  b.all[counts].asks.clear();
  b.with(counts, [&](latch& l, latch_output& out) {
    l.answered({number, unanswered{}}, b.now, out);
  });
  b.now += 200ms;
  b.with(counts, [&](latch& l, latch_output& out) { l.tick(b.now, out); });
  REQUIRE(b.all[counts].asks.size() == 1);  // the same, once more
  CHECK(std::get<stand>(b.all[counts].asks[0].what).wanted.id.ends_with("-a"));
  b.all[counts].asks.clear();
  b.now += 10s;
  b.tick();
  CHECK(b.all[counts].ended->how == latch_end::unknown);
  CHECK(b.did(latch_count_down{"x", "a"}).is.left == 1);
}

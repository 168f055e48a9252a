// A place that is kept after its release, by hand: what a store may answer, and when.
#include "lock_by_hand.hpp"

#include <doctest/doctest.h>
using namespace troupe::lock;
using namespace troupe::lock::by_hand;
using namespace std::chrono_literals;

namespace {
holder_settings keeping() { return {.lock = "x", .owner = "me", .keeps = 1s}; }
// It has held, has let go, and has looked behind itself: nobody is there.
void keep(bench& b) {
  b.stand_with({mine}, 7);
  REQUIRE(of<freed>(b.give(release{2})).at(0).held);  // at once
  REQUIRE(b.it.at() == stage::kept);
  REQUIRE(wished<look>(b));
  b.answer(seen{{mine}});
}
}  // namespace

TEST_CASE("lock kept: with a place that is kept it holds again without the store") {
  bench b{keeping()};
  keep(b);
  for (std::uint64_t i = 0; i < 3; ++i) {
    const auto out = b.give(acquire{10 + i});
    CHECK(of<granted>(out).at(0).fence == 7);
    CHECK(out.asks.empty());
    CHECK(b.give(release{20 + i}).asks.empty());
  }
  CHECK_FALSE(b.it.lets_go());
}

TEST_CASE("lock kept: what it knows of a kept place grows old, and is asked for first") {
  bench b{keeping()};
  keep(b);
  b.give(acquire{3});
  b.now += 40ms;
  REQUIRE(of<freed>(b.give(release{4})).at(0).held);
  REQUIRE(wished<look>(b));
  CHECK(of<granted>(b.give(acquire{5})).empty());
  CHECK(of<granted>(b.answer(seen{{mine}})).at(0).fence == 7);
  bench late{keeping()};  // a slow store's answer counts all the same
  keep(late);
  late.now += 40ms;
  late.give(acquire{3});
  late.now += 1s;
  CHECK(of<granted>(late.answer(seen{{mine}})).size() == 1);
}

TEST_CASE("lock kept: a kept place goes as soon as somebody is seen behind it") {
  bench b{keeping()};
  keep(b);
  b.pass();
  REQUIRE(wished<look>(b));
  b.answer(seen{{mine, {8, "b"}}});
  REQUIRE(wished<leave_line>(b));
  CHECK(wished<leave_line>(b)->yields == 7);
  b.give(acquire{3});
  CHECK(wished<stand>(b));  // at the end

  bench holds{keeping()};  // seen while it holds: with the next release
  holds.stand_with({mine}, 7);
  holds.give(release{2});
  const auto looked = holds.asked.number;
  holds.now += 1ms;
  holds.give(acquire{3});
  CHECK(holds.it.at() == stage::kept);  // it waits for the answer
  CHECK(of<granted>(holds.give(answered{looked, seen{{mine}}})).size() == 1);
  holds.now += 20ms;
  holds.give(release{4});
  const auto second = holds.asked.number;
  CHECK(of<granted>(holds.give(acquire{5})).size() == 1);
  holds.give(answered{second, seen{{mine, {8, "b"}}}});
  CHECK(holds.it.at() == stage::holding);
  holds.give(release{6});
  CHECK(wished<leave_line>(holds));

  bench waits{keeping()};  // and so do those who wait for the answer
  keep(waits);
  waits.now += 40ms;
  waits.give(acquire{3});
  const auto out = waits.answer(seen{{mine, {8, "b"}}});
  REQUIRE(out.asks.size() == 2);
  CHECK(std::get<leave_line>(out.asks[0].what).yields == 7);
  CHECK(std::holds_alternative<stand>(out.asks[1].what));
}

TEST_CASE("lock kept: readers keep their places beside each other, and a writer ends that") {
  bench b{{.lock = "x", .owner = "me", .as = mode::shared, .keeps = 1s}};
  const place own{.ticket = 7, .owner = "me", .as = mode::shared};
  b.stand_with({own}, 7);
  b.give(release{2});
  b.answer(seen{{own, {.ticket = 8, .owner = "b", .as = mode::shared}}});
  CHECK(b.it.at() == stage::kept);
  b.pass();
  b.answer(seen{{own, {.ticket = 9, .owner = "c"}}});
  CHECK(wished<leave_line>(b));
}

TEST_CASE("lock kept: a kept place goes with its time, its session, or who takes it away") {
  bench b{keeping()};
  keep(b);
  while (b.now < 11s - 20ms) {
    b.pass();
    b.answer(seen{{mine}});
  }
  b.now = 11s;
  b.give(tick{});
  CHECK(wished<leave_line>(b));
  b.answer(settled{});
  CHECK_FALSE(b.it.wants_session());

  bench ends{keeping()};
  keep(ends);
  CHECK(ends.give(session_gone{"why"}).events.empty());  // nobody holds it
  CHECK(of<granted>(ends.give(acquire{3})).empty());

  bench revoked{keeping()};
  keep(revoked);
  revoked.now += 40ms;
  revoked.give(acquire{3});
  CHECK(revoked.answer(seen{{{9, "b"}}}).events.empty());
  CHECK(wished<stand>(revoked));

  bench asked{keeping()};
  keep(asked);
  asked.give(keep_no_more{});
  CHECK(wished<leave_line>(asked));
}

TEST_CASE("lock kept: a place is kept for no longer than the most there is") {
  bench b{keeping()};
  keep(b);
  b.give(acquire{3});
  b.now += 1s;
  b.give(release{4});
  CHECK(wished<leave_line>(b));
}

TEST_CASE("lock kept: who had to wait keeps nothing") {
  bench b{keeping()};
  b.stand_with({{3, "a"}, mine}, 7);
  b.answer(yielded{});
  b.give(release{2});
  CHECK(wished<leave_line>(b));
}

TEST_CASE("lock kept: the watch over its place outlives a kept one, and is not put twice") {
  bench b{keeping()};
  b.stand_with({mine}, 7);
  b.pass();
  REQUIRE(wished<await>(b));
  const auto watch = b.asked.number;
  b.give(release{2});
  b.answer(seen{{mine}});
  b.give(acquire{3});
  CHECK(b.it.due() == instant::max());
  CHECK(of<lost>(b.give(answered{watch, settled{}})).at(0).fence == 7);

  bench kept{keeping()};
  kept.stand_with({mine}, 7);
  kept.pass();
  const auto its = kept.asked.number;
  kept.give(release{2});
  CHECK(kept.give(answered{its, settled{}}).events.empty());
  CHECK(kept.it.at() == stage::idle);
}

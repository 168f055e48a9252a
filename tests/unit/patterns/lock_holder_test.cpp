// A holder and a session by hand: what a store may answer, and when.
#include "lock_by_hand.hpp"
#include "patterns/lock/session.hpp"

#include <doctest/doctest.h>
using namespace troupe::lock;
using namespace troupe::lock::by_hand;
using namespace std::chrono_literals;

TEST_CASE("lock holder: free: it stands, holds, lets go; the ticket is the fence") {
  bench b;
  CHECK(b.give(acquire{1}).asks.empty());  // no session yet
  b.give(session_is{"s"});
  REQUIRE(wished<stand>(b));
  CHECK(wished<stand>(b)->session == "s");
  CHECK(wished<stand>(b)->wanted.owner == "me");
  const auto got = of<granted>(b.answer(stood{7, {mine}}));
  REQUIRE(got.size() == 1);
  CHECK(got[0].fence == 7);
  CHECK(of<freed>(b.give(release{2})).empty());
  REQUIRE(wished<leave_line>(b));
  CHECK(wished<leave_line>(b)->id == b.first_id);
  CHECK(of<freed>(b.answer(settled{})).at(0).held);
  CHECK(b.it.at() == stage::idle);
}

TEST_CASE("lock holder: taken: it awaits the one before it, looks again, and holds") {
  bench b;
  CHECK(b.stand_with({{3, "a"}, {5, "b"}, mine}, 7).events.empty());
  REQUIRE(wished<await>(b));
  CHECK(wished<await>(b)->those.at(0).ticket == 5);
  b.answer(settled{});  // b has given up, a holds still
  REQUIRE(wished<look>(b));
  b.answer(seen{{{3, "a"}, mine}});
  CHECK(wished<await>(b)->those.at(0).ticket == 3);
  b.answer(settled{});
  CHECK(of<granted>(b.answer(seen{{mine}})).at(0).fence == 7);
}

TEST_CASE("lock holder: who held alone says that he lets go, and the next need not wait for more") {
  bench b;
  b.stand_with({mine}, 7);
  b.give(release{2});
  CHECK(wished<leave_line>(b)->yields == 7);

  bench next;
  next.stand_with({{3, "a"}, {5, "b"}, mine}, 7);
  CHECK(wished<await>(next)->own == next.first_id);
  CHECK(of<granted>(next.answer(yielded{})).at(0).fence == 7);
  next.pass();
  REQUIRE(wished<await>(next));  // its own place
  CHECK(wished<await>(next)->own.empty());
  next.answer(seen{{{3, "a"}, {5, "b"}, mine}});  // they go when the store says so
  CHECK(next.it.at() == stage::holding);
}

TEST_CASE("lock holder: the word of one who did not hold alone is no reason to hold") {
  bench gives_up;
  gives_up.stand_with({{5, "b"}, mine}, 7);
  gives_up.give(give_up{1});
  REQUIRE(wished<leave_line>(gives_up));
  CHECK(wished<leave_line>(gives_up)->yields == 0);

  bench reader{{.lock = "x", .owner = "me", .as = mode::shared}};
  reader.stand_with({{.ticket = 7, .owner = "me", .as = mode::shared}}, 7);
  reader.give(release{2});
  CHECK(wished<leave_line>(reader)->yields == 0);

  bench some{{.lock = "x", .owner = "me", .as = mode::permits}};
  some.stand_with({{.ticket = 5, .owner = "b", .as = mode::permits},
                   {.ticket = 7, .owner = "me", .as = mode::permits}},
                  7);
  REQUIRE(wished<await>(some));
  CHECK(some.answer(yielded{}).events.empty());
}

TEST_CASE("lock holder: who holds goes on holding where the store refuses to show the line") {
  bench b;
  b.stand_with({mine}, 7);
  for (int i = 0; i < 3; ++i) {
    b.pass();
    CHECK(b.answer(refused{"too long a line"}).events.empty());
    CHECK(b.it.at() == stage::holding);
  }
  b.pass();
  b.answer(seen{{mine}});
  CHECK(wished<await>(b) != nullptr);
}

TEST_CASE("lock holder: it holds as often as it was acquired, under one fence") {
  bench b;
  b.stand_with({mine}, 7);
  CHECK(of<granted>(b.give(acquire{2})).at(0).fence == 7);
  CHECK(of<freed>(b.give(release{3})).at(0).held);
  CHECK(b.it.at() == stage::holding);
  b.give(release{4});
  CHECK(b.it.lets_go());
  CHECK_FALSE(of<freed>(b.give(release{5})).at(0).held);
}

TEST_CASE("lock holder: as many permits as are wanted, not as many as were the last time") {
  const auto wants = [](const bench& b, std::uint32_t count) {
    const auto* s = wished<stand>(b);
    return s != nullptr && s->wanted.count == count && s->wanted.capacity == 3;
  };
  const holder_settings pool{
      .lock = "x", .owner = "me", .as = mode::permits, .count = 1, .capacity = 3};
  place own{.ticket = 7, .owner = "me", .as = mode::permits, .count = 1, .capacity = 3};
  bench b{pool};
  b.stand_with({own}, 7);
  CHECK(of<declined>(b.give(acquire{2, for_ever, 3, 3})).at(0).why == decline::refused);
  CHECK(of<granted>(b.give(acquire{3, for_ever, 1, 3})).size() == 1);
  b.give(release{4});
  b.give(release{5});
  b.answer(settled{});
  b.give(acquire{6, for_ever, 3, 3});
  CHECK(wants(b, 3));
  CHECK(of<declined>(b.give(acquire{7, for_ever, 1, 3})).size() == 1);  // it waits for three

  auto keeps = pool;
  keeps.keeps = 1s;
  bench kept{keeps};
  kept.stand_with({own}, 7);
  kept.give(release{2});
  kept.answer(seen{{own}});
  REQUIRE(kept.it.at() == stage::kept);
  CHECK(of<granted>(kept.give(acquire{3, for_ever, 2, 3})).empty());
  CHECK(wants(kept, 2));
  CHECK(kept.it.lets_go());
}

TEST_CASE("lock holder: how many permits there are, is said by who came first") {
  const auto permits = [](std::uint64_t ticket, std::uint32_t capacity) {
    return place{.ticket = ticket, .owner = "o", .as = mode::permits, .capacity = capacity};
  };
  const holder_settings pool{.lock = "x", .owner = "me", .as = mode::permits, .capacity = 1};
  bench b{pool};
  b.stand_with({permits(3, 1), permits(7, 1)}, 7);
  b.answer(settled{});
  CHECK(b.answer(seen{{permits(5, 1), permits(7, 1), permits(9, 2)}}).events.empty());
  CHECK(b.it.at() == stage::waiting);
  bench late{pool};
  const auto out = late.stand_with({permits(3, 2), permits(7, 1)}, 7);
  CHECK(of<declined>(out).at(0).sentence == "'x' has 2 permits, not 1");
}

TEST_CASE("lock holder: an answer that was lost is asked for again under the same id") {
  bench b;
  b.give(session_is{"s"});
  b.give(acquire{1});
  const auto id = wished<stand>(b)->wanted.id;
  const auto first = b.asked.number;
  b.answer(unanswered{});
  b.pass();
  REQUIRE(wished<stand>(b));
  CHECK(wished<stand>(b)->wanted.id == id);
  CHECK(of<granted>(b.give(answered{first, stood{7, {mine}}})).empty());  // late: the second counts
  CHECK(of<granted>(b.answer(stood{7, {mine}})).size() == 1);
  b.give(release{2});
  b.answer(settled{});
  b.give(acquire{3});
  CHECK(wished<stand>(b)->wanted.id != id);  // another wish
}

TEST_CASE("lock holder: who does not get it in time leaves no place behind") {
  bench b;
  b.give(session_is{"s"});
  b.give(acquire{1, 2s});
  b.answer(stood{7, {{3, "a"}, mine}});
  b.now += 2s;
  CHECK(b.it.due() <= b.now);
  const auto out = b.give(tick{});
  CHECK(of<declined>(out).at(0).why == decline::timed_out);
  REQUIRE(wished<leave_line>(b));
  CHECK(wished<leave_line>(b)->id == b.first_id);
  // not even one whose stand was never answered
  bench c;
  c.give(session_is{"s"});
  c.give(acquire{1, 2s});
  const auto id = wished<stand>(c)->wanted.id;
  c.answer(unanswered{});
  c.now += 2s;
  c.give(tick{});
  REQUIRE(wished<leave_line>(c));
  CHECK(wished<leave_line>(c)->id == id);
  c.answer(unanswered{});  // and it does not give up on that
  c.pass();
  CHECK(wished<leave_line>(c));
}

TEST_CASE(
    "lock holder: a stand that was never answered is looked for again, for it may come late") {
  bench b;
  b.give(session_is{"s"});
  b.give(acquire{1, 2s});
  const auto id = wished<stand>(b)->wanted.id;
  b.now += 2s;
  b.give(tick{});
  b.answer(settled{});
  CHECK_FALSE(b.it.lets_go());
  for (const auto later : {1s, 4s, 15s}) {
    CHECK(b.it.due() == b.now + later);
    b.asked = {};
    b.pass();
    REQUIRE(wished<leave_line>(b));
    CHECK(wished<leave_line>(b)->id == id);
    b.answer(settled{});
  }
  CHECK(b.it.due() == instant::max());
  CHECK_FALSE(b.it.wants_session());
}

TEST_CASE(
    "lock holder: acquired while it lets go, it stands anew at once, and is nobody's victim") {
  bench b;
  b.stand_with({mine}, 7);
  b.give(release{2});
  const auto letting_go = b.asked.number;
  b.give(acquire{3});
  REQUIRE(wished<stand>(b));
  CHECK(wished<stand>(b)->wanted.id != b.first_id);
  b.answer(stood{8, {mine, {8, "me"}}});  // the release is under way
  REQUIRE(wished<await>(b));
  CHECK(b.give(give_way{8, "me waits for me"}).events.empty());
  CHECK(of<freed>(b.give(answered{letting_go, settled{}})).at(0).held);
  CHECK(of<granted>(b.answer(seen{{{8, "me"}}, 3})).at(0).fence == 8);
}

TEST_CASE("lock holder: who only tries is refused at the first look") {
  bench b;
  b.give(session_is{"s"});
  b.give(acquire{1, 0s});
  CHECK(of<declined>(b.answer(stood{7, {{3, "a"}, mine}})).at(0).why == decline::timed_out);
  CHECK(wished<leave_line>(b));
}

TEST_CASE("lock holder: a session that ends takes the grant along, and nothing brings it back") {
  bench b;
  b.stand_with({mine}, 7);
  CHECK(of<lost>(b.give(session_gone{"why"})).at(0).fence == 7);
  CHECK(b.it.at() == stage::idle);
  b.give(session_is{"t"});
  CHECK(b.it.at() == stage::idle);  // nobody wants it any more
  CHECK_FALSE(of<freed>(b.give(release{2})).at(0).held);
}

TEST_CASE("lock holder: who waited stands anew, at the end, under the next session") {
  bench b;
  b.stand_with({{3, "a"}, mine}, 7);
  const auto stale = b.asked.number;
  CHECK(b.give(session_gone{"why"}).events.empty());
  b.give(session_is{"t"});
  REQUIRE(wished<stand>(b));
  CHECK(wished<stand>(b)->session == "t");
  b.give(answered{stale, settled{}});
  CHECK(wished<stand>(b));  // an answer from before changes nothing
  CHECK(of<granted>(b.answer(stood{9, {{9, "me"}}})).at(0).fence == 9);
}

TEST_CASE("lock holder: a place that is taken away is a grant that is lost") {
  bench b;
  CHECK(b.stand_with({mine}, 7).asks.empty());  // not before it has held for a while
  CHECK(b.it.due() == b.now + 100ms);
  b.pass();
  REQUIRE(wished<await>(b));
  CHECK(wished<await>(b)->those.at(0).ticket == 7);
  CHECK(of<lost>(b.answer(settled{})).at(0).why == "it was revoked");
  bench waits;
  waits.stand_with({{3, "a"}, mine}, 7);
  waits.answer(settled{});
  CHECK(waits.answer(seen{{{8, "b"}}}).events.empty());
  CHECK(wished<stand>(waits));  // it stands again
}

TEST_CASE("lock holder: a place that was taken away is swept where a request for it may be late") {
  bench b;
  b.give(session_is{"s"});
  b.give(acquire{1});
  b.answer(unanswered{});
  b.pass();
  b.answer(stood{7, {mine}});
  b.pass();
  const auto out = b.answer(settled{});
  CHECK(of<lost>(out).size() == 1);
  REQUIRE(out.asks.size() == 1);
  CHECK(std::get<leave_line>(out.asks[0].what).id == b.first_id);
  b.answer(settled{});
  CHECK(b.it.due() == b.now + 1s);
}

TEST_CASE(
    "lock holder: where a wait is not answered it looks, and a holder looks after its place") {
  bench b;
  b.stand_with({{3, "a"}, mine}, 7);
  b.answer(unanswered{});
  b.pass();
  REQUIRE(wished<look>(b));
  CHECK(of<granted>(b.answer(seen{{mine}, 12})).size() == 1);
  b.pass();
  REQUIRE(wished<await>(b));
  CHECK(wished<await>(b)->from == 12);
  b.answer(unanswered{});
  CHECK(b.pass().events.empty());
  REQUIRE(wished<look>(b));
  CHECK(b.answer(seen{{mine}, 14}).events.empty());
  CHECK(wished<await>(b)->from == 14);
  b.answer(unanswered{});
  b.pass();
  CHECK(of<lost>(b.answer(seen{{{9, "b"}}, 15})).size() == 1);
}

TEST_CASE("lock holder: the victim of a deadlock is told why, if it waits still") {
  bench b;
  b.stand_with({{3, "a"}, mine}, 7);
  CHECK(b.give(give_way{6, "of another"}).events.empty());
  const auto out = b.give(give_way{7, "a waits for b"});
  CHECK(of<declined>(out).at(0).why == decline::deadlock);
  CHECK(of<declined>(out).at(0).sentence == "a waits for b");
  CHECK(wished<leave_line>(b));
  bench holds;
  holds.stand_with({mine}, 7);
  CHECK(holds.give(give_way{7, "x"}).events.empty());
}

TEST_CASE("lock holder: more permits than there are is refused at once") {
  bench b{{.lock = "x", .owner = "me", .as = mode::permits, .count = 4, .capacity = 3}};
  b.give(session_is{"s"});
  const auto out = b.give(acquire{1});
  CHECK(of<declined>(out).at(0).why == decline::refused);
  CHECK(out.asks.empty());
}

TEST_CASE("lock holder: who waits for a session that the store refuses is told why") {
  bench b;
  b.give(acquire{1});
  const auto told = of<declined>(b.give(session_refused{"it is full"}));
  REQUIRE(told.size() == 1);
  CHECK(told[0].why == decline::refused);
  CHECK(told[0].sentence == "it is full");
  CHECK_FALSE(b.it.wants_session());
  b.stand_with({mine}, 7);
  CHECK(of<declined>(b.give(session_refused{"it is full"})).empty());  // it has one
  CHECK(b.it.at() == stage::holding);
}

TEST_CASE("lock session: one that is refused is told, and asked for again") {
  session s{{}};
  session_output out;
  s.want(1s, out);
  const auto number = out.asks.back().number;
  session_output then;
  s.answered({number, refused{"it is full"}}, 1s, then);
  CHECK(then.refused == "it is full");
  CHECK_FALSE(then.over);
  s.tick(s.due(), then);
  REQUIRE(then.asks.size() == 1);
  CHECK(std::holds_alternative<open_session>(then.asks[0].what));
}

TEST_CASE("lock session: it is over by its own clock before the store can end it") {
  session s{{.ttl = 10s, .margin = 1s, .drift_per_mille = 50}};
  session_output out;
  s.want(0s, out);
  REQUIRE(out.asks.size() == 1);
  s.answered({1, opened{"a"}}, 2s, out);
  CHECK(out.begun == "a");
  CHECK(s.good_until() ==
        8'500ms);  // from when it was asked: 10 s, less a twentieth, less the margin
  out = {};
  s.tick(s.due(), out);
  REQUIRE(out.asks.size() == 1);
  CHECK(std::get<renew_session>(out.asks[0].what).session == "a");
  s.tick(8'500ms, out);
  CHECK(out.over.has_value());
  const auto late = out.asks.front().number;
  out = {};
  s.answered({late, settled{}}, 8'600ms, out);
  CHECK(s.id().empty());  // a renewal after the end is none
  CHECK_FALSE(out.begun);
}

TEST_CASE("lock session: an answer later than the lease itself begins nothing") {
  session s{{.ttl = 10s, .margin = 1s, .drift_per_mille = 50}};
  session_output out;
  s.want(0s, out);
  out = {};
  s.answered({1, opened{"a"}}, 9s, out);
  CHECK_FALSE(out.begun);
  REQUIRE(out.asks.size() == 1);
  CHECK(std::get<close_session>(out.asks[0].what).session == "a");
}

TEST_CASE("lock session: one that is not renewed ends with its time") {
  session s{{.ttl = 10s, .margin = 1s, .drift_per_mille = 0, .renews = false}};
  session_output out;
  s.want(0s, out);
  s.answered({1, opened{"a"}}, 0s, out);
  CHECK(s.due() == 9s);
  out = {};
  s.tick(9s, out);
  CHECK(out.over.has_value());
  CHECK(out.asks.empty());
  s.want(9s, out);
  CHECK(out.asks.size() == 1);
}

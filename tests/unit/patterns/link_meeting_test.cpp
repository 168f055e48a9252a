#include "link_pair.hpp"
#include "patterns/link/meeting.hpp"

#include <doctest/doctest.h>

namespace {
using namespace troupe::link;
using troupe::test::life;
using session_state = meeting::session_state;
constexpr session_state none{}, broken{true, false, 7}, attached{true, true, 7};

choice chosen(const std::variant<choice, refusal>& v) {
  REQUIRE(std::holds_alternative<choice>(v));
  return std::get<choice>(v);
}

TEST_CASE("link meeting: the first session, and the next") {
  meeting low{life(1), life(2)}, high{life(2), life(1)};
  CHECK(high.offer(none) == standing{});
  const auto first = chosen(low.choose(high.offer(none), none));
  CHECK(first == choice{1, 1, false, 0});
  CHECK_FALSE(high.judge(first, none));
  CHECK(low.welcomed(first));
  CHECK(high.offer(attached) == standing{1, 1, true, 7});
  // ended on one side: not resumed, and its number is not used again
  CHECK(chosen(low.choose(high.offer(broken), none)) == choice{2, 1, false, 0});
  low.dial_over();
  CHECK(chosen(low.choose(high.offer(none), broken)) == choice{2, 1, false, 0});
}

TEST_CASE("link meeting: a session live on both sides is resumed over the next connection") {
  meeting low{life(1), life(2)}, high{life(2), life(1)};
  const choice first{1, 1, false, 0};
  high.judge(first, none);
  low.welcomed(first);
  const auto again = chosen(high.choose(low.offer(attached), broken));
  CHECK(again == choice{1, 2, true, 7});
  CHECK_FALSE(low.judge(again, attached));  // the other side knows first that it broke
  CHECK(high.welcomed(again));
}

TEST_CASE("link meeting: who has a connection does not take another by its own dial") {
  meeting m{life(1), life(2)};
  CHECK(std::get<refusal>(m.choose({}, attached)) == refusal::stale);
}

TEST_CASE("link meeting: what is judged stale") {
  meeting m{life(2), life(1)};
  CHECK_FALSE(m.judge({5, 1, false, 0}, none));
  CHECK(m.judge({5, 1, false, 0}, attached) == refusal::stale);
  CHECK(m.judge({4, 1, false, 0}, attached) == refusal::stale);
  CHECK(m.judge({4, 9, true, 0}, attached) == refusal::stale);
  CHECK_FALSE(m.judge({5, 2, true, 0}, attached));
  CHECK(m.judge({5, 2, true, 0}, broken) == refusal::stale);
  CHECK(m.judge({5, 3, true, 0}, none) == refusal::session_unknown);
  CHECK(m.judge({6, 2, true, 0}, broken) == refusal::session_unknown);
  CHECK_FALSE(m.judge({6, 1, false, 0}, attached));
  CHECK(m.number() == 6);
  CHECK(m.connection() == 1);
}

TEST_CASE("link meeting: of crossed dials the lower incarnation's is kept") {
  for (const bool resumed : {false, true}) {
    meeting low{life(1), life(2)}, high{life(2), life(1)};
    session_state now = none;
    if (resumed) {
      high.judge({3, 1, false, 0}, none);
      low.welcomed({3, 1, false, 0});
      now = broken;
    }
    const auto of_low = chosen(low.choose(high.offer(now), now));
    const auto of_high = chosen(high.choose(low.offer(now), now));
    CHECK(low.judge(of_high, now) == refusal::stale);
    CHECK_FALSE(high.judge(of_low, now));
    CHECK_FALSE(high.welcomed(of_high));  // it would not be welcomed, and were it, not taken
    CHECK(low.welcomed(of_low));
    CHECK(low.judge(of_high, attached) == refusal::stale);  // however late it comes
  }
}

TEST_CASE("link meeting: a dial that failed is in nobody's way") {
  meeting low{life(1), life(2)}, high{life(2), life(1)};
  chosen(low.choose(high.offer(none), none));
  const auto of_high = chosen(high.choose(low.offer(none), none));
  CHECK(low.judge(of_high, none) == refusal::stale);
  low.dial_over();
  CHECK_FALSE(low.judge(of_high, none));
}
}  // namespace

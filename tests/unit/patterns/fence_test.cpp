#include "patterns/consensus/fence.hpp"

#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>

namespace {
using namespace troupe;
using refusal = fence_refusal;

TEST_CASE("fence: after a token was admitted, none below it is") {
  fence f;
  CHECK(f.admit("disk", 5));
  CHECK(f.admit("disk", 5));
  CHECK(f.admit("disk", 9));
  CHECK(f.admit("disk", 5).error() == fence_refused{refusal::stale, 5, 9});
  CHECK(f.highest("disk") == 9);
  CHECK(f.admit("tape", 1));  // each resource by itself
  CHECK(f.highest("none") == 0);
}

TEST_CASE("fence: no token is none, and leaves no trace") {
  fence f;
  CHECK(f.admit("disk", 0).error() == fence_refused{refusal::no_token, 0, 0});
  CHECK(f.held().empty());
}

TEST_CASE("fence: it never forgets to make room") {
  fence f{2};
  CHECK(f.admit("a", 7));
  CHECK(f.admit("b", 7));
  CHECK(f.admit("c", 8).error() == fence_refused{refusal::too_many_resources, 8, 0});
  CHECK(f.admit("a", 8));
  f.forget("b");
  CHECK(f.admit("c", 8));
}

TEST_CASE("fence: what was stored is taken over, and never lowers what is known") {
  fence before;
  CHECK(before.admit("a", 7));
  CHECK(before.admit("b", 3));
  fence after;
  CHECK(after.admit("b", 4));
  after.restore(before.held());
  CHECK_FALSE(after.admit("a", 6));
  CHECK_FALSE(after.admit("b", 3));
  CHECK(after.admit("b", 4));
}

TEST_CASE("fenced: a frozen holder's late effect is refused") {
  fenced<std::vector<int>> log{{}};
  const auto append = [&](std::uint64_t token, int x) {
    return log.use(token, [x](std::vector<int>& v) { v.push_back(x); });
  };
  CHECK(append(1, 10));
  CHECK(append(2, 20));
  const auto late = append(1, 11);
  CHECK(late.error() == fence_refused{refusal::stale, 1, 2});
  CHECK(append(0, 12).error().why == refusal::no_token);
  CHECK(log.look() == std::vector<int>{10, 20});
  CHECK(*log.use(2, [](std::vector<int>& v) { return v.size(); }) == 2);
}

TEST_CASE("fenced: the token counts although what it did has failed, and across a restart") {
  fenced<int> r{1};
  CHECK_THROWS((void)r.use(4, [](int&) { throw std::runtime_error{"disk"}; }));
  CHECK_FALSE(r.use(3, [](int&) {}));
  fenced<int> again{r.look(), r.highest()};
  CHECK_FALSE(again.use(3, [](int&) {}));
  CHECK(again.use(4, [](int&) {}));
}
}  // namespace

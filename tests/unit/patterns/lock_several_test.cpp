// Several locks, all or none, by hand.
#include "patterns/lock/several.hpp"

#include <doctest/doctest.h>
using namespace troupe::lock;
using namespace std::chrono_literals;
namespace {
using places = std::vector<std::size_t>;
struct bench {
  explicit bench(std::size_t count, duration wait = for_ever) : it{count, wait, now} {}
  several_output begin() {
    several_output out;
    it.begin(now, out);
    return out;
  }
  several_output taken(std::uint64_t fence) {
    several_output out;
    it.taken(fence, now, out);
    return out;
  }
  several_output refused(decline why) {
    several_output out;
    it.refused(why, "no", out);
    return out;
  }
  several_output back(std::size_t which) {
    several_output out;
    it.put_back(which, out);
    return out;
  }
  several_output lost(std::size_t which) {
    several_output out;
    it.lost(which, "'a' is lost", out);
    return out;
  }
  several_output give_up() {
    several_output out;
    it.give_up(out);
    return out;
  }
  instant now{10s};
  several it;
};
}  // namespace

TEST_CASE("lock several: one order for all, whatever the order in which they are named") {
  const auto one = in_order({{"c"}, {"a", mode::shared}, {"b"}});
  REQUIRE(one);
  CHECK((*one)[0].lock == "a");
  CHECK((*one)[0].as == mode::shared);
  CHECK((*one)[2].lock == "c");
  CHECK(in_order({}).error() == "name the locks that are to be taken");
  CHECK(in_order({{"a"}, {""}}).error() == "a lock needs a name");
  CHECK_FALSE(in_order({{"a"}, {"barrier:b"}}));
  CHECK(in_order({{"a"}, {"b"}, {"a", mode::shared}}).error() ==
        "'a' is wanted twice: it would wait for itself");
}

TEST_CASE("lock several: one after the other, with what is left of the time") {
  bench b{3, 5s};
  auto did = b.begin();
  REQUIRE(did.take);
  CHECK(did.take->which == 0);
  CHECK(did.take->wait == 5s);
  b.now += 2s;
  did = b.taken(7);
  CHECK(did.take->which == 1);
  CHECK(did.take->wait == 3s);
  b.now += 4s;
  CHECK(b.taken(9).take->wait > 0s);  // not tried: it was waited for
  did = b.taken(12);
  CHECK(did.all);
  CHECK(b.it.fences() == std::vector<std::uint64_t>{7, 9, 12});
  CHECK(b.give_up().put_back == places{2, 1, 0});
  CHECK_FALSE(b.back(2).over);
  CHECK_FALSE(b.back(1).over);
  did = b.back(0);
  CHECK(did.over);
  CHECK_FALSE(did.failed);
}

TEST_CASE("lock several: refused: what was taken goes back, and then it is told") {
  bench b{3};
  b.begin();
  b.taken(7);
  b.taken(9);
  auto did = b.refused(decline::deadlock);
  CHECK(did.put_back == places{1, 0});
  CHECK_FALSE(did.failed);
  b.back(1);
  did = b.back(0);
  REQUIRE(did.failed);
  CHECK(did.failed->why == decline::deadlock);
  CHECK(did.over);
  bench first{2, 0s};
  CHECK(first.begin().take->wait == 0s);
  CHECK(first.refused(decline::timed_out).failed->why == decline::timed_out);
}

TEST_CASE("lock several: lost while another is awaited: the rest goes, also one that comes late") {
  bench b{3};
  b.begin();
  b.taken(7);
  b.taken(9);
  auto did = b.lost(0);
  CHECK(did.put_back == places{1});
  CHECK(did.give_up == places{2});
  CHECK(b.taken(12).put_back == places{2});  // it came first
  b.back(1);
  did = b.back(2);
  REQUIRE(did.failed);
  CHECK(did.failed->sentence == "'a' is lost");
  // given up in time
  bench c{2};
  c.begin();
  c.taken(7);
  CHECK(c.lost(0).give_up == places{1});
  CHECK(c.refused(decline::released).failed);
  CHECK(c.lost(0).put_back.empty());
}

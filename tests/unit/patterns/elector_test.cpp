// Every algorithm of election behind its one interface, on a stage without faults but crashes; what each promises beyond that
// its own tests say, under the laboratory's.
#include "patterns/election/stage.hpp"

#include <numeric>

#include <doctest/doctest.h>
using namespace troupe::election;
using namespace std::chrono_literals;
namespace {
std::uint64_t all_but(const stage& s, std::initializer_list<const char*> beats) {
  std::uint64_t sum = 0;
  for (const auto& [kind, count] : s.sent())
    if (std::none_of(beats.begin(), beats.end(), [&, k = kind](const char* b) { return k == b; }))
      sum += count;
  return sum;
}
std::uint64_t sent(const stage& s, const char* kind) {
  const auto found = s.sent().find(kind);
  return found == s.sent().end() ? 0 : found->second;
}
}  // namespace

TEST_CASE(
    "elector: each algorithm has one leader, another when that one dies, and terms that rise") {
  for (const auto& a : algorithms())
    for (const std::uint32_t n : {1U, 2U, 3U, 5U, 9U, 25U}) {
      CAPTURE(std::string{a.name});
      CAPTURE(n);
      stage s{a, {.members = n}};
      REQUIRE(s.run_until_agreed(10s));
      const auto first = s.believes(0);
      CHECK(first.term > 0);
      s.run_for(5s);
      REQUIRE(s.run_until_agreed(0s));
      CHECK(s.believes(0).leader == first.leader);  // it stays
      if (n < 3) continue;
      s.crash(first.leader);
      REQUIRE(s.run_until_agreed(10s));
      const auto second = s.believes(first.leader == 0 ? 1 : 0);
      CHECK(second.leader != first.leader);
      CHECK(second.term > first.term);
      s.restart(first.leader);
      REQUIRE(s.run_until_agreed(10s));
      CHECK(s.believes(first.leader).term >= second.term);
    }
}

TEST_CASE(
    "elector: an elder that comes back takes over from whom bully had elected, unless the "
    "incumbent stays") {
  for (const bool stays : {false, true}) {
    CAPTURE(stays);
    stage s{*algorithm_named("bully"), {.members = 5, .keep_incumbent = stays}};
    REQUIRE(s.run_until_agreed(10s));
    CHECK(s.believes(0).leader == 4);
    s.crash(4);
    REQUIRE(s.run_until_agreed(10s));
    CHECK(s.believes(0).leader == 3);
    s.restart(4);
    s.run_for(5s);
    REQUIRE(s.run_until_agreed(5s));
    CHECK(s.believes(0).leader == (stays ? 3 : 4));
  }
}

TEST_CASE(
    "elector: without a majority raft and zab have no leader, and have one once there is a "
    "majority again") {
  for (const auto* name : {"raft", "zab"}) {
    CAPTURE(std::string{name});
    stage s{*algorithm_named(name), {.members = 5}};
    REQUIRE(s.run_until_agreed(10s));
    const auto before = s.believes(0).term;
    for (const server dead : {0U, 1U, 2U}) s.crash(dead);
    s.run_for(5s);
    for (const server left : {3U, 4U}) CHECK(s.believes(left).as == standing::looking);
    s.restart(1);
    REQUIRE(s.run_until_agreed(10s));
    CHECK(s.believes(1).term > before);
  }
}

TEST_CASE("elector: observers follow and never lead, whoever dies") {
  for (const auto& a : algorithms()) {
    if (!a.observers) continue;
    CAPTURE(std::string{a.name});
    stage s{a, {.members = 3, .observers = 2}};
    REQUIRE(s.run_until_agreed(10s));
    CHECK(s.believes(3).as == standing::observing);
    const auto first = s.believes(3).leader;
    s.crash(first);
    REQUIRE(s.run_until_agreed(10s));
    CHECK(s.believes(4).as == standing::observing);
    CHECK(s.believes(4).leader < 3);
    CHECK(s.believes(4).leader != first);
    s.crash(s.believes(4).leader);
    s.run_for(5s);  // one of three voters, and two without a voice
    CHECK(s.believes(3).as == standing::looking);
  }
}

TEST_CASE("elector: a member that comes back remembers its term") {
  for (const auto& a : algorithms()) {
    CAPTURE(std::string{a.name});
    stage s{a, {.members = 3}};
    REQUIRE(s.run_until_agreed(10s));
    auto term = s.believes(0).term;
    for (int turn = 0; turn < 5; ++turn) {
      for (const server m : {0U, 1U, 2U}) s.crash(m);
      for (const server m : {0U, 1U, 2U}) s.restart(m);
      REQUIRE(s.run_until_agreed(10s));
      CHECK(s.believes(0).term > term);
      term = s.believes(0).term;
    }
  }
}

TEST_CASE("elector: any bytes are heard, and what makes no sense changes nothing") {
  for (const auto& a : algorithms()) {
    CAPTURE(std::string{a.name});
    elector_output out;
    auto e = a.make({.self = 0, .members = {0, 1, 2}, .seed = 1}, {}, 1s, out);
    const auto before = e->now_believes();
    for (const auto* bytes : {"", "\x01", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
                              "nonsense, and long enough to be something"}) {
      out.clear();
      e->receive(1, bytes, 1s, out);
      CHECK(out.changes.empty());
    }
    CHECK(e->now_believes() == before);
    CHECK(algorithm_named(a.name) == &a);
  }
  CHECK(algorithm_named("coin") == nullptr);
}

TEST_CASE("elector: messages beside the formulas, when the leader dies") {
  for (const std::uint32_t n : {3U, 5U, 9U, 25U}) {
    CAPTURE(n);
    stage b{*algorithm_named("bully"), {.members = n}};
    REQUIRE(b.run_until_agreed(10s));
    b.run_for(1s);
    b.crash(n - 1);
    b.count_anew();
    REQUIRE(b.run_until_agreed(10s));
    CHECK(sent(b, "victory") >= n - 2);
    CHECK(all_but(b, {"beat"}) <= std::uint64_t{n} * (n - 1) + n - 1);

    stage r{*algorithm_named("raft"), {.members = n}};
    REQUIRE(r.run_until_agreed(10s));
    r.run_for(1s);
    r.crash(r.believes(0).leader);
    r.count_anew();
    REQUIRE(r.run_until_agreed(10s));
    CHECK(sent(r, "vote_request") >= 2 * (n - 1));
  }
}

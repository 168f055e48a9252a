// The line of a lock and circles of waiting, as tables.
#include "patterns/lock/deadlock.hpp"
#include "patterns/simulation/random.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <doctest/doctest.h>
using namespace troupe::lock;
namespace {
using tickets = std::vector<std::uint64_t>;

// "x1 s2 p3*2": places in order, exclusive, shared, permits.
line line_of(const std::string& text, std::uint32_t capacity) {
  line all;
  for (std::size_t at = 0; at < text.size();
       at = text.find(' ', at) == text.npos ? text.size() : text.find(' ', at) + 1) {
    const auto word = text.substr(at, text.find(' ', at) - at);
    const auto star = word.find('*');
    all.push_back(
        {std::stoull(word.substr(1, star - 1)), "o" + word.substr(1, star - 1),
         word[0] == 'x'   ? mode::exclusive
         : word[0] == 's' ? mode::shared
                          : mode::permits,
         star == word.npos ? 1 : static_cast<std::uint32_t>(std::stoul(word.substr(star + 1))),
         capacity});
  }
  return all;
}
tickets tickets_of(const line& all) {
  tickets those;
  for (const auto& p : all) those.push_back(p.ticket);
  return those;
}
}  // namespace

TEST_CASE("lock line: who holds, and whom each of the others awaits") {
  struct row {
    const char* what;
    const char* line;
    std::uint32_t capacity;
    tickets hold;
    std::uint64_t waiter;  // 0: nobody waits
    tickets awaits;
  };
  const std::vector<row> rows{
      {"nobody", "", 1, {}, 0, {}},
      {"one", "x4", 1, {4}, 0, {}},
      {"the first of three, and each awaits the one before it", "x1 x2 x3", 1, {1}, 3, {2}},
      {"readers together", "s1 s2 s3", 1, {1, 2, 3}, 0, {}},
      {"a writer awaits the last reader", "s1 s2 x3", 1, {1, 2}, 3, {2}},
      {"a reader awaits the writer before it, not the readers", "s1 x2 s3 s4", 1, {1}, 4, {2}},
      {"no reader overtakes a writer", "x1 s2 x3 s4", 1, {1}, 4, {3}},
      {"permits up to what there is", "p1 p2 p3", 2, {1, 2}, 3, {1, 2}},
      {"a large request is not passed by a small one", "p1 p2*3 p3", 3, {1}, 3, {1, 2}},
      {"all at once", "p1*2 p2", 3, {1, 2}, 0, {}},
      {"more than there is", "p1*4", 3, {}, 1, {}},
      {"an exclusive place among permits", "p1 x2 p3", 2, {1}, 3, {1, 2}},
  };
  for (const auto& r : rows) {
    CAPTURE(r.what);
    const auto all = line_of(r.line, r.capacity);
    CHECK(tickets_of(holders(all)) == r.hold);
    if (r.waiter != 0) CHECK(tickets_of(watched(all, r.waiter)) == r.awaits);
    for (const auto t : r.hold) CHECK(watched(all, t).empty());
  }
}

TEST_CASE("lock line: a release wakes one of a thousand") {
  line all;
  for (std::uint64_t t = 1; t <= 1'000; ++t) all.push_back({t, "o" + std::to_string(t)});
  int woken = 0;
  for (const auto& p : all)
    for (const auto& w : watched(all, p.ticket)) woken += w.ticket == 1 ? 1 : 0;
  CHECK(woken == 1);
}

TEST_CASE("deadlock: circles are found, with their youngest waiter as the victim") {
  const auto held_by = [](std::initializer_list<std::pair<std::uint64_t, const char*>> those) {
    line l;
    for (const auto& [t, who] : those) l.push_back({t, who});
    return l;
  };
  lines all;
  all["x"] = held_by({{1, "a"}, {5, "b"}});
  all["y"] = held_by({{2, "b"}});
  CHECK(deadlocks(all).empty());
  all["y"] = held_by({{2, "b"}, {4, "a"}});
  auto found = deadlocks(all);
  REQUIRE(found.size() == 1);
  CHECK(found[0].victim == "b");
  CHECK(found[0].lock == "x");
  CHECK(found[0].ticket == 5);
  CHECK(explain(found[0]) == "a waits for 'y', held by b; b waits for 'x', held by a");

  // three ways, and beside it somebody who waits for one of them, in no circle
  all.clear();
  all["x"] = held_by({{1, "a"}, {6, "c"}, {7, "d"}});
  all["y"] = held_by({{2, "b"}, {4, "a"}});
  all["z"] = held_by({{3, "c"}, {5, "b"}});
  found = deadlocks(all);
  REQUIRE(found.size() == 1);
  CHECK(found[0].circle.size() == 3);
  CHECK(found[0].victim == "c");
  // two circles
  all["u"] = held_by({{10, "m"}, {13, "n"}});
  all["v"] = held_by({{11, "n"}, {12, "m"}});
  found = deadlocks(all);
  REQUIRE(found.size() == 2);
  CHECK(found[1].victim == "n");
}

TEST_CASE("deadlock: readers wait for nobody; a reader that wants to be alone waits for itself") {
  lines all;
  all["x"] = {{1, "a", mode::shared}, {2, "b", mode::shared}};
  CHECK(deadlocks(all).empty());
  all["x"].push_back({3, "c", mode::exclusive});
  CHECK(deadlocks(all).empty());
  all["x"].push_back({4, "b", mode::exclusive});
  const auto found = deadlocks(all);
  REQUIRE(found.size() == 1);
  CHECK(found[0].ticket == 4);
  CHECK(found[0].victim == "b");
}

TEST_CASE(
    "deadlock: there is one where the waits for all that is in the way lead back, and nowhere "
    "else") {
  troupe::simulation::generator chance{1};
  int circles = 0;
  for (int round = 0; round < 3'000; ++round) {
    lines all;
    std::uint64_t ticket = 0;
    for (const auto* lock : {"x", "y", "z"})
      for (auto places = chance.below(5); places > 0; --places)
        all[lock].push_back({++ticket, std::string(1, static_cast<char>('a' + chance.below(6))),
                             chance.below(3) == 0 ? mode::shared : mode::exclusive});
    std::map<std::string, std::set<std::string>> reach;
    for (const auto& [lock, l] : all)
      for (const auto& p : l)
        for (const auto& before : in_the_way(l, p.ticket)) reach[p.owner].insert(before.owner);
    for (int step = 0; step < 6; ++step)
      for (auto& [from, to] : reach)
        for (const auto& by : std::set{to})
          if (const auto more = reach.find(by); more != reach.end())
            to.insert(more->second.begin(), more->second.end());
    const bool back = std::any_of(reach.begin(), reach.end(),
                                  [](const auto& r) { return r.second.contains(r.first); });
    const auto found = deadlocks(all);
    CAPTURE(round);
    REQUIRE(found.empty() == !back);
    for (const auto& d : found) CHECK(reach[d.victim].contains(d.victim));
    circles += back ? 1 : 0;
  }
  CHECK(circles > 300);
}

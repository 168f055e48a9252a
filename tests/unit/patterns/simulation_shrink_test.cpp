// Shrinking: bugs planted in the toy counter come down to the faults that matter.
#include "patterns/simulation/verdict.hpp"
#include "toy_counter.hpp"

#include <doctest/doctest.h>
namespace {
using namespace troupe::simulation;
using namespace std::chrono_literals;
using troupe::test::run_toy;
using troupe::test::toy_mistakes;

std::vector<std::uint64_t> first(std::uint64_t n) {
  std::vector<std::uint64_t> all;
  for (std::uint64_t seed = 1; seed <= n; ++seed) all.push_back(seed);
  return all;
}
campaign_result hunt(toy_mistakes how, std::uint64_t seeds = 100) {
  return campaign(
      first(seeds), [](std::uint64_t seed) { return draw(seed, 5, 5s, 2s, everything(5s)); },
      [how](const plan& p) { return run_toy(p, how); });
}

struct planted {
  const char* what;
  toy_mistakes how;
  const char* claim;
  std::size_t faults_max;
  std::set<fault_kind> kinds;
};
const std::set<fault_kind> crashes{fault_kind::crash, fault_kind::crash_unsynced,
                                   fault_kind::crash_unsent, fault_kind::tear};
}  // namespace

TEST_CASE("simulation: the toy without mistakes passes a campaign") {
  const auto r = hunt({}, 200);
  CHECK_MESSAGE(!r.found, story(*r.found));
  CHECK(r.seeds == 200);
}

TEST_CASE("simulation: a planted bug is found, and comes down to what it takes") {
  const planted table[] = {
      {"acknowledged without a record",
       {.unpersisted = true},
       "what was acknowledged is known to all",
       1,
       crashes},
      {"a repeated message counts twice",
       {.adds_twice = true},
       "nobody knows of more than was added",
       0,
       {}},
      {"told once, whatever is lost",
       {.never_again = true},
       "what was acknowledged is known to all",
       1,
       {fault_kind::lose, fault_kind::cut, fault_kind::partition, fault_kind::crash,
        fault_kind::crash_unsynced, fault_kind::crash_unsent, fault_kind::tear}},
      {"a torn record is believed",
       {.trusts_disk = true},
       "what was acknowledged is known to all",
       2,
       {fault_kind::tear, fault_kind::slow_disk}},
  };
  for (const auto& row : table) {
    CAPTURE(row.what);
    const auto r = hunt(row.how, 1000);
    REQUIRE(r.found);
    const auto& f = *r.found;
    CAPTURE(story(f));
    CHECK(f.found.claim == row.claim);
    CHECK(f.shortest.faults.size() <= row.faults_max);
    CHECK(f.shortest.members <= 3);
    CHECK_FALSE(f.exhausted);
    for (const auto& kept : f.shortest.faults) CHECK(row.kinds.contains(kept.what));
    // Replay is exact, from the plan as from its text.
    CHECK(run_toy(f.shortest, row.how) == f.found);
    CHECK(run_toy(*plan_from(timeline(f.shortest)), row.how) == f.found);
    CHECK(story(f).find("seed " + std::to_string(f.drawn.seed) + " breaks: " + row.claim) == 0);
  }
}

TEST_CASE("simulation: ddmin keeps exactly what a claim needs") {
  // Fails if and only if both a freeze of c and a cut are there, and four members.
  const runner run = [](const plan& p) {
    verdict v;
    bool freeze = false, cut = false;
    for (const auto& f : p.faults) {
      freeze = freeze || (f.what == fault_kind::freeze && f.who == std::vector<member>{2});
      cut = cut || f.what == fault_kind::cut;
    }
    if (freeze && cut && p.members >= 4) v.claim = "both";
    if (p.faults.empty()) v.claim = "another claim";  // which is not what is asked for
    v.at = 7s;
    return v;
  };
  plan p{.seed = 1, .members = 9, .length = 10s, .calm = 1s};
  for (int i = 0; i < 40; ++i) {
    p.faults.push_back({.what = fault_kind::crash, .at = i * 100ms, .length = 1s, .who = {4}});
  }
  p.faults.insert(p.faults.begin() + 13,
                  {.what = fault_kind::cut, .at = 1300ms, .length = 4s, .who = {3}});
  p.faults.insert(p.faults.begin() + 31,
                  {.what = fault_kind::freeze, .at = 2999ms, .length = 1s, .who = {2}});
  const auto f = shrink(p, run(p), run);
  CHECK(f.shortest.members == 4);
  REQUIRE(f.shortest.faults.size() == 2);
  CHECK_FALSE(f.exhausted);
  CHECK(f.runs < 300);
  const auto few = shrink(p, run(p), run, 5);
  CHECK(few.exhausted);
  CHECK(run(few.shortest).claim == "both");
}

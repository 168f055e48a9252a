// Plans: drawn by swarms, written as timelines, read back.
#include "patterns/simulation/fault.hpp"

#include <set>

#include <doctest/doctest.h>
namespace {
using namespace troupe::simulation;
using namespace std::chrono_literals;
}  // namespace

TEST_CASE("simulation: a timeline is readable, and reads back as the same plan") {
  const std::string text = "seed 4711 members 5 for 30s calm 1m\n";
  CHECK_FALSE(plan_from(text).has_value());
  const std::string whole =
      "seed 4711 members 28 for 30s calm 60s\n"
      "0s lose 5% all -> all for 30s\n"
      "0.25s repeat 0.5% a -> b for 2s\n"
      "0.25s delay 0.02s all -> c for 2s\n"
      "1.25s partition a b for 3.2s\n"
      "2s cut a -> all for 1s\n"
      "3.000000001s crash a\n"
      "3.5s crash_unsent bb for 2s\n"
      "4s skew -0.02% d for 10s\n"
      "5s slow_disk 0.1s all for 10s\n";
  const auto p = plan_from(whole);
  REQUIRE_MESSAGE(p.has_value(), p.error());
  CHECK(timeline(*p) == whole);
  CHECK(p->seed == 4711);
  CHECK(p->calm == 60s);
  REQUIRE(p->faults.size() == 9);
  CHECK(p->faults[0].amount == 50'000);
  CHECK(p->faults[3].who == std::vector<member>{0, 1});
  CHECK(p->faults[6].who == std::vector<member>{27});
  CHECK(p->faults[7].amount == -200);
}

TEST_CASE("simulation: what is no plan is refused with its line") {
  const std::pair<const char*, const char*> table[] = {
      {"", "there is no plan: the text is empty"},
      {"seed x members 5 for 30s calm 1s", "line 1: "},
      {"seed 1 members 0 for 30s calm 1s", "line 1: "},
      {"seed 1 members 2 for 30s calm 1s\n\n1s explode a", "line 3: "},
      {"seed 1 members 2 for 30s calm 1s\n1s crash a for", "line 2: "},
      {"seed 1 members 2 for 30s calm 1s\n1s crash a for 1s b", "line 2: "},
      {"seed 1 members 2 for 30s calm 1s\n1s lose a", "line 2: "},
      {"seed 1 members 2 for 30s calm 1s\n1 crash a", "line 2: "},
      {"seed 1 members 2 for 30s calm 1s\n-1s crash a", "line 2: "},
      {"seed 1 members 2 for 30s calm 1s\n1.0000000001s crash a", "line 2: "},
      {"seed 1 members 2 for 30s calm 1s\n1s crash c", "line 2: there is no member 'c'"},
      {"seed 1 members 2 for 99999999999999s calm 1s", "line 1: "},
  };
  for (const auto& [text, error] : table) {
    const auto& shown = text;  // no binding, for clang 14
    CAPTURE(shown);
    const auto p = plan_from(text);
    REQUIRE_FALSE(p.has_value());
    CHECK(p.error().starts_with(error));
  }
}

TEST_CASE("simulation: members have names") {
  CHECK(name_of(0) == "a");
  CHECK(name_of(25) == "z");
  CHECK(name_of(26) == "ba");
  CHECK(name_of(26 * 26) == "baa");
}

TEST_CASE("simulation: a drawn plan keeps its bounds, and seeds differ in their mix") {
  const menu all = everything(30s);
  std::set<std::size_t> mixes;
  std::set<fault_kind> ever;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    const auto p = draw(seed, 5, 30s, 10s, all);
    CHECK(p == draw(seed, 5, 30s, 10s, all));
    CHECK(timeline(*plan_from(timeline(p))) == timeline(p));
    std::set<fault_kind> kinds;
    instant last{};
    for (const auto& f : p.faults) {
      CHECK(f.at >= last);
      last = f.at;
      CHECK(f.length > 0ns);
      CHECK(f.at + f.length <= 30s);
      CHECK(f.at % 1ms == 0ns);
      if (f.what == fault_kind::partition) CHECK((f.who.size() >= 1 && f.who.size() <= 4));
      kinds.insert(f.what);
      ever.insert(f.what);
    }
    mixes.insert(kinds.size());
  }
  CHECK(mixes.size() > 5);
  CHECK(ever.size() == all.kinds.size());
}

TEST_CASE("simulation: a bound on how many are down or frozen at once is kept") {
  menu few = everything(30s);
  few.disturbed_max = 2;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    const auto p = draw(seed, 5, 30s, 10s, few);
    for (instant t{}; t <= 30s; t += 50ms) {
      std::set<member> disturbed;
      for (const auto& f : p.faults) {
        const bool counts = brings_down(f.what) || f.what == fault_kind::freeze;
        if (counts && f.at <= t && t <= f.at + f.length) {
          disturbed.insert(f.who.begin(), f.who.end());
        }
      }
      CHECK(disturbed.size() <= 2);
    }
  }
}

TEST_CASE("simulation: one member alone has no links to break") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    for (const auto& f : draw(seed, 1, 30s, 10s, everything(30s)).faults) {
      CHECK_FALSE(of_network(f.what));
    }
  }
}

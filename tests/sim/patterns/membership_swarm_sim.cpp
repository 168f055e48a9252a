// Membership under swarms of faults: each seed draws its own, and after them there is one view.
#include "campaign.hpp"
#include "patterns/membership/simulated.hpp"

#include <algorithm>

#include <doctest/doctest.h>
namespace {
using namespace troupe::membership;
using troupe::simulation::fault_kind;
using troupe::simulation::menu, troupe::simulation::plan, troupe::simulation::member;
namespace sim = troupe::simulation;
using namespace std::chrono_literals;

menu faults(duration length) {
  menu m = sim::everything(length);
  std::erase_if(m.kinds, [](const sim::appetite& a) {
    return sim::of_disk(a.what) || a.what == fault_kind::tear ||
           a.what == fault_kind::crash_unsynced || a.what == fault_kind::crash_unsent;
  });
  return m;
}

sim::verdict run(const plan& p, downing how) {
  options o;
  o.resolving.how.kind = how;
  o.resolving.how.quorum = p.members / 2 + 1;
  town w{p.seed, o};
  w.cluster(p.members, std::min(p.members, 3U));
  w.claim_views();
  const bool first_starts_anew = std::any_of(p.faults.begin(), p.faults.end(), [](const auto& f) {
    return sim::brings_down(f.what) && (f.who.empty() || f.who.front() == 0);
  });
  w.claim_calm(20s, 100s, !first_starts_anew);
  w.run_until([&] { return w.one_view(p.members); }, 30s);
  return w.run(p);
}

std::string campaign_of(downing how) {
  return troupe::test::run_campaign(
      [](std::uint64_t seed) {
        return sim::draw(seed, 2 + static_cast<member>(seed % 7), 60s, 120s, faults(60s));
      },
      [&](const plan& p) { return run(p, how); });
}
}  // namespace

TEST_CASE("membership: plans that once failed") {
  const std::pair<const char*, const char*> table[] = {
      {"two who accused each other had one digest, and never compared their views",
       "seed 2 members 2 for 59.136s calm 120s\n"
       "48s crash a for 0.97s\n"
       "51s cut all -> a for 3.818s\n"
       "52s cut all -> b for 7.136s\n"},
      {"let in while it was deaf, it formed a cluster of its own and never looked back",
       "seed 2 members 2 for 54.818s calm 120s\n"
       "48s crash a for 3.907s\n"
       "51s cut all -> a for 3.818s\n"},
      {"let in too late, they had formed another cluster, and stayed in this one's view",
       "seed 135 members 3 for 43.93s calm 120s\n"
       "23s crash a c for 14.339s\n"
       "35s freeze b for 8.93s\n"},
  };
  for (const auto& [what, text] : table) {
    CAPTURE(what);
    const auto p = troupe::simulation::plan_from(text);
    REQUIRE(p.has_value());
    const auto v = run(*p, downing::none);
    CHECK_MESSAGE(!v.failed(), to_string(v));
  }
}

TEST_CASE("membership: under any faults no view goes back, and after them there is one") {
  for (const auto how : {downing::none, downing::keep_majority, downing::static_quorum,
                         downing::keep_oldest, downing::down_all}) {
    CAPTURE(std::string{to_string(how)});
    const auto found = campaign_of(how);
    CHECK_MESSAGE(found.empty(), found);
  }
}

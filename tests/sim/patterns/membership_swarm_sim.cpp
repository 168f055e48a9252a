// Membership under swarms of faults: each seed draws its own, and after them there is one view.
#include "campaign.hpp"
#include "patterns/membership/simulated.hpp"
#include "patterns/membership/simulated_protocol.hpp"

#include <algorithm>

#include <doctest/doctest.h>
namespace {
using namespace troupe::membership;
using troupe::simulation::menu, troupe::simulation::plan, troupe::simulation::member;
namespace sim = troupe::simulation;
using namespace std::chrono_literals;

menu faults(duration length) { return simulated_protocol().swarm(length); }

// Processes that come back know whom they were with, or nothing: then the first seed may form a second
// cluster while it can reach none of the others, and the two stay apart (bootstrap.hpp).
enum class memory { kept, none };
sim::verdict run(const plan& p, downing how, memory notes = memory::kept) {
  options o;
  o.resolving.how.kind = how;
  o.resolving.how.quorum = p.members / 2 + 1;
  town w{p.seed, o};
  if (notes == memory::none) w.without_notes();
  w.cluster(p.members, std::min(p.members, 3U));
  w.claim_views();
  const bool first_starts_anew = std::any_of(p.faults.begin(), p.faults.end(), [](const auto& f) {
    return sim::brings_down(f.what) && (f.who.empty() || f.who.front() == 0);
  });
  w.claim_calm(20s, 100s, notes == memory::kept || !first_starts_anew);
  w.run_until([&] { return w.one_view(p.members); }, 30s);
  return w.run(p);
}

std::string campaign_of(downing how, memory notes) {
  return troupe::test::run_campaign(
      [](std::uint64_t seed) {
        return sim::draw(seed, 2 + static_cast<member>(seed % 7), 60s, 120s, faults(60s));
      },
      [&](const plan& p) { return run(p, how, notes); });
}

constexpr downing strategies[] = {downing::none,          downing::keep_majority,
                                  downing::static_quorum, downing::keep_oldest,
                                  downing::down_all,      downing::lease_majority};
}  // namespace

TEST_CASE("membership: plans that once failed") {
  struct row {
    const char* what;
    const char* text;
    downing how = downing::none;
  };
  const row table[] = {
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
      {"welcomed so late that all the others had begun anew, it went on alone for ever",
       "seed 669 members 6 for 60s calm 120s\n"
       "1.98s lose 22.3209% c -> all for 28.406s\n"
       "7.79s cut d -> all for 2.874s\n"
       "12.4s cut f -> all for 0.42s\n"
       "12.922s freeze a f for 3.779s\n"
       "13.996s delay 2.357182335s d -> a for 17.319s\n"
       "15.91s crash d for 1.519s\n"
       "18.4s cut c -> all for 18.323s\n"
       "19.659s delay 0.601450649s all -> all for 40.341s\n"
       "19.7s lose 7.2401% all -> d for 26.42s\n"
       "21.7s delay 2.423659348s all -> f for 34.087s\n"
       "27.903s freeze c for 8.529s\n"
       "30.982s freeze e for 10.789s\n"
       "39.529s crash c for 1.852s\n"
       "39.64s cut b -> all for 2.266s\n"
       "42.24s freeze c for 6.015s\n",
       downing::down_all},
  };
  for (const auto& [what, text, how] : table) {
    const auto& shown = what;  // no binding, for clang 14
    CAPTURE(shown);
    const auto p = troupe::simulation::plan_from(text);
    REQUIRE(p.has_value());
    for (const auto notes : {memory::none, memory::kept}) {
      const auto v = run(*p, how, notes);
      CHECK_MESSAGE(!v.failed(), to_string(v));
    }
  }
}

TEST_CASE("membership: under any faults no view goes back, and after them there is one") {
  for (const auto how : strategies) {
    CAPTURE(std::string{to_string(how)});
    const auto found = campaign_of(how, memory::kept);
    CHECK_MESSAGE(found.empty(), found);
  }
}

TEST_CASE("membership: the same, of processes that come back without knowing whom they were with") {
  for (const auto how : strategies) {
    CAPTURE(std::string{to_string(how)});
    const auto found = campaign_of(how, memory::none);
    CHECK_MESSAGE(found.empty(), found);
  }
}

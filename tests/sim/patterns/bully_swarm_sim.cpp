// Bully elections under swarms of faults: each seed draws its own, and after them all follow one.
#include "campaign.hpp"
#include "patterns/election/bully_simulated.hpp"

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace std::chrono_literals;
using bully::simulated::rehearse;

simulation::plan drawn(std::uint64_t seed, simulation::menu (*menu)(simulation::duration)) {
  const auto members = 1 + static_cast<simulation::member>(seed % 7);
  return simulation::draw(seed, members, 30s, bully::simulated_protocol().calm, menu(30s));
}

// Crashes, some of them of most members: nobody is parted or late.
simulation::menu crashes(simulation::duration length) {
  return {.kinds = {{simulation::fault_kind::crash, 30, 1ms, length / 10, 0, 0},
                    {simulation::fault_kind::crash, 30, 1ms, 300ms, 0, 0}}};
}

// The highest die for good, one after another, while those below elect.
simulation::plan dying(std::uint64_t seed) {
  const auto members = 2 + static_cast<simulation::member>(seed % 6);
  simulation::generator chance{seed};
  simulation::plan p{seed, members, 2s, bully::simulated_protocol().calm, {}};
  for (auto m = members - 1; m > 0 && chance.below(5) > 0; --m) {
    p.faults.push_back({.what = simulation::fault_kind::crash, .at = p.length, .who = {m}});
    p.length += chance.between({}, 500ms);
  }
  if (!p.faults.empty()) p.length = p.faults.back().at;  // the time to a leader begins there
  return p;
}

std::string campaign_of(bool keep_incumbent, simulation::menu (*menu)(simulation::duration)) {
  return test::run_campaign(
      [=](std::uint64_t seed) { return drawn(seed, menu); },
      [=](const simulation::plan& p) { return rehearse(p, keep_incumbent, false).judged; });
}
}  // namespace

TEST_CASE("bully: under any faults numbers rise, and after them all follow the highest") {
  const auto found = campaign_of(false, bully::simulated::outlived);
  CHECK_MESSAGE(found.empty(), found);
}

TEST_CASE("bully, keep_incumbent: under any faults numbers rise, and after them all follow one") {
  const auto found = campaign_of(true, bully::simulated::outlived);
  CHECK_MESSAGE(found.empty(), found);
}

TEST_CASE("bully: while the highest die one after another the next one leads") {
  for (const bool keep_incumbent : {false, true}) {
    const auto found = test::run_campaign(dying, [=](const simulation::plan& p) {
      return rehearse(p, keep_incumbent, false).judged;
    });
    CHECK_MESSAGE(found.empty(), found);
  }
}

TEST_CASE("bully: under crashes alone all follow the highest, or an incumbent that stays") {
  for (const bool keep_incumbent : {false, true}) {
    const auto found = campaign_of(keep_incumbent, crashes);
    CHECK_MESSAGE(found.empty(), found);
  }
}

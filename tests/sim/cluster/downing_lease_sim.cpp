// lease-majority on whole nodes: the side that reaches the replicated log's majority lives, however small it is.
#include "actors/consensus/protocol.hpp"
#include "cluster/simulator.hpp"
#include "cluster/simulator_probe.hpp"
#include "patterns/encoding.hpp"
#include "patterns/membership/arbiter.hpp"
#include "patterns/storage/map_messages.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "seeds.hpp"

#include <chrono>

#include <caf/all.hpp>
#include <doctest/doctest.h>
namespace {
using namespace std::chrono_literals;
using troupe::laboratory::simulation, troupe::laboratory::simulation_options, troupe::laboratory::node_ids;
namespace consensus = troupe::consensus;
namespace membership = troupe::membership;
namespace storage = troupe::storage;

// The first `voters` of the nodes hold the log.
simulation_options lease_majority(std::uint32_t voters = 3) {
  simulation_options how;
  how.node.consensus.bootstrap_expect = voters;
  how.node.membership.resolving.how.kind = membership::downing::lease_majority;
  return how;
}

std::vector<storage::key_value> kept(simulation& sim, std::size_t by) {
  const storage::question all{storage::get{storage::prefix("/troupe/downing/")}};
  auto got = troupe::laboratory::ask<consensus::reply>(sim, sim[by], sim[by].log(), 10s,
                                                       consensus::question{troupe::encode(all), false});
  REQUIRE_MESSAGE(got, troupe::sentence_of(got.error()));
  return std::get<storage::got>(troupe::decode<storage::reply>(got->bytes)->what).items;
}
std::size_t holders(simulation& sim, std::size_t by) {
  std::size_t n = 0;
  for (const auto& kv : kept(sim, by)) n += kv.key.ends_with("/holder") ? 1 : 0;
  return n;
}
std::vector<std::string> dead(simulation& sim, std::size_t by) {
  std::vector<std::string> all;
  for (const auto& kv : kept(sim, by)) {
    if (!kv.key.ends_with("/dead")) continue;
    const auto read = troupe::decode<membership::lease_dead>(kv.value);
    REQUIRE(read);
    for (const auto& id : read->all) all.push_back(id.name);
  }
  std::sort(all.begin(), all.end());
  return all;
}

bool up(simulation& sim, const node_ids& those) {
  return sim.all_of(those, [&](auto& n) { return n.lives() == 1 && n.members().up() == those.size(); });
}
bool reborn(simulation& sim, const node_ids& those) {
  return sim.all_of(those, [](auto& n) { return n.lives() == 2; });
}
}  // namespace

TEST_CASE("downing lease simulation: the side with the log's majority lives, and the next cut is decided too") {
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    simulation sim{seed, lease_majority()};
    sim.start(5);
    REQUIRE(sim.run_until_up(5, 20s));
    // The first three found the log by then; they are its voters.
    REQUIRE(sim.run_until([&] { return kept(sim, 4).empty(); }, 10s));
    sim.partition({0, 1}, {2, 3, 4});
    sim.run_for(30s);
    CHECK(up(sim, {0, 1}));  // two of three voters, and a minority of the members
    CHECK(reborn(sim, {2, 3, 4}));
    CHECK(dead(sim, 0) == std::vector<std::string>{"c", "d", "e"});
    sim.heal();
    REQUIRE(sim.run_until_up(5, 90s));
    REQUIRE(sim.run_until([&] { return holders(sim, 4) == 0; }, 60s));  // it has freed itself
    const auto lives = sim[3].lives();
    sim.partition({0, 3}, {1, 2, 4});
    sim.run_for(30s);
    CHECK(sim.all_of({1, 2, 4}, [](auto& n) { return n.members().up() == 3; }));
    CHECK(sim[0].lives() == 2);
    CHECK(sim[3].lives() == lives + 1);
    sim.heal();
    CHECK(sim.run_until_up(5, 90s));
    CHECK(sim.complaints().empty());
  }
}

TEST_CASE("downing lease simulation: apart in three, nobody has the log's majority, and all begin anew") {
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    simulation sim{seed, lease_majority()};
    sim.start(3);
    REQUIRE(sim.run_until_up(3, 20s));
    REQUIRE(sim.run_until([&] { return kept(sim, 2).empty(); }, 10s));
    sim.partition({0}, {1, 2});
    sim.partition({1}, {2});
    sim.run_for(40s);
    CHECK(reborn(sim, {0, 1, 2}));
    sim.heal();
    CHECK(sim.run_until_up(3, 120s));
    CHECK(sim.complaints().empty());
  }
}

TEST_CASE("downing lease simulation: a killed leader of the log is downed by the others") {
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    simulation sim{seed, lease_majority()};
    sim.start(3);
    REQUIRE(sim.run_until_up(3, 20s));
    REQUIRE(sim.run_until([&] { return kept(sim, 2).empty(); }, 10s));
    for (std::size_t victim = 0; victim < 3; ++victim) {
      sim.kill(victim);
      const node_ids rest{(victim + 1) % 3, (victim + 2) % 3};
      CHECK(sim.run_until(
          [&] { return sim.all_of(rest, [](auto& n) { return n.members().find("a") != nullptr && n.members().up() == 2; }); }, 15s));
      sim.run_for(2s);
      for (const auto i : rest) CHECK(sim[i].running());
      sim.restart(victim);
      REQUIRE(sim.run_until_up(3, 60s));
    }
    CHECK(sim.complaints().empty());
  }
}

TEST_CASE("downing lease simulation: without a log nobody gets it, and the side goes down") {
  simulation sim{1, lease_majority(0)};
  sim.start(3);
  REQUIRE(sim.run_until_up(3, 20s));
  sim.kill(2);
  CHECK(sim.run_until([&] { return reborn(sim, {0, 1}); }, 30s));
}

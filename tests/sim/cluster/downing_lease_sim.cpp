// lease-majority on whole nodes: the side that reaches the replicated log's majority lives, however small it is.
#include "actors/consensus/protocol.hpp"
#include "cluster/replicated_log.hpp"
#include "cluster/simulator.hpp"
#include "cluster/simulator_probe.hpp"
#include "patterns/encoding.hpp"
#include "patterns/membership/arbiter.hpp"
#include "patterns/storage/map_messages.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "seeds.hpp"

#include <algorithm>
#include <chrono>
#include <functional>

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

// So many members, the voters first: whichever three met first. The log has begun, then.
node_ids begun(simulation& sim, std::size_t members) {
  sim.start(members);
  REQUIRE(sim.run_until_up(members, 20s));
  node_ids voters, others;
  REQUIRE(sim.run_until(
      [&] {
        const auto got = troupe::laboratory::ask<consensus::group_status>(sim, sim[0], sim[0].gateway(), 5s,
                                                                          troupe::log_status_query{});
        if (!got || got->leader.empty()) return false;
        voters.clear(), others.clear();
        for (std::size_t i = 0; i < sim.size(); ++i) {
          const auto& all = got->config.voters;
          const bool votes = std::any_of(all.begin(), all.end(), [&](const auto& v) { return v.name == sim[i].name(); });
          (votes ? voters : others).push_back(i);
        }
        return voters.size() == 3;
      },
      20s));
  voters.insert(voters.end(), others.begin(), others.end());
  return voters;
}
std::vector<std::size_t> lives_of(simulation& sim, const node_ids& those) {
  std::vector<std::size_t> all;
  for (const auto i : those) all.push_back(sim[i].lives());
  return all;
}
bool all_above(const std::vector<std::size_t>& lives, const std::vector<std::size_t>& before) {
  return std::equal(lives.begin(), lives.end(), before.begin(), before.end(), std::greater<>{});
}
bool up(simulation& sim, const node_ids& those) {
  return sim.all_of(those, [&](auto& n) { return n.members().up() == those.size(); });
}
}  // namespace

TEST_CASE("downing lease simulation: the side with the log's majority lives, and the next cut is decided too") {
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    simulation sim{seed, lease_majority()};
    const auto n = begun(sim, 5);
    const auto cut = [&](const node_ids& stays, const node_ids& goes) {
      const auto before = lives_of(sim, stays), lost = lives_of(sim, goes);
      sim.partition(stays, goes);
      sim.run_for(30s);
      CHECK(up(sim, stays));
      CHECK(lives_of(sim, stays) == before);
      CHECK(all_above(lives_of(sim, goes), lost));  // one that is built anew beside one yet to go goes with it
      sim.heal();
      REQUIRE(sim.run_until_up(5, 90s));
    };
    cut({n[0], n[1]}, {n[2], n[3], n[4]});  // two of three voters, and a minority of the members
    CHECK(dead(sim, n[0]).size() == 3);
    REQUIRE(sim.run_until([&] { return holders(sim, n[4]) == 0; }, 60s));  // it has freed itself
    cut({n[1], n[2], n[4]}, {n[0], n[3]});
    cut({n[0], n[2], n[3]}, {n[1], n[4]});  // at once: it is held by two of them
    CHECK(dead(sim, n[0]).size() == 7);
    CHECK(sim.complaints().empty());
  }
}

TEST_CASE("downing lease simulation: apart in three, nobody has the log's majority, and all begin anew") {
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    simulation sim{seed, lease_majority()};
    begun(sim, 3);
    sim.partition({0}, {1, 2});
    sim.partition({1}, {2});
    sim.run_for(40s);
    CHECK(lives_of(sim, {0, 1, 2}) == std::vector<std::size_t>{2, 2, 2});
    sim.heal();
    CHECK(sim.run_until_up(3, 120s));
    CHECK(sim.complaints().empty());
  }
}

TEST_CASE("downing lease simulation: whichever voter is killed, the others down it") {
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    simulation sim{seed, lease_majority()};
    begun(sim, 3);
    for (std::size_t victim = 0; victim < 3; ++victim) {
      const node_ids rest{(victim + 1) % 3, (victim + 2) % 3};
      const auto before = lives_of(sim, rest);
      sim.kill(victim);
      CHECK(sim.run_until([&] { return up(sim, rest); }, 15s));
      CHECK(lives_of(sim, rest) == before);
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
  CHECK(sim.run_until([&] { return sim[0].lives() == 2 && sim[1].lives() == 2; }, 30s));
}

// The replicated map on whole nodes: founded, written to, voters killed and cut off, and nothing that was acknowledged lost.
#include "actors/consensus/protocol.hpp"
#include "cluster/replicated_log.hpp"
#include "cluster/simulator.hpp"
#include "cluster/simulator_probe.hpp"
#include "patterns/encoding.hpp"
#include "patterns/storage/map_messages.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "seeds.hpp"

#include <chrono>
#include <set>

#include <caf/all.hpp>
#include <doctest/doctest.h>
namespace {
using namespace std::chrono_literals;
using troupe::decode, troupe::encode, troupe::sentence_of;
using troupe::laboratory::simulation, troupe::laboratory::simulation_options;
namespace consensus = troupe::consensus;
namespace storage = troupe::storage;

simulation_options three_voters() {
  simulation_options how;
  how.node.consensus.bootstrap_expect = 3;
  return how;
}

caf::expected<storage::reply> change(simulation& sim, std::size_t by, const storage::command& what) {
  auto got = troupe::laboratory::ask<consensus::reply>(sim, sim[by], sim[by].log(), 10s, consensus::command{encode(what)});
  if (!got) return got.error();
  return *decode<storage::reply>(got->bytes);
}
std::set<std::string> keys(simulation& sim, std::size_t by) {
  auto got = troupe::laboratory::ask<consensus::reply>(sim, sim[by], sim[by].log(), 10s,
                                   consensus::question{encode(storage::question{storage::get{storage::prefix("")}}), false});
  std::set<std::string> found;
  REQUIRE_MESSAGE(got, sentence_of(got.error()));
  const auto said = *decode<storage::reply>(got->bytes);
  for (const auto& kv : std::get<storage::got>(said.what).items) found.insert(kv.key);
  return found;
}
// Whom the leader has not heard for half a second, of the others that run.
std::string unheard(simulation& sim) {
  const auto got = troupe::laboratory::ask<consensus::group_status>(sim, sim[0], sim[0].gateway(), 5s, troupe::log_status_query{});
  if (!got) return sentence_of(got.error());
  std::string those;
  for (const auto& f : got->followers)
    if (f.heard_ms > 500) those += f.name + " ";
  return those;
}
}  // namespace

TEST_CASE("map simulation: three of five found it, and each of the five can use it") {
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    simulation sim{seed, three_voters()};
    sim.start(5);
    REQUIRE(sim.run_until_up(5, 20s));
    std::set<std::string> all;
    for (std::size_t i = 0; i < 5; ++i) {
      const auto key = std::string(1, static_cast<char>('k' + i));
      const auto done = change(sim, i, storage::put{key, "v", 0, false, false});
      REQUIRE_MESSAGE(done, sentence_of(done.error()));
      all.insert(key);
      CHECK(keys(sim, 4 - i) == all);
    }
    CHECK(sim.complaints().empty());
  }
}

TEST_CASE("map simulation: what was acknowledged outlives kills of any node and of all at once") {
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    simulation sim{seed, three_voters()};
    sim.start(3);
    REQUIRE(sim.run_until_up(3, 20s));
    std::set<std::string> all;
    troupe::simulation::generator chance{seed};
    for (std::size_t round = 0; round < 6; ++round) {
      const auto victim = static_cast<std::size_t>(chance() % 3);
      for (int i = 0; i < 3; ++i) {
        const auto key = std::to_string(round) + "-" + std::to_string(i);
        const auto by = static_cast<std::size_t>(chance() % 3);
        if (!sim[by].running()) continue;
        if (i == 1) sim.after(std::chrono::microseconds{chance() % 3'000}, [&sim, victim] { sim.kill(victim); });
        const auto done = change(sim, by, storage::put{key, "v", 0, false, false});
        if (done) all.insert(key);
      }
      sim.run_for(1s);
      if (round == 3)
        for (std::size_t n = 0; n < 3; ++n) sim.kill(n);
      for (std::size_t n = 0; n < 3; ++n)
        if (!sim[n].running()) sim.restart(n);
      REQUIRE(sim.run_until_up(3, 60s));
      const auto found = keys(sim, victim);
      for (const auto& key : all) CHECK_MESSAGE(found.contains(key), key);
    }
    CHECK(sim.complaints().empty());
  }
}

// A node that is back at once meets peers that do not know yet that its former life has ended.
TEST_CASE("map simulation: a voter that was killed follows again, however soon it is back") {
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    simulation sim{seed, three_voters()};
    sim.start(3);
    REQUIRE(sim.run_until_up(3, 20s));
    troupe::simulation::generator chance{seed};
    for (int round = 0; round < 8; ++round) {
      CAPTURE(round);
      const auto victim = static_cast<std::size_t>(chance() % 3);
      sim.kill(victim);
      sim.run_for(std::chrono::milliseconds{chance() % 2 == 0 ? chance() % 100 : chance() % 4'000});
      sim.restart(victim);
      REQUIRE(sim.run_until_up(3, 60s));
      sim.run_for(3s);
      CHECK_MESSAGE(unheard(sim).empty(), "the leader does not hear of ", unheard(sim));
    }
    CHECK(sim.complaints().empty());
  }
}

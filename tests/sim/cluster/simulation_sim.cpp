// The simulator itself: whole nodes that meet, part, die and come back, and runs that repeat themselves.
#include "cluster/simulator.hpp"
#include "cluster/simulator_probe.hpp"
#include "seeds.hpp"

#include <chrono>

#include <doctest/doctest.h>
namespace {
using namespace troupe::laboratory;
using namespace std::chrono_literals;

simulation_options keep_majority() {
  simulation_options how;
  how.node.membership.resolving.how.kind = troupe::membership::downing::keep_majority;
  return how;
}
}  // namespace

TEST_CASE("simulation: a partition, as its header tells it") {
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    simulation sim{seed, keep_majority()};
    auto nodes = sim.start(5);
    REQUIRE(sim.run_until_up(5, 20s));
    sim.partition({0, 1}, {2, 3, 4});
    sim.run_for(30s);
    CHECK(sim.all_of({2, 3, 4}, [](auto& n) { return n.members().up() == 3; }));
    CHECK(sim.all_of({0, 1}, [](auto& n) { return n.lives() == 2; }));  // downed, and built anew
    sim.heal();
    CHECK(sim.run_until_up(5, 60s));
    CHECK(sim.complaints().empty());
  }
}

TEST_CASE("simulation: killed, powered off, frozen, restarted") {
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    simulation sim{seed};
    sim.start(5);
    REQUIRE(sim.run_until_up(5, 20s));
    const auto before = sim[1].incarnation();
    sim.kill(1);
    CHECK(!sim[1].running());
    CHECK(sim.run_until([&] { return sim[0].members().find("b")->reach == "unreachable"; }, 2s));
    sim.restart(1);
    CHECK(sim.run_until_up(5, 30s));
    CHECK(sim[1].incarnation() != before);
    sim.power_off(2);
    CHECK(sim.run_until([&] { return sim[0].members().up() == 4; }, 5s));
    sim.restart(2);
    CHECK(sim.run_until_up(5, 60s));
    sim.freeze(3);
    CHECK(sim.run_until([&] { return sim[0].members().up() == 4; }, 5s));
    sim.thaw(3);
    CHECK(sim.run_until_up(5, 60s));
    CHECK(sim[3].lives() == 1);  // nothing downed it: it is back as it was
    sim.leave(4);
    CHECK(sim.run_until([&] { return !sim[4].running(); }, 10s));
    CHECK(sim.run_until_up(4, 20s));
    CHECK(sim.complaints().empty());
  }
}

TEST_CASE("simulation: the same seed is the same run, another is another") {
  const auto run = [](std::uint64_t seed) {
    simulation sim{seed, keep_majority()};
    sim.start(3);
    sim.run_for(5s);
    sim.kill(0);
    sim.partition({1}, {2});
    sim.run_for(5s);
    sim.heal();
    sim.restart(0);
    sim.run_for(20s);
    return std::pair{sim.digest(), sim.events()};
  };
  const auto once = run(7), again = run(7), other = run(8);
  CHECK(once.first == again.first);
  CHECK(once.second == again.second);
  CHECK(once.first != other.first);
}

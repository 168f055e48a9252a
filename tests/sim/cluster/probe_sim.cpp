// Probes in virtual time; and what keeps a run from repeating itself is found, and named.
#include "cluster/simulation_campaign.hpp"
#include "cluster/simulator_probe.hpp"
#include "runtime/simulator.hpp"

#include <chrono>

#include <doctest/doctest.h>
namespace {
using namespace troupe::laboratory;
using namespace std::chrono_literals;
using late_atom = caf::atom_constant<caf::atom("late")>;

caf::behavior doubler(caf::event_based_actor* self) {
  return {
      [](int x) { return 2 * x; },
      [=](late_atom) { self->delayed_send(caf::actor_cast<caf::actor>(self->current_sender()), 10s, 7); },
      [=](const std::string&) { self->quit(caf::exit_reason::user_shutdown); },
  };
}
}  // namespace

TEST_CASE("probe: what comes, in virtual time") {
  simulator sim{1};
  const auto a = sim.spawn(doubler);
  auto p = sim.watch();
  p.send(a, 21);
  CHECK(p.expect<int>(1s) == 42);
  p.send(a, late_atom::value);
  CHECK(p.nothing_within(9s));
  CHECK(p.expect<int>(2s) == 7);
  CHECK(sim.now() >= 10s);
  p.send(a, 1);
  CHECK(!p.expect<std::string>(1s));  // it is another
  CHECK(p.next() == "(2)");
  p.monitor(a);
  p.send(a, std::string{"end"});
  CHECK(p.await<caf::down_msg>(1s)->reason == caf::exit_reason::user_shutdown);
  CHECK(*sim.ask<int>(sim.spawn(doubler), 4) == 8);
}

TEST_CASE("simulation: an actor with a thread of its own is named") {
  simulation sim{1};
  sim.start(1);
  sim.run_for(1s);
  CHECK(sim.complaints().empty());
  sim[0].system().spawn([](caf::event_based_actor* self) -> caf::behavior {
    self->spawn<caf::detached + caf::linked>([](caf::event_based_actor*) -> caf::behavior { return {[](int) {}}; });
    return {[](int) {}};
  });
  sim.run_for(1s);
  REQUIRE(sim.complaints().size() == 1);
  CHECK(sim.complaints().front().find("a thread of its own") != std::string::npos);
  CHECK(sim.judged().claim == "the run can be simulated");
}

TEST_CASE("simulation: what a run has from the one before is found, with the message where two runs part") {
  campaign_options how;
  how.seeds = how.members = 1;
  how.length = how.calm = 1s;
  how.runs_max = 3;
  const auto found = campaign(how, [](simulation& sim, const plan& faults) {
    sim.start(1, [](troupe::local_node& n) {
      const auto to = n.own(n.system().spawn(doubler));
      static int runs = 0;  // outlives the run
      caf::anon_send(to, ++runs);
    });
    sim.run(faults);
  });
  REQUIRE(found.failed);
  CHECK(found.what.claim == "the same seed gives the same run");
  CHECK(found.what.what.find("first where one has") != std::string::npos);
}

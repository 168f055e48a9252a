// How much faster than real the simulator's ring 2 is: virtual seconds to a second of processor time, for whole nodes
// that are idle, and that send each other messages. One thread.
#include "cluster/receptionist.hpp"
#include "cluster/simulator.hpp"
#include "runtime/codec/inspect.hpp"

#include <chrono>
#include <cstdio>
#include <ctime>
#include <string>

using namespace std::chrono_literals;
using namespace troupe::laboratory;
namespace {
using ball_atom = caf::atom_constant<caf::atom("ball")>;
using serve_atom = caf::atom_constant<caf::atom("serve")>;

// Sends to each of the others ten messages a second of 100 bytes, and answers those that come.
caf::behavior player(caf::event_based_actor* self, caf::actor receptionist) {
  self->send(receptionist, troupe::register_service{"player", self});
  self->send(receptionist, troupe::subscribe_service{"player", self});
  auto others = std::make_shared<std::vector<caf::actor>>();
  self->delayed_send(self, 100ms, serve_atom::value);
  return {
      [=](const troupe::service_listing& all) { *others = all.who; },
      [=](serve_atom) {
        for (const auto& other : *others)
          if (other != self) self->send(other, ball_atom::value, std::string(100, 'x'));
        self->delayed_send(self, 100ms, serve_atom::value);
      },
      [=](ball_atom, const std::string&) {},
  };
}

void measure(const std::string& name, std::size_t nodes, const starter& on_start) {
  simulation_options how;
  how.keep_events = false;
  simulation sim{1, how};
  sim.start(nodes, on_start);
  if (!sim.run_until_up(nodes, 60s)) std::printf("%s: no cluster\n", name.c_str());
  const auto start = std::clock();
  const auto from = sim.now();
  const auto steps = sim.steps();
  double took = 0;
  while (took < 2) {
    sim.run_for(10s);
    took = static_cast<double>(std::clock() - start) / static_cast<double>(CLOCKS_PER_SEC);
  }
  const auto figure = [&](const char* what, double value, const char* unit) {
    std::printf("{\"figure\":\"%s_%s\",\"value\":%.1f,\"unit\":\"%s\"}\n", name.c_str(), what, value, unit);
  };
  figure("virtual_time", std::chrono::duration<double>(sim.now() - from).count() / took, "s/s");
  figure("steps", static_cast<double>(sim.steps() - steps) / took, "1/s");
}
}  // namespace

int main() {
  const auto plays = [](troupe::local_node& n) {
    n.own(n.system().spawn(player, n.receptionist()));
  };
  measure("five_idle_nodes", 5, {});
  measure("five_nodes_200_messages_a_second", 5, plays);
  measure("twenty_idle_nodes", 20, {});
}

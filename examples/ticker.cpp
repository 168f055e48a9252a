// A ticker that runs on one node at a time: the leader's. When that node dies, or is cut off, another goes on.
//   ticker NAME PORT DIRECTORY [SEED]     one of three nodes; SEED is another's HOST:PORT
// Try it: `ticker a 4711 /tmp/a`, `ticker b 4712 /tmp/b 127.0.0.1:4711`, `ticker c 4713 /tmp/c 127.0.0.1:4711` in three
// terminals; then kill -9, or kill -STOP, the one that ticks. The token rises with each leader: what a ticker does to the
// world outside should carry it, and be refused there once a higher one was seen (patterns/consensus/fence.hpp).
#include <chrono>
#include <iostream>
#include <string>

#include <caf/all.hpp>
#include <troupe/actors/election/singleton.hpp>
#include <troupe/cluster/node.hpp>

using namespace std::chrono_literals;
using tick_atom = caf::atom_constant<caf::atom("tick")>;

caf::behavior ticker(caf::event_based_actor* self, std::string node, std::uint64_t token) {
  self->send(self, tick_atom::value);
  return {
      [=](tick_atom) {
        std::cout << node << " ticks with token " << token << std::endl;
        self->delayed_send(self, 200ms, tick_atom::value);
      },
  };
}

int main(int argc, char** argv) {
  if (argc != 4 && argc != 5) return std::cerr << "usage: ticker NAME PORT DIRECTORY [SEED]\n", 2;
  troupe::node_settings settings;
  settings.name = argv[1];
  settings.listen = std::string{"127.0.0.1:"} + argv[2];
  settings.data = argv[3];
  if (argc == 5) settings.seeds = {argv[4]};
  settings.consensus.bootstrap_expect = 3;
  troupe::node node{settings, [](troupe::node& n) {
                      n.own(troupe::election::spawn_singleton(
                          n.system(), n.log(), {.name = "ticker", .node = n.name()},
                          [name = n.name()](caf::actor_system& system, std::uint64_t token) {
                            return system.spawn(ticker, name, token);
                          }));
                    }};
  return static_cast<int>(node.run());
}

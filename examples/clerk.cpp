// One clerk in the whole cluster, found by its name: every node would have it, one has, and all of them ask it.
//   clerk NAME PORT DIRECTORY [SEED]     one of three nodes; SEED is another's HOST:PORT
// Try it: `clerk a 4711 /tmp/a`, `clerk b 4712 /tmp/b 127.0.0.1:4711`, `clerk c 4713 /tmp/c 127.0.0.1:4711` in three
// terminals; then kill -9 the one that all of them ask. Another has the name after the lease, 5 s, with a higher token.
#include <chrono>
#include <iostream>
#include <string>

#include <caf/all.hpp>
#include <troupe/actors/storage/names.hpp>
#include <troupe/cluster/node.hpp>
#include <troupe/runtime/codec/inspect.hpp>

using namespace std::chrono_literals;

struct desk {
  std::uint64_t token = 0;  // 0: another has the name
};
caf::behavior clerk(caf::stateful_actor<desk>* self, std::string node, caf::actor names) {
  self->send(self, caf::tick_atom::value);
  return {
      [=](caf::tick_atom) {
        self->request(names, 10s, troupe::take_name{"clerk", self})
            .then([=](const troupe::name_taken& t) { self->state.token = t.token; },
                  [=](const caf::error&) { self->delayed_send(self, 500ms, caf::tick_atom::value); });
      },
      [=](const troupe::name_lost&) {  // when this returns, another may begin
        self->state.token = 0;
        self->delayed_send(self, 500ms, caf::tick_atom::value);
      },
      [=](caf::get_atom) { return node + " with token " + std::to_string(self->state.token); },
  };
}

caf::behavior customer(caf::event_based_actor* self, caf::actor names) {
  self->send(self, caf::tick_atom::value);
  return {
      [=](caf::tick_atom) {
        self->delayed_send(self, 300ms, caf::tick_atom::value);
        self->request(names, 10s, troupe::find_name{"clerk"})
            .then(
                [=](const troupe::name_found& f) {
                  self->request(f.who, 5s, caf::get_atom::value)
                      .then([](const std::string& who) { std::cout << "served by " << who << std::endl; },
                            [](const caf::error&) {});
                },
                [](const caf::error&) {});  // nobody at the moment
      },
  };
}

int main(int argc, char** argv) {
  if (argc != 4 && argc != 5) return std::cerr << "usage: clerk NAME PORT DIRECTORY [SEED]\n", 2;
  troupe::node_settings settings;
  settings.name = argv[1];
  settings.listen = std::string{"127.0.0.1:"} + argv[2];
  settings.data = argv[3];
  if (argc == 5) settings.seeds = {argv[4]};
  settings.consensus.bootstrap_expect = 3;
  troupe::node node{settings, [](troupe::node& n) {
                      n.own(n.system().spawn(clerk, n.name(), n.names()));
                      n.own(n.system().spawn(customer, n.names()));
                    }};
  return static_cast<int>(node.run());
}

// An actor of one's own on a cluster: it registers, others discover it, call it from their processes, and go on with
// another one when it dies.
//   counter serve NAME PORT [SEED]   a node with a counter that anybody may raise
//   counter call  NAME SEED COUNT    a node that raises any counter there is, COUNT times
// Try it: three terminals, `counter serve a 4711`, `counter serve b 4712 127.0.0.1:4711`, `counter call c
// 127.0.0.1:4711 100`; and end one of the servers with kill -9 while the calls go on.
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>

#include <caf/all.hpp>
#include <troupe/cluster/node.hpp>
#include <troupe/cluster/receptionist.hpp>
#include <troupe/runtime/codec/inspect.hpp>

using namespace std::chrono_literals;
using raise_atom = caf::atom_constant<caf::atom("raise")>;

struct counter_state {
  std::uint64_t count = 0;
};

caf::behavior counter(caf::stateful_actor<counter_state>* self, std::string node,
                      caf::actor receptionist) {
  self->send(receptionist, troupe::register_service{"counter", self});
  return {
      [=](raise_atom) { return node + " has counted to " + std::to_string(++self->state.count); },
  };
}

int serve(const std::string& name, const std::string& port, const char* seed) {
  troupe::node_settings settings;
  settings.name = name;
  settings.listen = "127.0.0.1:" + port;
  if (seed) settings.seeds = {seed};
  troupe::node node{settings, [](troupe::node& n) {  // again, if the cluster had taken us for dead
                      n.own(n.system().spawn(counter, n.name(), n.receptionist()));
                    }};
  return static_cast<int>(node.run());
}

int call(const std::string& name, const std::string& seed, int count) {
  troupe::node_settings settings;
  settings.name = name;
  settings.seeds = {seed};
  troupe::node node{settings};
  if (const auto started = node.start(); !started) return std::cerr << started.error() << '\n', 1;
  if (!node.wait_until_up(10s)) return std::cerr << "no cluster answers at " << seed << '\n', 3;
  for (int done = 0, tries = 0; done < count;) {
    if (node.stop_requested(100ms)) return std::cerr << "interrupted\n", 1;
    if (++tries > 10 * count + 100) return std::cerr << "nobody counts\n", 1;
    caf::scoped_actor self{node.system()};  // of this life of the node: it may be built anew
    caf::actor any;
    self->request(node.receptionist(), 1s, troupe::find_service{"counter"})
        .receive(
            [&](const troupe::service_listing& all) {
              if (!all.who.empty()) any = all.who.front();
            },
            [](const caf::error&) {});
    if (!any) continue;
    self->request(any, 1s, raise_atom::value)
        .receive([&](const std::string& said) { std::cout << said << std::endl, ++done; },
                 [](const caf::error& e) {
                   std::cout << "again: " << troupe::sentence_of(e) << std::endl;
                 });
  }
  return 0;
}

int main(int argc, char** argv) {
  const std::string verb = argc > 1 ? argv[1] : "";
  if (verb == "serve" && (argc == 4 || argc == 5)) return serve(argv[2], argv[3], argv[4]);
  if (verb == "call" && argc == 5) return call(argv[2], argv[3], std::atoi(argv[4]));
  std::cerr << "usage: counter serve NAME PORT [SEED] | counter call NAME SEED COUNT\n";
  return 2;
}

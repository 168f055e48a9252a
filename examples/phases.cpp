// A computation in phases: three nodes smooth a ring of numbers, each a third of it, and none goes into a phase before all
// have written what they found in the one before.
//   phases NAME PORT DIRECTORY [SEED]     one of three nodes; SEED is another's HOST:PORT
// Try it: `phases a 4711 /tmp/a`, `phases b 4712 /tmp/b 127.0.0.1:4711`, `phases c 4713 /tmp/c 127.0.0.1:4711` in three
// terminals. Each prints what it read in each phase: the numbers of one phase, whole, the same at all three. Where one dies the
// barrier is broken: the others say so, and stop.
#include <chrono>
#include <iostream>
#include <string>

#include <caf/all.hpp>
#include <troupe/actors/lock/barrier.hpp>
#include <troupe/actors/storage/map_client.hpp>
#include <troupe/cluster/node.hpp>
#include <troupe/runtime/codec/inspect.hpp>
#include <troupe/runtime/error.hpp>

using namespace std::chrono_literals;
namespace lock = troupe::lock;
namespace storage = troupe::storage;
constexpr int parties = 3, phases = 10;

struct desk {
  int phase = 0;
  double own = 0, next = 0;
};
caf::behavior worker(caf::stateful_actor<desk>* self, int place, caf::actor barrier, storage::map_actor map) {
  self->state.own = 100.0 * place;
  const auto later = [=](caf::error) { self->delayed_send(self, 500ms, caf::tick_atom::value); };  // the map is not there yet
  const auto broken = [=](const caf::error& why) {
    std::cout << "broken: " << troupe::sentence_of(why) << std::endl;
    self->quit();
  };
  self->send(self, caf::tick_atom::value);
  return {
      [=](caf::tick_atom) {  // write the own number, and wait until all have
        const auto& d = self->state;
        const storage::put own{"ring/" + std::to_string(d.phase) + "/" + std::to_string(place), std::to_string(d.own)};
        self->request(map, 10s, own)
            .then([=](storage::revision, const storage::put_done&) { self->send(self, caf::join_atom::value); }, later);
      },
      [=](caf::join_atom) {
        self->request(barrier, caf::infinite, lock::enter_barrier{})
            .then([=](const lock::entered_barrier&) { self->send(self, caf::get_atom::value); }, broken);
      },
      [=](caf::get_atom) {  // read all of them, and wait until all have
        const auto of = "ring/" + std::to_string(self->state.phase) + "/";
        self->request(map, 10s, storage::get{storage::prefix(of)})
            .then(
                [=](storage::revision, const storage::got& all) {
                  auto& d = self->state;
                  double sum = 0;
                  std::cout << "phase " << d.phase << ":";
                  for (const auto& kv : all.items) {
                    std::cout << ' ' << kv.value;
                    sum += std::stod(kv.value);
                  }
                  std::cout << std::endl;
                  d.next = (d.own + sum / parties) / 2;
                  self->send(self, caf::leave_atom::value);
                },
                [=](const caf::error&) { self->delayed_send(self, 500ms, caf::get_atom::value); });
      },
      [=](caf::leave_atom) {
        self->request(barrier, caf::infinite, lock::leave_barrier{})
            .then(
                [=](const lock::left_barrier&) {
                  auto& d = self->state;
                  d.own = d.next;
                  if (++d.phase < phases) self->send(self, caf::tick_atom::value);
                },
                broken);
      },
      [=](const lock::barrier_broken&) {},  // what was asked for ends with an error
  };
}

int main(int argc, char** argv) {
  if (argc != 4 && argc != 5) return std::cerr << "usage: phases NAME PORT DIRECTORY [SEED]\n", 2;
  troupe::node_settings settings;
  settings.name = argv[1];
  settings.listen = std::string{"127.0.0.1:"} + argv[2];
  settings.data = argv[3];
  if (argc == 5) settings.seeds = {argv[4]};
  settings.consensus.bootstrap_expect = 3;
  troupe::node node{settings, [](troupe::node& n) {
                      const auto map = storage::spawn_map(n.system(), n.log());
                      n.own(caf::actor_cast<caf::actor>(map));
                      const auto barrier = lock::spawn_barrier(
                          n.system(), lock::spawn_map_store(n.system(), n.log(), {.prefer = n.name()}),
                          {.core = {.name = "phase", .parties = parties}});
                      n.own(barrier);
                      n.own(n.system().spawn(worker, n.name().front() % parties, barrier, map));
                    }};
  return static_cast<int>(node.run());
}

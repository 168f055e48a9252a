// Programs that share a file under a lock, and a file that refuses who does not know yet that it has lost it.
//   ledger FILE NAME PORT DIRECTORY [SEED]     one of three nodes; SEED is another's HOST:PORT
// Try it: `ledger /tmp/l a 4711 /tmp/a`, `ledger /tmp/l b 4712 /tmp/b 127.0.0.1:4711`, `ledger /tmp/l c 4713 /tmp/c
// 127.0.0.1:4711` in three terminals; then kill -STOP the one that writes for ten seconds, and kill -CONT it: another has
// written meanwhile, and what the woken one writes first is refused by the file, if it comes at all.
#include <chrono>
#include <fstream>
#include <iostream>
#include <string>

#include <caf/all.hpp>
#include <fcntl.h>
#include <sys/file.h>
#include <troupe/actors/lock/locks.hpp>
#include <troupe/cluster/node.hpp>
#include <troupe/runtime/codec/inspect.hpp>
#include <troupe/runtime/error.hpp>
#include <unistd.h>

using namespace std::chrono_literals;
namespace lock = troupe::lock;

// A line is a fence and a text. One below the last fence is refused.
bool append(const std::string& path, std::uint64_t fence, const std::string& text) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 || ::flock(file, LOCK_EX) != 0) return false;
  std::ifstream before{path};
  std::uint64_t highest = 0, each = 0;
  for (std::string rest; before >> each && std::getline(before, rest);) highest = std::max(highest, each);
  const bool may = fence >= highest;
  if (may) std::ofstream{path, std::ios::app} << fence << ' ' << text << std::endl;
  ::close(file);
  return may;
}

struct desk {
  std::uint64_t fence = 0;  // 0: it does not hold the lock
  int page = 0;
};
caf::behavior bookkeeper(caf::stateful_actor<desk>* self, std::string node, std::string path, caf::actor locks) {
  self->send(self, caf::get_atom::value);
  return {
      [=](caf::get_atom) {
        self->request(locks, caf::infinite, lock::take{.name = "ledger"})
            .then(
                [=](const lock::taken& t) {
                  self->state = {t.fence, 0};
                  self->send(self, caf::tick_atom::value);
                },
                [=](const caf::error& why) {
                  std::cerr << node << ": " << troupe::sentence_of(why) << std::endl;
                  self->delayed_send(self, 500ms, caf::get_atom::value);
                });
      },
      [=](caf::tick_atom) {
        auto& d = self->state;
        if (d.fence == 0) return;  // lost meanwhile
        const bool written = append(path, d.fence, node + " page " + std::to_string(++d.page));
        std::cout << node << (written ? " writes" : " is refused") << " with fence " << d.fence << std::endl;
        if (written && d.page < 5) return self->delayed_send(self, 100ms, caf::tick_atom::value);
        d.fence = 0;
        self->request(locks, caf::infinite, lock::put_back{"ledger"}).then([](const lock::returned&) {});
        self->send(self, caf::get_atom::value);
      },
      [=](const lock::lock_lost& l) {  // before another can have it
        std::cerr << node << ": lost (" << l.why << ")" << std::endl;
        if (self->state.fence == l.fence) self->send(self, caf::get_atom::value);
        self->state.fence = 0;
      },
  };
}

int main(int argc, char** argv) {
  if (argc != 5 && argc != 6) return std::cerr << "usage: ledger FILE NAME PORT DIRECTORY [SEED]\n", 2;
  troupe::node_settings settings;
  settings.name = argv[2];
  settings.listen = std::string{"127.0.0.1:"} + argv[3];
  settings.data = argv[4];
  if (argc == 6) settings.seeds = {argv[5]};
  settings.consensus.bootstrap_expect = 3;
  troupe::node node{settings, [file = std::string{argv[1]}](troupe::node& n) {
                      const auto locks =
                          lock::spawn_locks(n.system(), lock::spawn_map_store(n.system(), n.log(), {.prefer = n.name()}),
                                            {.owner = n.name(), .session = {.ttl = 3s}});
                      n.own(n.system().spawn(bookkeeper, n.name(), file, n.own(locks)));
                    }};
  return static_cast<int>(node.run());
}

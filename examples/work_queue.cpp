// A queue of work that one node keeps, the leader, and all of them work off: what is in it and what was done stand in the
// replicated map, so that the next leader goes on where the last one was.
//   work_queue NAME PORT DIRECTORY [SEED]     one of three nodes; SEED is another's HOST:PORT
// Try it: `work_queue a 4711 /tmp/a`, and b and c in two more terminals with the first as SEED; then give it work,
// `troupe kv put work/1 hello --at 127.0.0.1:4711`, kill -9 whom you like, and read `troupe kv list done/`.
#include <cctype>
#include <chrono>
#include <deque>
#include <iostream>
#include <map>
#include <string>

#include <caf/all.hpp>
#include <troupe/actors/storage/map_client.hpp>
#include <troupe/actors/storage/names.hpp>
#include <troupe/cluster/node.hpp>
#include <troupe/runtime/codec/inspect.hpp>

using namespace std::chrono_literals;
namespace storage = troupe::storage;

// The leader's: hands out each piece, and again if its worker goes.
struct desk {
  std::uint64_t token = 0;  // 0: another leads
  std::deque<std::string> waiting;
  std::map<std::string, caf::actor_addr> given;
};
caf::behavior queue(caf::stateful_actor<desk>* self, caf::actor names, storage::map_actor map) {
  self->set_down_handler([=](const caf::down_msg& gone) {
    auto& d = self->state;
    for (auto it = d.given.begin(); it != d.given.end();) {
      const bool its = it->second == gone.source;
      if (its) d.waiting.push_back(it->first);
      it = its ? d.given.erase(it) : std::next(it);
    }
  });
  self->send(self, caf::tick_atom::value);
  return {
      [=](caf::tick_atom) {
        self->delayed_send(self, 300ms, caf::tick_atom::value);
        auto& d = self->state;
        if (d.token == 0)
          return self->request(names, 10s, troupe::take_name{"work-queue", self})
              .then([=](const troupe::name_taken& t) { self->state = {t.token, {}, {}}; }, [](const caf::error&) {});
        self->request(map, 10s, storage::get{storage::prefix("work/")})
            .then(
                [=](storage::revision, const storage::got& all) {
                  auto& now = self->state;
                  now.waiting.clear();
                  for (const auto& kv : all.items)
                    if (!now.given.count(kv.key)) now.waiting.push_back(kv.key);
                },
                [](const caf::error&) {});
      },
      [=](const troupe::name_lost&) { self->state = {}; },
      [=](caf::get_atom, const caf::actor& worker) -> std::string {  // a piece of work, or nothing
        auto& d = self->state;
        if (d.token == 0 || d.waiting.empty()) return {};
        const auto piece = d.waiting.front();
        d.waiting.pop_front();
        d.given[piece] = worker.address();
        self->monitor(worker);
        return piece;
      },
      [=](caf::delete_atom, const std::string& piece) { self->state.given.erase(piece); },
  };
}

// Every node's: asks the leader for a piece, does it, and writes down that it is done, once, whoever else did it, too.
caf::behavior worker(caf::event_based_actor* self, std::string node, caf::actor names, storage::map_actor map) {
  const auto later = [=] { self->delayed_send(self, 100ms, caf::tick_atom::value); };
  const auto fails = [=](const caf::error&) { later(); };
  const auto finish = [=](const caf::actor& leader, const std::string& piece, const std::string& what) {
    storage::txn t;
    t.when = {storage::present(piece)};
    t.then = {storage::erase{storage::one(piece)}, storage::put{"done/" + piece.substr(5), node + ": " + what}};
    self->request(map, 10s, t).then(
        [=](storage::revision, const storage::txn_done& d) {
          if (d.succeeded) std::cout << node << " has done " << piece << std::endl;
          self->send(leader, caf::delete_atom::value, piece);
          self->send(self, caf::tick_atom::value);
        },
        fails);
  };
  self->send(self, caf::tick_atom::value);
  return {[=](caf::tick_atom) {
    self->request(names, 10s, troupe::find_name{"work-queue"})
        .then(
            [=](const troupe::name_found& f) {
              self->request(f.who, 5s, caf::get_atom::value, caf::actor{self})
                  .then(
                      [=](const std::string& piece) {
                        if (piece.empty()) return later();
                        self->request(map, 10s, storage::get{storage::one(piece)})
                            .then(
                                [=](storage::revision, const storage::got& g) {
                                  auto text = g.items.empty() ? std::string{} : g.items.front().value;
                                  for (auto& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
                                  finish(f.who, piece, text);
                                },
                                fails);
                      },
                      fails);
            },
            fails);
  }};
}

int main(int argc, char** argv) {
  if (argc != 4 && argc != 5) return std::cerr << "usage: work_queue NAME PORT DIRECTORY [SEED]\n", 2;
  troupe::node_settings settings;
  settings.name = argv[1];
  settings.listen = std::string{"127.0.0.1:"} + argv[2];
  settings.data = argv[3];
  if (argc == 5) settings.seeds = {argv[4]};
  settings.consensus.bootstrap_expect = 3;
  troupe::node node{settings, [](troupe::node& n) {
                      const auto map = storage::spawn_map(n.system(), n.log());
                      n.own(caf::actor_cast<caf::actor>(map));
                      n.own(n.system().spawn(queue, n.names(), map));
                      n.own(n.system().spawn(worker, n.name(), n.names(), map));
                    }};
  return static_cast<int>(node.run());
}

// Servers of a Zab group and a client in one simulated system: disks whose syncs take time, crashes,
// cuts by hand.
#pragma once
#include "actors/consensus/client.hpp"
#include "actors/consensus/zab_replica.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/journal/memory.hpp"
#include "runtime/peers.hpp"
#include "runtime/simulator.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <caf/all.hpp>
namespace troupe::test {
using namespace std::chrono_literals;

struct zab_shape {
  int voters = 3;
  int observers = 0;
  std::uint64_t seed = 1;
  zab::options how{};
  std::uint64_t log_bytes = std::uint64_t{16} << 20;
  std::chrono::milliseconds sync{2};
};

class zab_group {
 public:
  using maker = std::function<caf::actor(caf::actor_system&, consensus::zab_settings)>;
  using configure = laboratory::simulator::configure;
  zab_group(zab_shape shape, maker make, const configure& types = zab_types)
      : sim{shape.seed, types}, shape_{shape}, make_{std::move(make)}, chance_{shape.seed} {
    for (int i = 0; i < shape.voters + shape.observers; ++i) {
      (i < shape.voters ? of_.voters : of_.observers).push_back(id(i));
      names_[id(i)] = name(i);
    }
    members_.resize(static_cast<std::size_t>(size()));
    for (int i = 0; i < size(); ++i) {
      at(i).disk = std::make_shared<journal::memory_disk>();
      open(i);
    }
    client = add_client("client");
    for (int i = 0; i < size(); ++i) start(i);
  }
  ~zab_group() {
    for (const auto& each : clients_) caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
    for (auto& m : members_) {
      if (m.replica) caf::anon_send_exit(m.replica, caf::exit_reason::user_shutdown);
      caf::anon_send_exit(m.spindle, caf::exit_reason::user_shutdown);
    }
    sim.settle();
    for (auto& m : members_) m.ends->clear();  // what waits there holds its store
  }
  static std::string name(int i) { return std::string(1, static_cast<char>('a' + i)); }
  static zab::server id(int i) { return static_cast<zab::server>(100 + i); }
  int size() const { return shape_.voters + shape_.observers; }
  bool runs(int i) { return at(i).replica != nullptr; }

  void start(int i) {
    auto& m = at(i);
    auto log = m.store->open("g");
    auto found = log->load();
    auto from = consensus::zab_restored_from(std::move(*found));
    m.replica = make_(sim.system, {.group = "g",
                                   .node = name(i),
                                   .self = id(i),
                                   .of = of_,
                                   .names = names_,
                                   .how = shape_.how,
                                   .log = log,
                                   .from = std::move(*from),
                                   .seed = shape_.seed * 100 + static_cast<std::uint64_t>(i),
                                   .log_bytes = shape_.log_bytes});
    for (int j = 0; j < size(); ++j) {
      if (j == i || !runs(j) || isolated_.contains(i) || isolated_.contains(j)) continue;
      meet(i, j);
      meet(j, i);
    }
    for (const auto& each : clients_) caf::anon_send(each, peer_up{name(i), m.replica});
  }
  caf::actor add_client(const std::string& node) {
    auto made = consensus::spawn_client(sim.system, {.group = "g", .node = node});
    for (int i = 0; i < size(); ++i)
      if (runs(i)) caf::anon_send(made, peer_up{name(i), at(i).replica});
    clients_.push_back(made);
    return made;
  }
  void stop(int i) {
    caf::anon_send_exit(std::exchange(at(i).replica, nullptr), caf::exit_reason::kill);
    for (int j = 0; j < size(); ++j)
      if (runs(j)) caf::anon_send(at(j).replica, peer_down{name(i)});
    for (const auto& each : clients_) caf::anon_send(each, peer_down{name(i)});
  }
  void crash(int i) {  // and its disk loses what was not synced
    stop(i);
    at(i).disk->crash(chance_, true);
    open(i);
  }
  // From the other replicas: clients still reach it.
  void isolate(int i) {
    isolated_.insert(i);
    for (int j = 0; j < size(); ++j) {
      if (j == i) continue;
      if (runs(j)) caf::anon_send(at(j).replica, peer_down{name(i)});
      if (runs(i)) caf::anon_send(at(i).replica, peer_down{name(j)});
    }
  }
  void rejoin(int i) {
    isolated_.erase(i);
    for (int j = 0; j < size(); ++j) {
      if (j == i || !runs(i) || !runs(j) || isolated_.contains(j)) continue;
      meet(i, j);
      meet(j, i);
    }
  }
  bool isolated(int i) const { return isolated_.contains(i); }
  consensus::group_status status(int i) {
    return *sim.ask<consensus::group_status>(at(i).replica, consensus::status_query{});
  }
  int leader() {  // -1: nobody
    int found = -1;
    std::uint64_t term = 0;
    for (int i = 0; i < size(); ++i) {
      if (!runs(i)) continue;
      const auto s = sim.ask<consensus::group_status>(at(i).replica, consensus::status_query{});
      if (!s || s->role != "leader" || s->term <= term) continue;  // or it has ended by itself
      found = i;
      term = s->term;
    }
    return found;
  }
  int elect() {
    sim.run_until([&] { return leader() >= 0; }, 10s);
    return leader();
  }
  bool caught_up(int i) {
    const auto leads = leader();
    return leads >= 0 && status(i).role != "looking" && status(i).applied == status(leads).last &&
           status(leads).applied == status(leads).last;
  }
  caf::actor replica(int i) { return at(i).replica; }
  journal::memory_disk& disk(int i) { return *at(i).disk; }

  template <class Answer, class Start>
  caf::expected<Answer> await(Start start, laboratory::duration limit = 30s) {
    auto got = std::make_shared<std::optional<caf::expected<Answer>>>();
    sim.spawn([&start, got](caf::event_based_actor* self) {
      start(self, [got](caf::expected<Answer> r) { got->emplace(std::move(r)); });
    });
    sim.run_until([&] { return got->has_value(); }, limit);
    if (!*got) return make_error(errc::timeout, "the test's own patience");
    return std::move(**got);
  }
  // An answer that needs time to go on.
  template <class Answer, class Request>
  caf::expected<Answer> request(const caf::actor& whom, Request what,
                                laboratory::duration limit = 30s) {
    return await<Answer>(
        [&](caf::event_based_actor* self, auto then) {
          self->request(whom, caf::infinite, what)
              .then([then](Answer& r) { then(std::move(r)); },
                    [then](caf::error& why) { then(std::move(why)); });
        },
        limit);
  }
  std::chrono::milliseconds now() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(sim.now());
  }

  static void zab_types(caf::actor_system_config& config) {
    consensus::register_consensus_types(config);
    consensus::register_zab_types(config);
  }
  laboratory::simulator sim;
  caf::actor client;

 private:
  using ending = std::deque<std::function<void()>>;
  struct member {
    std::shared_ptr<journal::memory_disk> disk;
    journal::store_ptr store;
    caf::actor replica;
    std::shared_ptr<ending> ends;
    caf::actor spindle;  // ends syncs, each in its time
  };
  member& at(int i) { return members_[static_cast<std::size_t>(i)]; }
  void meet(int whom, int peer) {
    caf::anon_send(at(whom).replica, peer_up{name(peer), at(peer).replica});
  }
  void open(int i) {
    auto& m = at(i);
    if (m.spindle) caf::anon_send_exit(m.spindle, caf::exit_reason::user_shutdown);
    if (m.ends) m.ends->clear();
    const auto ends = m.ends = std::make_shared<ending>();
    m.spindle = sim.system.spawn([ends](caf::event_based_actor*) {
      return caf::behavior{[ends](caf::tick_atom) {
        const auto next = std::move(ends->front());
        ends->pop_front();
        next();
      }};
    });
    sim.adopt(m.spindle);
    m.store = *journal::open_memory_store(
        m.disk, {.node = name(i),
                 .life = id(i),
                 .syncing = [ends, spindle = m.spindle, time = shape_.sync](auto done) {
                   ends->push_back(std::move(done));
                   caf::delayed_anon_send(spindle, time, caf::tick_atom::value);
                 }});
  }

  zab_shape shape_;
  maker make_;
  simulation::generator chance_;
  zab::ensemble of_;
  std::map<zab::server, std::string> names_;
  std::set<int> isolated_;
  std::vector<caf::actor> clients_;
  std::vector<member> members_;
};
}  // namespace troupe::test

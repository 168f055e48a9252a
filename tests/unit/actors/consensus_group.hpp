// A group of replicas and a client in one simulated system: disks, crashes, cuts by hand.
#pragma once
#include "actors/consensus/client.hpp"
#include "actors/consensus/replica.hpp"
#include "actors/consensus/storing.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/journal/memory.hpp"
#include "runtime/peers.hpp"
#include "runtime/simulator.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <caf/all.hpp>
namespace troupe::test {
// Commands are appended to a text; the reply is the text, and so is each answer.
class scroll final : public state_machine {
 public:
  std::string apply(const applied&, std::string_view command) override { return text_ += command; }
  std::string query(std::string_view) const override { return text_; }
  std::string snapshot() const override { return text_; }
  result<void, std::string> restore(std::string_view bytes) override {
    text_ = bytes;
    return {};
  }

 private:
  std::string text_;
};

class group {
 public:
  using maker = std::function<caf::actor(caf::actor_system&, consensus::replica_settings)>;
  explicit group(int size, raft::options how = {}, std::uint64_t seed = 1, maker make = of_scrolls)
      : sim{seed, types}, how_{how}, make_{std::move(make)} {
    raft::configuration all;
    for (int i = 0; i < size; ++i) all.voters.push_back({id(i), name(i)});
    for (int i = 0; i < size; ++i) {
      add();
      const auto log = members_[static_cast<std::size_t>(i)].store->open("g");
      (void)log->load();
      log->submit(consensus::founding(all), [](const auto&) {});
    }
    for (int i = 0; i < size; ++i) start(i);
    client = consensus::spawn_client(sim.system, {.group = "g", .node = "client"});
    sim.adopt(client);
    for (int i = 0; i < size; ++i)
      caf::anon_send(client, peer_up{name(i), members_[static_cast<std::size_t>(i)].replica});
  }
  ~group() {
    caf::anon_send_exit(client, caf::exit_reason::user_shutdown);
    for (const auto& other : clients_) caf::anon_send_exit(other, caf::exit_reason::user_shutdown);
    for (auto& m : members_)
      if (m.replica) caf::anon_send_exit(m.replica, caf::exit_reason::user_shutdown);
    sim.settle();
  }
  static std::string name(int i) { return std::string(1, static_cast<char>('a' + i)); }
  static raft::server id(int i) { return static_cast<raft::server>(100 + i); }

  int add() {  // a node without a part in the group
    member m;
    m.disk = std::make_shared<journal::memory_disk>();
    members_.push_back(std::move(m));
    open(static_cast<int>(members_.size()) - 1);
    return static_cast<int>(members_.size()) - 1;
  }
  void start(int i) {
    auto& m = members_[static_cast<std::size_t>(i)];
    auto log = m.store->open("g");
    auto found = log->load();
    auto from = consensus::restored_from(std::move(*found));
    m.replica = make_(sim.system, {.group = "g",
                                   .node = name(i),
                                   .id = id(i),
                                   .how = how_,
                                   .log = log,
                                   .from = std::move(*from),
                                   .seed = static_cast<std::uint64_t>(i + 1)});
    for (std::size_t j = 0; j < members_.size(); ++j) {
      if (static_cast<int>(j) == i || !members_[j].replica) continue;
      caf::anon_send(members_[j].replica, peer_up{name(i), m.replica});
      caf::anon_send(m.replica, peer_up{name(static_cast<int>(j)), members_[j].replica});
    }
    if (client) caf::anon_send(client, peer_up{name(i), m.replica});
    for (const auto& other : clients_) caf::anon_send(other, peer_up{name(i), m.replica});
  }
  caf::actor add_client(const std::string& node) {  // of another node
    auto other = consensus::spawn_client(sim.system, {.group = "g", .node = node});
    for (std::size_t i = 0; i < members_.size(); ++i)
      if (members_[i].replica)
        caf::anon_send(other, peer_up{name(static_cast<int>(i)), members_[i].replica});
    clients_.push_back(other);
    return other;
  }
  void stop(int i) {
    auto& m = members_[static_cast<std::size_t>(i)];
    caf::anon_send_exit(std::exchange(m.replica, nullptr), caf::exit_reason::kill);
    for (auto& other : members_)
      if (other.replica) caf::anon_send(other.replica, peer_down{name(i)});
    caf::anon_send(client, peer_down{name(i)});
    for (const auto& other : clients_) caf::anon_send(other, peer_down{name(i)});
  }
  void crash(int i) {  // and its disk loses what was not synced
    stop(i);
    auto& m = members_[static_cast<std::size_t>(i)];
    m.disk->crash(chance_, true);
    open(i);
  }
  // From the other replicas: clients still reach it.
  void isolate(int i) {
    between(i, [](const std::string& id, const caf::actor&, const caf::actor& to) {
      caf::anon_send(to, peer_down{id});
    });
  }
  void rejoin(int i) {
    between(i, [](const std::string& id, const caf::actor& whom, const caf::actor& to) {
      caf::anon_send(to, peer_up{id, whom});
    });
  }
  consensus::group_status status(int i) {
    return *sim.ask<consensus::group_status>(members_[static_cast<std::size_t>(i)].replica,
                                             consensus::status_query{});
  }
  int leader() {  // -1: nobody
    int found = -1;
    std::uint64_t term = 0;
    for (std::size_t i = 0; i < members_.size(); ++i) {
      if (!members_[i].replica) continue;
      const auto got =
          sim.ask<consensus::group_status>(members_[i].replica, consensus::status_query{});
      if (!got) continue;  // it has ended by itself
      const auto& s = *got;
      if (s.role == "leader" && s.term > term) {
        found = static_cast<int>(i);
        term = s.term;
      }
    }
    return found;
  }
  int elect() {
    sim.run_until([&] { return leader() >= 0; }, std::chrono::seconds{10});
    return leader();
  }
  caf::actor replica(int i) const { return members_[static_cast<std::size_t>(i)].replica; }
  journal::memory_disk& disk(int i) { return *members_[static_cast<std::size_t>(i)].disk; }

  static caf::actor of_scrolls(caf::actor_system& system, consensus::replica_settings s) {
    s.machine = std::make_unique<scroll>();
    return system.spawn<consensus::replica_actor>(std::move(s));
  }
  static void types(caf::actor_system_config& config) {
    consensus::register_consensus_types(config);
  }
  laboratory::simulator sim;
  caf::actor client;

 private:
  template <class Tell>
  void between(int i, Tell tell) {
    for (int j = 0; j < static_cast<int>(members_.size()); ++j) {
      if (j == i || !replica(i) || !replica(j)) continue;
      tell(name(i), replica(i), replica(j));
      tell(name(j), replica(j), replica(i));
    }
  }
  struct member {
    std::shared_ptr<journal::memory_disk> disk;
    journal::store_ptr store;
    caf::actor replica;
  };
  void open(int i) {
    auto& m = members_[static_cast<std::size_t>(i)];
    m.store = *journal::open_memory_store(m.disk, {.node = name(i), .life = id(i)});
  }
  raft::options how_;
  maker make_;
  std::vector<caf::actor> clients_;
  simulation::generator chance_{7};
  std::vector<member> members_;
};
}  // namespace troupe::test

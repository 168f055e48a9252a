#include "cluster/tree_keeper.hpp"

#include "actors/consensus/replica_frame.hpp"
#include "actors/consensus/zab_protocol.hpp"
#include "actors/storage/map_client.hpp"
#include "actors/tree/tree_client.hpp"
#include "actors/tree/tree_replica.hpp"
#include "cluster/replicated_log.hpp"
#include "patterns/encoding.hpp"
#include "runtime/chance.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/in_loop.hpp"
#include "runtime/log.hpp"
#include "runtime/peers.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include <caf/all.hpp>

namespace troupe {
struct look_for_tree {};
struct ensemble_noted {
  std::string problem;  // empty: none
};
}  // namespace troupe
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::want_tree)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::look_for_tree)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::ensemble_noted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::log_is_here)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::link_shaken)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::consensus::shaken)

namespace troupe {
using namespace std::chrono_literals;
using consensus::group_status;
namespace {
constexpr auto looks_after = 250ms;
constexpr auto an_answer = 2s;
constexpr tree::duration session_max = 24h;  // the same on all replicas, for ever

class tree_keeper : public caf::event_based_actor {
 public:
  tree_keeper(caf::actor_config& config, tree_keeper_settings settings)
      : caf::event_based_actor{config}, s_{std::move(settings)} {}
  const char* name() const override { return "tree-keeper"; }
  void on_exit() override {
    if (replica_) send_exit(replica_, caf::exit_reason::user_shutdown);
    peers_.clear();
    replica_ = log_keeper_ = s_.map = s_.client = nullptr;
    noted_.reset();
    store_.reset();
  }

  caf::behavior make_behavior() override {
    set_down_handler([this](const caf::down_msg& gone) {
      if (replica_ && gone.source == replica_.address()) quit(gone.reason);  // and the node starts anew from disk
    });
    return {
        [this](want_tree) { wanted(); },
        [this](log_is_here& m) {
          store_ = std::move(m.store);
          log_keeper_ = std::move(m.keeper);
          revive();
        },
        [this](peer_up& up) {
          auto& p = peers_[up.id];
          if (p.keeper != up.handle) lost(up.id);
          p.keeper = std::move(up.handle);
          present(p.keeper, true);
        },
        [this](const peer_down& down) {
          lost(down.id);
          peers_.erase(down.id);
        },
        [this](const link_shaken& what) {
          if (replica_) send<caf::message_priority::high>(replica_, consensus::shaken{what.node});
        },
        [this](const tree_presence& m) { on_presence(m); },
        [this](const consensus::leads& news) {
          if (news.term < leads_.term) return;
          leads_ = news;
          for (const auto& [name, p] : peers_)  // who has no replica learns of it from us
            if (news.node == s_.node && p.keeper) send(p.keeper, news);
          send(s_.client, news);
        },
        [this](const ensemble_noted& m) {
          if (!m.problem.empty()) return quit(make_error(errc::failed, m.problem));
          start();
        },
        [this](look_for_tree) {
          looking_ = false;
          look();
        },
        [this](const log_status_query& q) { return status(q); },
    };
  }

 private:
  struct peer {
    caf::actor keeper, replica;
  };

  void wanted() {
    if (std::exchange(wanted_, true)) return;
    for (const auto& [name, p] : peers_) present(p.keeper, false);
    look();
  }

  // What the disk has, once there is one.
  void revive() {
    if (noted_) return;
    noted_ = store_->open(std::string{tree_group} + ".ensemble");
    const auto found = noted_->load();
    if (!found) return out_of_it(found.error().sentence);
    if (!found->state.empty()) {
      auto read = decode<tree_ensemble>(found->state);
      if (!read) return out_of_it("the ensemble that it notes makes no sense: `troupe journal verify` says more");
      of_ = std::move(*read);
      start();
      wanted();
    }
    look();
  }
  void out_of_it(const std::string& why) {  // the others have it
    settled_ = true;
    log::error("tree", "its journal cannot be read: no replica of it here", {{"reason", why}});
  }

  // Only nodes with a disk may be in the ensemble, and only they propose one.
  void look() {
    if (!wanted_ || !store_ || settled_) return;
    if (!std::exchange(asking_, true))
      storage::ask_map(this, s_.map, an_answer, storage::question{storage::get{storage::one(ensemble_key)}},
                       [this](const caf::expected<storage::reply>& said) {
                         asking_ = false;
                         const auto* const got = storage::answer_as<storage::got>(said);
                         if (!got || settled_) return;
                         if (got->items.empty()) return propose();
                         if (auto read = decode<tree_ensemble>(got->items.front().value)) return decided(std::move(*read));
                         settled_ = true;
                         log::error("tree", "what the map says of the tree makes no sense", {{"key", ensemble_key}});
                       });
    if (!std::exchange(looking_, true)) delayed_send(this, looks_after, look_for_tree{});
  }
  void propose() {
    asking_ = true;
    request(log_keeper_, an_answer, log_status_query{})
        .then(
            [this](const group_status& s) {
              if (!s.config.outgoing.empty() || s.config.voters.empty()) return void(asking_ = false);
              storage::txn once{.when = {storage::absent(ensemble_key)},
                                .then = {storage::put{ensemble_key, encode(tree_ensemble{s.config.voters}), 0, false, false}},
                                .otherwise = {}};
              storage::ask_map(this, s_.map, an_answer, storage::command{std::move(once)},
                               [this](const caf::expected<storage::reply>&) {
                                 asking_ = false;
                                 look();  // whoever was first has decided
                               });
            },
            [this](const caf::error&) { asking_ = false; });
  }
  void decided(tree_ensemble what) {
    settled_ = true;
    const auto self = store_->who().life;
    if (std::none_of(what.voters.begin(), what.voters.end(), [&](const raft::peer& p) { return p.id == self; })) return;
    log::info("tree", "begins", {{"voters", what.voters.size()}});
    of_ = std::move(what);
    noted_->submit({.state = encode(*of_)}, [to = caf::actor_cast<caf::actor>(this)](const auto& done) {
      caf::anon_send(to, ensemble_noted{done ? std::string{} : done.error().sentence});
    });
  }

  void start() {
    settled_ = true;
    auto log = store_->open(tree_group);
    auto content = log->load();
    if (!content) return out_of_it(content.error().sentence);
    auto from = consensus::zab_restored_from(std::move(*content));
    if (!from) return out_of_it(from.error());
    zab::ensemble of;
    std::map<zab::server, std::string> names;
    for (const auto& p : of_->voters) {
      of.voters.push_back(p.id);
      names.emplace(p.id, p.name);
    }
    replica_ = system().spawn<in_loop<tree::tree_replica>>(
        tree::tree_replica_settings{.zab = {.group = tree_group,
                                            .node = s_.node,
                                            .self = store_->who().life,
                                            .of = std::move(of),
                                            .names = std::move(names),
                                            .log = std::move(log),
                                            .from = std::move(*from),
                                            .events = s_.events,
                                            .seed = fresh_seed(system())},
                                    .bounds = {.sessions = {.timeout_max = session_max}},
                                    .wall = s_.wall ? s_.wall : tree::wall_clock});
    monitor(replica_);
    send(replica_, consensus::tell_leader{this});
    for (const auto& [name, p] : peers_)
      if (p.replica) send(replica_, peer_up{name, p.replica});
    send(s_.client, peer_up{s_.node, replica_});
    for (const auto& [name, p] : peers_) present(p.keeper, false);
  }

  void present(const caf::actor& to, bool asks) {
    if (!to) return;
    send(to, tree_presence{s_.node, wanted_, asks, replica_});
    if (replica_ && leads_.node == s_.node) send(to, leads_);
  }
  void on_presence(const tree_presence& m) {
    auto& p = peers_[m.node];
    const auto keeper = caf::actor_cast<caf::actor>(current_sender());
    if (keeper && p.keeper != keeper) {
      if (p.keeper) lost(m.node);
      p = peer{keeper, nullptr};
    }
    if (m.asks) present(p.keeper, false);
    if (m.replica && p.replica != m.replica) {
      p.replica = m.replica;
      if (replica_) send(replica_, peer_up{m.node, p.replica});
      send(s_.client, peer_up{m.node, p.replica});
    }
    if (m.wanted) wanted();
  }
  void lost(const std::string& node) {
    const auto found = peers_.find(node);
    if (found == peers_.end() || !std::exchange(found->second.replica, nullptr)) return;
    if (replica_) send(replica_, peer_down{node});
    send(s_.client, peer_down{node});
  }

  // The leader's, if there is one; `here`: that of this node's replica.
  caf::result<group_status> status(const log_status_query& wanted) {
    auto promise = make_response_promise<group_status>();
    const auto given = [promise](group_status& s) mutable { promise.deliver(std::move(s)); };
    const auto failed = [promise](caf::error& e) mutable { promise.deliver(std::move(e)); };
    const auto leader = peers_.find(leads_.node);
    if (!wanted.here && leader != peers_.end() && leader->second.keeper && leader->second.replica) {
      request(leader->second.keeper, an_answer, log_status_query{true, tree_group}).then(given, failed);
      return promise;
    }
    if (replica_) {
      request(replica_, an_answer, consensus::status_query{}).then(given, failed);
      return promise;
    }
    if (!wanted.here)
      for (const auto& [name, p] : peers_)
        if (p.keeper && p.replica) {
          request(p.keeper, an_answer, log_status_query{true, tree_group}).then(given, failed);
          return promise;
        }
    promise.deliver(make_error(errc::not_found, wanted.here ? "node " + s_.node + " has no replica of the tree"
                                                            : "node " + s_.node + " knows no replica of the tree: nobody has used it, or there is no replicated log"));
    return promise;
  }

  tree_keeper_settings s_;
  caf::actor log_keeper_, replica_;
  journal::store_ptr store_;
  std::shared_ptr<journal::journal> noted_;  // the ensemble
  std::optional<tree_ensemble> of_;          // that this node is one of
  consensus::leads leads_{};
  std::map<std::string, peer> peers_;
  bool wanted_ = false, asking_ = false, looking_ = false;
  bool settled_ = false;  // there is nothing more to find out
};
}  // namespace

caf::actor spawn_tree_keeper(caf::actor_system& system, tree_keeper_settings settings) {
  return system.spawn<tree_keeper>(std::move(settings));
}

void register_tree_keeper_types(caf::actor_system_config& config) {
  consensus::register_zab_types(config);
  tree::register_tree_types(config);
  tree::register_tree_client_types(config);
  config.add_message_type<tree_presence>("tree.presence");
}
}  // namespace troupe

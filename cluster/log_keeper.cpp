#include "cluster/log_keeper.hpp"

#include "actors/storage/map_replica.hpp"
#include "cluster/groups.hpp"
#include "cluster/node_store.hpp"
#include "patterns/encoding.hpp"
#include "patterns/hex.hpp"
#include "runtime/chance.hpp"
#include "runtime/error.hpp"
#include "runtime/in_loop.hpp"
#include "runtime/log.hpp"

#include <algorithm>

#include <caf/all.hpp>

namespace troupe {
struct promise_written {
  std::string problem;  // empty: none
};
struct log_begun {
  std::string problem;
};
struct look_around {};
}  // namespace troupe
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::promise_written)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::log_begun)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::look_around)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::link_shaken)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::log_is_here)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::store_query)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::store_here)

namespace troupe {
using namespace std::chrono_literals;
namespace {
constexpr auto looks_after = 250ms;
constexpr auto says_after = 30s;
}  // namespace

log_keeper::log_keeper(caf::actor_config& config, replicated_log_settings settings,
                       std::optional<opened_store> found, store_opener open, caf::actor client,
                       caf::actor groups, caf::actor tree)
    : caf::event_based_actor{config},
      s_{std::move(settings)},
      opened_{std::move(found)},
      open_{std::move(open)},
      client_{std::move(client)},
      groups_{std::move(groups)},
      tree_{std::move(tree)},
      founder_{{.node = s_.node,
                .life = opened_ ? opened_->store->who().life : 0,
                .expects = s_.how.bootstrap_expect,
                .cluster = opened_ ? opened_->store->who().cluster : std::string{}},
               opened_ ? opened_->promise : std::nullopt,
               hex(fresh_seed(system()))} {}

raft::instant log_keeper::now() {
  return std::chrono::duration_cast<raft::instant>(clock().now().time_since_epoch());
}

void log_keeper::on_exit() {
  if (replica_) send_exit(replica_, caf::exit_reason::user_shutdown);
  for (auto& [number, j] : joining_)
    j.whom.deliver(make_error(errc::unknown_outcome, "the node is ending"));
  joining_.clear();
  peers_.clear();
  replica_ = client_ = groups_ = tree_ = nullptr;
  opened_.reset();
}

caf::behavior log_keeper::make_behavior() {
  set_down_handler([this](const caf::down_msg& gone) {
    if (replica_ && gone.source == replica_.address())
      quit(gone.reason);  // and the node starts anew from disk
  });
  if (opened_ && opened_->from.base.index > 0) start_replica();
  look_later();
  said_ = now();
  return {
      [this](peer_up& up) {
        auto& p = peers_[up.id];
        if (p.keeper != up.handle) p = peer{std::move(up.handle), {}, nullptr};
        // Its own word may have come while its former life was a member here, and have gone with that.
        present(p.keeper, true);
      },
      [this](const peer_down& down) {
        peers_.erase(down.id);
        found(founding::parted{down.id});
        if (replica_) send(replica_, down);
        send(client_, down);
        send(groups_, down);
        send(tree_, down);
      },
      [this](const link_shaken& what) {
        send(groups_, what);
        send(tree_, what);
        if (replica_) send<caf::message_priority::high>(replica_, consensus::shaken{what.node});
      },
      [this](const log_presence& m) {
        on_presence(m, caf::actor_cast<caf::actor>(current_sender()));
      },
      [this](const log_founding& m) {
        found(founding::met{m.from, m.what});
      },
      [this](const log_start_replica& m) {
        if (replica_ || !open_now()) return;
        enter(m.cluster);
        if (opened_->store->who().cluster == m.cluster) start_replica();
      },
      [this](const promise_written& what) {
        if (!what.problem.empty()) return quit(make_error(errc::failed, what.problem));
        held_.front().first = false;
        while (!held_.empty() && !held_.front().first) {
          auto out = std::move(held_.front().second);
          held_.pop_front();
          do_now(out);
        }
      },
      [this](const log_begun& what) {
        if (!what.problem.empty()) return quit(make_error(errc::failed, what.problem));
        begun();
      },
      [this](const consensus::leads& news) {
        if (news.term < leads_.term) return;
        leads_ = news;
        for (const auto& [name, p] : peers_)  // who has no replica learns of it from us
          if (news.node == s_.node && p.keeper) send(p.keeper, news);
        send(client_, news);
      },
      [this](look_around) {
        looking_ = false;
        found(founding::tick{});
        help_joining();
        look_later();
      },
      [this](store_query) -> caf::result<store_here> {
        if (!open_now())
          return make_error(errc::failed, "the node's journal cannot be opened: its log says why");
        return store_here{opened_->store};
      },
      [this](const log_status_query& q) { return status(q); },
      [this](log_add& order) { return add(order); },
      [this](log_remove& order) { return remove(order); },
      [this](log_transfer& order) { return transfer(order); },
  };
}

void log_keeper::look_later() {
  if ((!founder_.waits() && joining_.empty()) || std::exchange(looking_, true)) return;
  delayed_send(this, looks_after, look_around{});
  if (founder_.waits() && now() - said_ > says_after) {
    said_ = now();
    log::info("log", "waits for its first voters",
              {{"expected", founder_.self().expects}, {"here", founder_.here()}});
  }
}

bool log_keeper::open_now() {
  if (opened_) return true;
  auto made = open_();
  if (!made) {
    log::error("log", "the journal cannot be opened", {{"reason", made.error()}});
    return false;
  }
  opened_ = std::move(*made);
  founder_.lives(opened_->store->who().life);
  return true;
}

void log_keeper::start_replica() {
  auto from = std::move(opened_->from);
  opened_->from = {};
  replica_ = system().spawn<in_loop<storage::map_replica>>(
      storage::map_replica_settings{.log = replica_settings_for(std::move(from))});
  monitor(replica_);
  send(replica_, consensus::tell_leader{this});
  for (const auto& [name, p] : peers_)
    if (p.replica) send(replica_, peer_up{name, p.replica});
  send(client_, peer_up{s_.node, replica_});
  send(groups_, log_is_here{opened_->store, this});
  send(tree_, log_is_here{opened_->store, this});
  present_all();
}

consensus::replica_settings log_keeper::replica_settings_for(raft::restored from) {
  return {.group = "map",
          .node = s_.node,
          .id = opened_->store->who().life,
          .how = s_.how.how,
          .log = opened_->log,
          .from = std::move(from),
          .machine = nullptr,  // the map's
          .sessions = {.window = 8'192},
          .events = s_.events,
          .seed = fresh_seed(system())};
}

void log_keeper::present(const caf::actor& to, bool asks) {
  if (to) send(to, log_presence{founder_.self(), replica_, groups_, asks, tree_});
  if (to && leads_.node == s_.node) send(to, leads_);
}
void log_keeper::present_all() {
  for (const auto& [name, p] : peers_) present(p.keeper);
}

void log_keeper::on_presence(const log_presence& m, const caf::actor& keeper) {
  auto& p = peers_[m.who.node];
  if (keeper) p.keeper = keeper;
  p.who = m.who;
  if (m.asks) present(p.keeper);
  if (m.groups) send(groups_, peer_up{m.who.node, m.groups});
  if (m.tree) send(tree_, peer_up{m.who.node, m.tree});
  if (m.replica && p.replica != m.replica) {
    p.replica = m.replica;
    if (replica_) send(replica_, peer_up{m.who.node, p.replica});
    send(client_, peer_up{m.who.node, p.replica});
  }
  found(founding::met{m.who.node, m.who});
  help_joining();
  look_later();
}

void log_keeper::found(const founding::input& in) {
  founding::output out;
  founder_.step(in, now(), out);
  carry_out(std::move(out));
}

// What comes behind a promise waits until that is on disk.
void log_keeper::carry_out(founding::output&& out) {
  if (out.persist) {
    opened_->promises->submit(
        {.state = encode(*out.persist)},
        [to = caf::actor_cast<caf::actor>(this)](const auto& done) {
          caf::anon_send(to, promise_written{done ? std::string{} : done.error().sentence});
        });
    held_.emplace_back(true, std::move(out));
  } else if (!held_.empty()) {
    held_.emplace_back(false, std::move(out));
  } else {
    do_now(out);
  }
}

void log_keeper::do_now(founding::output& out) {
  for (auto& l : out.send)
    if (const auto to = peers_.find(l.to); to != peers_.end() && to->second.keeper)
      send(to->second.keeper, log_founding{s_.node, std::move(l.what)});
  if (out.conflict && !told_waiting_) {
    told_waiting_ = true;
    log::error(
        "log", "two logs in one cluster",
        {{"ours", founder_.promise() ? founder_.promise()->cluster : founder_.self().cluster},
         {"other", *out.conflict}});
  }
  if (out.learned && opened_) enter(*out.learned);
  if (out.learned) present_all();
  if (out.begin) begin(*out.begin);
}

void log_keeper::enter(const std::string& cluster) {
  if (opened_->store->who().cluster == cluster) return;
  if (const auto done = opened_->store->enter(cluster); !done)
    log::error("log", "the journal is of another cluster", {{"reason", done.error().sentence}});
}

void log_keeper::begin(const founding::charter& what) {
  log::info("log", "begins", {{"cluster", what.cluster}, {"voters", what.voters.size()}});
  if (replica_) return;
  opened_->log->submit(consensus::founding({.voters = what.voters, .outgoing = {}, .learners = {}}),
                       [to = caf::actor_cast<caf::actor>(this)](const auto& done) {
                         caf::anon_send(to,
                                        log_begun{done ? std::string{} : done.error().sentence});
                       });
}

void log_keeper::begun() {
  enter(founder_.self().cluster);
  opened_->from =
      consensus::founded({.voters = founder_.promise()->voters, .outgoing = {}, .learners = {}});
  start_replica();
}
}  // namespace troupe

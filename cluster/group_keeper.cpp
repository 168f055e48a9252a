#include "cluster/group_keeper.hpp"

#include "actors/consensus/storing.hpp"
#include "actors/storage/map_client.hpp"
#include "patterns/encoding.hpp"
#include "runtime/chance.hpp"
#include "runtime/error.hpp"
#include "runtime/log.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <caf/all.hpp>

namespace troupe {
struct look_at_groups {};
struct group_begun {
  std::string name;
  raft::configuration config;
  std::string problem;  // empty: none
};
}  // namespace troupe
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::open_group)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::log_is_here)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::look_at_groups)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::group_begun)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::link_shaken)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::consensus::receives)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::consensus::shaken)

namespace troupe {
using namespace std::chrono_literals;
namespace {
constexpr auto looks_while_waiting = 250ms;
constexpr auto looks_after = 1s;
constexpr auto an_answer = 2s;
}  // namespace

std::string group_name_problem(const std::string& name) {
  const auto fine = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  if (name.empty() || name.size() > 64 || !std::all_of(name.begin(), name.end(), fine))
    return "'" + name.substr(0, 80) +
           "' is no name of a group: 1 to 64 letters, digits, '.', '_' and '-'";
  if (name == "map" || name == "founding" || name == "tree") return "'" + name + "' is one of the log's own names";
  return {};
}

group_keeper::group_keeper(caf::actor_config& config, group_settings settings)
    : caf::event_based_actor{config}, s_{std::move(settings)} {}

void group_keeper::on_exit() {
  for (auto& [name, g] : groups_)
    if (g.replica) send_exit(g.replica, caf::exit_reason::user_shutdown);
  if (courier_) send_exit(courier_, caf::exit_reason::user_shutdown);
  groups_.clear();
  peers_.clear();
  courier_ = log_keeper_ = s_.client = nullptr;
  store_.reset();
}

caf::behavior group_keeper::make_behavior() {
  courier_ = consensus::spawn_courier(system());
  set_down_handler([this](const caf::down_msg& gone) {
    for (const auto& [name, g] : groups_)
      if (g.replica && gone.source == g.replica.address())
        return quit(gone.reason);  // and the node starts anew from disk
  });
  return {
      [this](open_group& wish) { open(wish); },
      [this](log_is_here& m) {
        store_ = std::move(m.store);
        log_keeper_ = std::move(m.keeper);
        for (auto& [name, g] : groups_) revive(name, g);
        look();
      },
      [this](peer_up& up) { present(met(up.id, up.handle).keeper, true); },
      [this](const peer_down& down) {
        lost(down.id);
        peers_.erase(down.id);
      },
      [this](const link_shaken& what) {
        for (const auto& [name, g] : groups_)
          if (g.replica) send<caf::message_priority::high>(g.replica, consensus::shaken{what.node});
      },
      [this](const group_presence& m) { on_presence(m); },
      [this](const group_start& m) {
        const auto g = waiting(m.group);
        if (!g || !g->log) return;
        g->waits = false;
        start(m.group, *g, {});
      },
      [this](group_begun& m) {
        if (!m.problem.empty()) return quit(make_error(errc::failed, m.problem));
        if (const auto g = waiting(m.name)) start(m.name, *g, consensus::founded(m.config));
      },
      [this](look_at_groups) {
        looking_ = false;
        look();
      },
      [this](const log_status_query& q) { return status(q); },
  };
}

void group_keeper::open(open_group& wish) {
  const auto [at, fresh] = groups_.try_emplace(wish.name);
  auto& g = at->second;
  if (!fresh) return;
  g.make = std::move(wish.make);
  g.client = std::move(wish.client);
  for (const auto& [node, p] : peers_)
    if (const auto r = p.replicas.find(wish.name); r != p.replicas.end())
      send(g.client, peer_up{node, r->second});
  revive(wish.name, g);
  look();
}

// What the disk has of the group, once there is a disk.
void group_keeper::revive(const std::string& name, group& g) {
  if (!store_ || g.replica || g.log) return;
  auto log = store_->open("group." + name);
  auto content = log->load();
  auto from = content ? consensus::restored_from(std::move(*content))
                      : result<raft::restored, std::string>{unexpected{content.error().sentence}};
  if (!from) {  // the others have it
    g.waits = false;
    return log::error("log", "a group's journal cannot be read: no replica of it here",
                      {{"group", name}, {"reason", from.error()}});
  }
  g.log = std::move(log);
  if (from->base.index > 0 || from->state.term > 0) start(name, g, std::move(*from));
}

// Who is in its charter begins; who is not waits until the group's leader asks for it.
void group_keeper::found(const std::string& name, group& g) {
  if (!g.log || g.replica || !g.waits || std::exchange(g.asking, true)) return;
  const auto key = groups_prefix + name;
  storage::ask_map(this, s_.client, an_answer, storage::question{storage::get{storage::one(key)}},
                   [this, name](const caf::expected<storage::reply>& said) {
                     const auto still = waiting(name);
                     if (!still) return;
                     still->asking = false;
                     const auto* const got = storage::answer_as<storage::got>(said);
                     if (!got) return;
                     if (got->items.empty()) return propose(name);
                     const auto charter = decode<group_charter>(got->items.front().value);
                     if (charter) return decided(name, *charter);
                     still->waits = false;
                     log::error("log", "what the map says of a group makes no sense",
                                {{"key", groups_prefix + name}});
                   });
}

void group_keeper::propose(const std::string& name) {
  auto& g = groups_.at(name);
  g.asking = true;
  const auto done = [this, name] {
    const auto still = waiting(name);
    if (!still) return;
    still->asking = false;
    found(name, *still);
  };
  request(log_keeper_, an_answer, log_status_query{})
      .then(
          [=, this](const consensus::group_status& s) {
            if (!s.config.outgoing.empty() || s.config.voters.empty()) {
              if (const auto still = waiting(name)) still->asking = false;
              return;
            }
            const auto key = groups_prefix + name;
            storage::txn once{
                {storage::absent(key)},
                {storage::put{key, encode(group_charter{s.config.voters}), 0, false, false}},
                {}};
            storage::ask_map(this, s_.client, an_answer, storage::command{std::move(once)},
                             [done](const caf::expected<storage::reply>&) { done(); });
          },
          [=, this](const caf::error&) {
            if (const auto still = waiting(name)) still->asking = false;
          });
}

void group_keeper::decided(const std::string& name, const group_charter& what) {
  auto& g = groups_.at(name);
  g.waits = false;
  const auto life = store_->who().life;
  if (std::none_of(what.voters.begin(), what.voters.end(),
                   [&](const raft::peer& p) { return p.id == life; }))
    return;
  raft::configuration config{.voters = what.voters, .outgoing = {}, .learners = {}};
  log::info("log", "a group begins", {{"group", name}, {"voters", what.voters.size()}});
  g.log->submit(consensus::founding(config), [to = caf::actor_cast<caf::actor>(this), name,
                                              config](const auto& done) {
    caf::anon_send(to, group_begun{name, config, done ? std::string{} : done.error().sentence});
  });
}

void group_keeper::start(const std::string& name, group& g, raft::restored from) {
  std::unique_ptr<state_machine> machine;
  std::string problem = "it made none";
  try {
    machine = g.make();
  } catch (const std::exception& e) {
    problem = e.what();
  }
  if (!machine)
    return log::error("log", "a group's state machine cannot be made: no replica of it here",
                      {{"group", name}, {"reason", problem}});
  g.waits = false;
  auto how = s_.how;
  how.beats_in_time = true;
  g.replica = system().spawn<consensus::replica_actor>(
      consensus::replica_settings{.group = name,
                                  .node = s_.node,
                                  .id = store_->who().life,
                                  .how = how,
                                  .log = std::move(g.log),
                                  .from = std::move(from),
                                  .machine = std::move(machine),
                                  .sessions = {.window = 8'192},
                                  .events = s_.events,
                                  .seed = fresh_seed(system()),
                                  .courier = courier_});
  monitor(g.replica);
  send(courier_, consensus::receives{name, g.replica});
  for (const auto& [node, p] : peers_)
    if (const auto r = p.replicas.find(name); r != p.replicas.end())
      send(g.replica, peer_up{node, r->second});
  send(g.client, peer_up{s_.node, g.replica});
  for (const auto& [node, p] : peers_) present(p.keeper, false);
}

// Its group keeper may be heard of by the log's, or by itself before. Another one is another life of the node.
group_keeper::peer& group_keeper::met(const std::string& node, const caf::actor& keeper) {
  auto& p = peers_[node];
  if (keeper && p.keeper != keeper) {
    if (p.keeper) lost(node);
    p = peer{keeper, {}};
  }
  return p;
}

void group_keeper::present(const caf::actor& to, bool asks) {
  if (!to) return;
  group_presence m{s_.node, asks, courier_, {}};
  for (const auto& [name, g] : groups_)
    if (g.replica) m.rows.push_back({name, g.replica});
  send(to, std::move(m));
}

void group_keeper::on_presence(const group_presence& m) {
  auto& p = met(m.node, caf::actor_cast<caf::actor>(current_sender()));
  if (m.asks) present(p.keeper, false);
  if (m.courier) send(courier_, peer_up{m.node, m.courier});
  for (const auto& row : m.rows) {
    auto& known = p.replicas[row.group];
    if (!row.replica || known == row.replica) continue;
    known = row.replica;
    const auto g = groups_.find(row.group);
    if (g == groups_.end()) continue;
    if (g->second.replica) send(g->second.replica, peer_up{m.node, known});
    send(g->second.client, peer_up{m.node, known});
  }
}

void group_keeper::lost(const std::string& node) {
  if (!peers_.contains(node)) return;
  send(courier_, peer_down{node});
  for (const auto& [name, g] : groups_) {
    if (g.replica) send(g.replica, peer_down{node});
    send(g.client, peer_down{node});
  }
}

group_keeper::group* group_keeper::waiting(const std::string& name) {
  const auto found = groups_.find(name);
  return found == groups_.end() || found->second.replica ? nullptr : &found->second;
}

void group_keeper::look() {
  for (auto& [name, g] : groups_) {
    if (!g.replica)
      found(name, g);
    else
      follow(name, g);
  }
  look_later();
}

void group_keeper::look_later() {
  if (!store_ || groups_.empty() || std::exchange(looking_, true)) return;
  const bool waits = std::any_of(groups_.begin(), groups_.end(),
                                 [](const auto& g) { return !g.second.replica && g.second.waits; });
  delayed_send(this, waits ? looks_while_waiting : looks_after, look_at_groups{});
}

caf::actor spawn_group_keeper(caf::actor_system& system, group_settings settings) {
  return system.spawn<group_keeper>(std::move(settings));
}

void register_group_types(caf::actor_system_config& config) {
  consensus::register_courier_types(config);
  config.add_message_type<group_presence>("log.group_presence")
      .add_message_type<group_start>("log.group_start");
}
}  // namespace troupe

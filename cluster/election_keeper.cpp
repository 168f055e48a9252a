#include "cluster/election_keeper.hpp"

#include "actors/consensus/protocol.hpp"
#include "actors/storage/map_client.hpp"
#include "actors/storage/watcher.hpp"
#include "cluster/groups.hpp"
#include "cluster/node_store.hpp"
#include "cluster/replicated_log.hpp"
#include "patterns/encoding.hpp"
#include "runtime/chance.hpp"
#include "runtime/error.hpp"
#include "runtime/log.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include <caf/all.hpp>

namespace troupe {
struct read_elections {};
struct begin_election {
  std::string election;
  std::uint64_t founded = 0;
};
}  // namespace troupe
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::read_elections)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::begin_election)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::beat_elections)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::store_query)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::store_here)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::link_shaken)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::election::stand)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::election::renew)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::election::peer_shaken)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::election::tell_beliefs)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::election::believes)

namespace troupe {
using namespace std::chrono_literals;
namespace {
constexpr auto an_answer = 6s;  // the map client's own patience is less
constexpr auto pause = 1s;

std::string name_in(const std::string& key) {
  return key.substr(std::string_view{elections_prefix}.size());
}
bool holds(const std::vector<std::string>& all, const std::string& node) {
  return std::find(all.begin(), all.end(), node) != all.end();
}
}  // namespace

std::string election_name_problem(const std::string& name) {
  const auto fine = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  if (!name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), fine)) return {};
  return "'" + name.substr(0, 80) +
         "' is no name of an election: 1 to 64 letters, digits, '.', '_' and '-'";
}

std::uint64_t election_fence(std::uint64_t founded, std::uint64_t term) {
  constexpr int terms = 24;  // sixteen million terms, and as many revisions as 39 bits count
  return (founded << terms) | std::min(term, (std::uint64_t{1} << terms) - 1);
}

election_keeper::election_keeper(caf::actor_config& config, election_keeper_settings settings)
    : caf::event_based_actor{config}, s_{std::move(settings)} {}

void election_keeper::on_exit() {
  if (watcher_) caf::anon_send_exit(watcher_, caf::exit_reason::user_shutdown);
  for (auto& [election, e] : elections_)
    if (e.elector) send_exit(e.elector, caf::exit_reason::user_shutdown);
  for (auto& early : early_)
    early.whom.deliver(make_error(errc::not_ready, "the node is ending: enter at another"));
  elections_.clear();
  peers_.clear();
  early_.clear();
  watcher_ = s_.client = s_.log = nullptr;
}

caf::behavior election_keeper::make_behavior() {
  set_down_handler([this](const caf::down_msg& down) {
    for (const auto& [election, e] : elections_)
      if (e.elector && down.source == e.elector.address())
        return quit(down.reason);  // and the node starts anew from disk
    gone(down.source);
  });
  send(s_.client, consensus::tell_replicas{this});
  caf::message_handler own{
      [this](peer_up& up) {
        // Of the map's replicas the client tells; what else comes up is a keeper.
        if (current_sender() == s_.client) {
          if (!std::exchange(met_map_, true)) read();
          return;
        }
        present(met(up.id, up.handle).keeper, true);
      },
      [this](const peer_down& down) {
        if (current_sender() == s_.client) return;
        lost(down.id);
        peers_.erase(down.id);
        for (auto& [election, e] : elections_) changed(election, e);
      },
      [this](const link_shaken& what) {
        for (const auto& [election, e] : elections_)
          if (e.elector) send(e.elector, election::peer_shaken{what.node});
      },
      [this](read_elections) { read(); },
      [this](const begin_election& what) { begin(what.election, what.founded); },
      [](const storage::watch_created&) {},
      [](const storage::watch_progress&) {},
      [this](const storage::watch_events& w) {
        for (const auto& change : w.events) {
          const auto election = name_in(change.kv.key);
          if (change.what == storage::change::put)
            know(election, change.kv.value, change.kv.mod_revision);
          else
            end(election);
        }
      },
      [this](const storage::watch_ended&) {
        watcher_ = nullptr;
        read();
      },
      [this](const election::believes& b) {
        const auto at = elections_.find(b.election);
        if (at == elections_.end() || current_sender() != at->second.elector) return;
        auto& e = at->second;
        e.own = b;
        drive(b.election, e,
              b.as == election::standing::leading ? line::input{line::leading{b.term}}
                                                  : line::input{line::not_leading{}});
        changed(b.election, e);
      },
      [this](election_presence& m) { on_presence(m); },
      [this](beat_elections) { beat(); },
  };
  return own.or_else(client_requests());
}

// ---- what the map says
void election_keeper::read() {
  storage::ask_map(
      this, s_.client, an_answer,
      storage::question{storage::get{storage::prefix(elections_prefix)}},
      [this](const caf::expected<storage::reply>& r) {
        const auto* seen = storage::answer_as<storage::got>(r);
        if (seen == nullptr || seen->more) return delayed_send(this, pause, read_elections{});
        std::vector<std::string> over;
        for (const auto& known : elections_)
          if (std::none_of(seen->items.begin(), seen->items.end(),
                           [&](const auto& kv) { return name_in(kv.key) == known.first; }))
            over.push_back(known.first);
        for (const auto& election : over) end(election);
        for (const auto& kv : seen->items) know(name_in(kv.key), kv.value, kv.mod_revision);
        watcher_ = storage::spawn_watcher(
            system(), s_.client, this,
            {.what = {.keys = storage::prefix(elections_prefix), .from = r->at + 1},
             .prefer = s_.node,
             .silence = 3s});
      });
}

void election_keeper::know(const std::string& election, const std::string& bytes,
                           std::uint64_t founded) {
  if (const auto at = elections_.find(election); at != elections_.end()) {
    if (at->second.founded == founded) return;
    end(election);
  }
  auto charter = decode<election_charter>(bytes);
  const auto* which = charter ? election::algorithm_named(charter->algorithm) : nullptr;
  if (which == nullptr) {
    if (!charter || charter->algorithm != "log")
      log::error("election", "what the map says of an election makes no sense to this version",
                 {{"key", elections_prefix + election}});
    return;
  }
  auto& e = elections_[election];
  e.charter = std::move(*charter);
  e.founded = founded;
  e.which = which;
  e.votes = holds(e.charter.members, s_.node);
  e.observes = !e.votes && holds(e.charter.observers, s_.node);
  const std::chrono::milliseconds patience{e.charter.patience_ms};
  e.contenders =
      line{{.patience = patience, .settle = 2 * patience, .one_a_term = which->majority}};
  serve_early(election);
  if (e.votes || e.observes) begin(election, founded);
}

void election_keeper::begin(const std::string& election, std::uint64_t founded) {
  const auto still = [this, election, founded]() -> held* {
    const auto at = elections_.find(election);
    return at == elections_.end() || at->second.founded != founded || at->second.elector
               ? nullptr
               : &at->second;
  };
  if (!still()) return;
  request(s_.log, an_answer, store_query{})
      .then(
          [=, this](const store_here& here) {
            if (still()) host(election, here.store);
          },
          [=, this](const caf::error& why) {
            log::error("election", "cannot take part yet",
                       {{"election", election}, {"reason", sentence_of(why)}});
            delayed_send(this, pause, begin_election{election, founded});
          });
}

void election_keeper::host(const std::string& election, const journal::store_ptr& store) {
  auto& e = elections_.at(election);
  auto log = store->open("election." + election + "." + std::to_string(e.founded));
  auto found = log->load();
  if (!found)  // without what it has said it must say nothing
    return log::error("election", "the journal of an election cannot be read: no part in it",
                      {{"election", election}, {"reason", found.error().sentence}});
  election::setting how;
  auto names = e.charter.members;
  names.insert(names.end(), e.charter.observers.begin(), e.charter.observers.end());
  for (election::server s = 0; s < names.size(); ++s) {
    (s < e.charter.members.size() ? how.members : how.observers).push_back(s);
    if (names[s] == s_.node) how.self = s;
  }
  how.patience = std::chrono::milliseconds{e.charter.patience_ms};
  how.beat = how.patience / 5;
  how.keep_incumbent = e.charter.keep_incumbent;
  how.seed = fresh_seed(system());
  how.eager = e.contenders.size() > 0;
  e.elector = election::spawn_elector(system(), {.election = election,
                                                 .which = e.which,
                                                 .how = std::move(how),
                                                 .names = std::move(names),
                                                 .log = std::move(log),
                                                 .kept = std::move(found->state),
                                                 .events = s_.events});
  monitor(e.elector);
  send(e.elector, election::tell_beliefs{this});
  for (const auto& [node, p] : peers_)
    if (const auto row = p.rows.find(election);
        row != p.rows.end() && row->second.founded == e.founded && row->second.elector)
      send(e.elector, peer_up{node, row->second.elector});
  changed(election, e);
}

void election_keeper::end(const std::string& election) {
  const auto at = elections_.find(election);
  if (at == elections_.end()) return;
  auto e = std::move(at->second);
  elections_.erase(at);
  log::info("election", "was removed", {{"election", election}});
  for (const auto& [number, who] : e.entered) {
    demonitor(who);
    send(who, election_dethroned{election, 0, "the election was removed"});
  }
  if (!e.elector) return;
  demonitor(e.elector);
  send_exit(e.elector, caf::exit_reason::user_shutdown);
}

// ---- keepers of other nodes; another one is another life of the node
election_keeper::peer& election_keeper::met(const std::string& node, const caf::actor& keeper) {
  auto& p = peers_[node];
  if (keeper && p.keeper != keeper) {
    if (p.keeper) lost(node);
    p = peer{keeper, {}};
  }
  return p;
}

void election_keeper::present(const caf::actor& to, bool asks) {
  if (!to) return;
  election_presence m{s_.node, asks, {}};
  for (const auto& [election, e] : elections_)
    if (e.votes || e.observes) m.rows.push_back({election, e.founded, e.elector, own_seat(e)});
  send(to, std::move(m));
}

void election_keeper::on_presence(election_presence& m) {
  auto& p = met(m.node, caf::actor_cast<caf::actor>(current_sender()));
  if (m.asks) present(p.keeper, false);
  auto before = std::exchange(p.rows, {});
  for (auto& row : m.rows) {
    const auto election = row.election;
    const auto& known = p.rows[election] = std::move(row);
    const auto at = elections_.find(election);
    if (at == elections_.end() || at->second.founded != known.founded) continue;
    if (at->second.elector && known.elector && before[election].elector != known.elector)
      send(at->second.elector, peer_up{m.node, known.elector});
    look_at_others(election, at->second);
  }
}

void election_keeper::lost(const std::string& node) {
  for (const auto& [election, e] : elections_)
    if (e.elector) send(e.elector, peer_down{node});
}

caf::actor spawn_election_keeper(caf::actor_system& system, election_keeper_settings settings) {
  return system.spawn<election_keeper>(std::move(settings));
}

void register_election_keeper_types(caf::actor_system_config& config) {
  election::register_elector_types(config);
  config.add_message_type<elections_query>("elections?")
      .add_message_type<elections_reply>("elections")
      .add_message_type<election_enter>("elections.enter")
      .add_message_type<election_withdraw>("elections.withdraw")
      .add_message_type<election_here>("elections.here")
      .add_message_type<election_follow>("elections.follow")
      .add_message_type<election_chosen>("elections.chosen")
      .add_message_type<election_still>("elections.still")
      .add_message_type<election_dethroned>("elections.dethroned")
      .add_message_type<election_view>("elections.view")
      .add_message_type<election_presence>("elections.presence");
}
}  // namespace troupe

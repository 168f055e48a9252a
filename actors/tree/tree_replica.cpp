#include "actors/tree/tree_replica.hpp"

#include "patterns/consensus/sessions.hpp"
#include "patterns/encoding.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/metrics.hpp"

#include <memory>

#include <caf/all.hpp>
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::tree::sessions_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::tree::reap_tick)

namespace troupe::tree {
namespace {
consensus::zab_settings with(consensus::zab_settings zab, const tree_settings& bounds,
                             tree_machine::observer look) {
  zab.machine = std::make_unique<tree_machine>(bounds, std::move(look));
  return zab;
}
bool only_leaders(const command& c) {
  return std::holds_alternative<expire_session>(c) || std::holds_alternative<reap_container>(c);
}
}  // namespace

instant wall_clock() {
  return std::chrono::floor<instant>(std::chrono::system_clock::now().time_since_epoch());
}

tree_replica::tree_replica(caf::actor_config& config, tree_replica_settings settings)
    : consensus::zab_replica{config, with(std::move(settings.zab), settings.bounds,
                                          [this](const data_tree& t, const effect* done) {
                                            saw(t, done);
                                          })},
      reap_{settings.reap},
      wall_{std::move(settings.wall)},
      bounds_{settings.watches},
      hub_{settings.watches} {}

void tree_replica::on_exit() {
  for (const auto& [id, w] : watchers_) send(w.whom, watch_closed{w.id});
  watchers_.clear();
  ids_.clear();
  of_one_.clear();
  behind_.clear();
  consensus::zab_replica::on_exit();
}

caf::message_handler tree_replica::more() {
  return {
      [this](set_watch& wish) { add_watch(wish); },
      [this](const remove_watch& what) {
        if (const auto id = of_sender(what.id)) forget(*id);
      },
      [this](const watch_ping& what) {
        auto whom = caf::actor_cast<caf::actor>(current_sender());
        if (!whom) return;
        if (of_sender(what.id))
          send(whom, watch_pong{what.id, content().at(), in_touch()});
        else
          send(whom, watch_closed{what.id});
      },
      [this](sessions_tick) {
        sessions_armed_.reset();
        expire();
      },
      [this](reap_tick) {
        reaping_ = false;
        reap();
      },
  };
}

const data_tree& tree_replica::content() {
  return static_cast<const tree_machine&>(machine()).content();
}

void tree_replica::saw(const data_tree& t, const effect* done) {
  if (done == nullptr) {
    hub_.restored(t, firing_);
    sessions_.restored(t.sessions(), now_late());
  } else {
    hub_.fire(t, *done, firing_);
    sessions_.follow(*done, now_late());
  }
}

void tree_replica::applied() {
  deliver();
  begin_those_behind();
  arm_sessions();
}

// ---- watches
void tree_replica::add_watch(set_watch& wish) {
  if (!wish.whom) return;
  const whose key{wish.whom.address(), wish.id};
  if (ids_.contains(key)) return;
  auto& of_one = of_one_[key.first];
  if (of_one == 0) monitor(wish.whom);
  ++of_one;
  const auto id = ++last_id_;
  ids_[key] = id;
  const bool room = watchers_.size() < bounds_.watches_max && of_one <= bounds_.watches_of_one_max;
  const auto& w =
      watchers_.emplace(id, watcher{std::move(wish.whom), wish.id, std::move(wish.what), wish.seen})
          .first->second;
  if (!room) {
    send(w.whom, watch_refused{w.id, refusal::too_many_watches, content().at()});
    return forget(id);
  }
  if (w.seen && *w.seen > content().at())
    behind_.emplace(*w.seen, id);
  else
    begin(id);
}

// What it has missed is told first, whole: then it has seen all up to where it is set.
void tree_replica::begin(watcher_id id) {
  const auto w = watchers_.at(id);
  auto kind = result<watch_kind, refusal>{w.what.kind};
  if (!w.seen)
    kind = hub_.add(id, w.what, content());
  else if (const auto done = hub_.resume(id, *w.seen, {w.what}, content(), firing_); !done)
    kind = unexpected{done.error()};
  if (!kind) {
    send(w.whom, watch_refused{w.id, kind.error(), content().at()});
    return forget(id);
  }
  deliver();
  if (watchers_.contains(id)) send(w.whom, watch_set{w.id, *kind, content().at()});
  metrics::gauge("troupe_tree_watches", "Watches that this node's replica of the tree serves.",
                 {{"group", settings().group}})
      .set(static_cast<double>(hub_.size()));
}

void tree_replica::begin_those_behind() {
  while (!behind_.empty() && behind_.begin()->first <= content().at()) {
    const auto id = behind_.begin()->second;
    behind_.erase(behind_.begin());
    begin(id);
  }
}

// What one entry did to one watch goes as a whole: who has heard of a part has seen all of it. Each
// of the hub's watchers has one watch: when it has none any more, that was its last.
void tree_replica::deliver() {
  std::map<std::pair<zxid, watcher_id>, std::vector<event>> all;
  for (auto& what : std::exchange(firing_, {}))
    all[{what.at, what.whom}].push_back(std::move(what.is));
  for (auto& [of, events] : all) {
    const auto [at, id] = of;
    const auto found = watchers_.find(id);
    if (found == watchers_.end()) continue;
    const bool last = hub_.of(id) == 0;
    send(found->second.whom, watch_fired{found->second.id, std::move(events), at, last});
    if (last) forget(id);
  }
}

void tree_replica::forget(watcher_id id) {
  const auto found = watchers_.find(id);
  if (found == watchers_.end()) return;
  hub_.drop(id);
  const auto& w = found->second;
  const auto whom = w.whom.address();
  if (w.seen) {
    const auto [from, to] = behind_.equal_range(*w.seen);
    for (auto it = from; it != to; it = it->second == id ? behind_.erase(it) : std::next(it)) {
    }
  }
  ids_.erase({whom, w.id});
  watchers_.erase(found);
  if (--of_one_[whom] > 0) return;
  of_one_.erase(whom);
  demonitor(whom);
}

std::optional<watcher_id> tree_replica::of_sender(watch_id id) {
  if (!current_sender()) return std::nullopt;
  const auto found = ids_.find({current_sender()->address(), id});
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

void tree_replica::ended(const caf::down_msg& gone) {
  std::vector<watcher_id> its;
  for (auto it = ids_.lower_bound({gone.source, 0});
       it != ids_.end() && it->first.first == gone.source; ++it)
    its.push_back(it->second);
  for (const auto id : its) forget(id);
}

// ---- what clients want in the log, and what the leader puts there
std::optional<std::string> tree_replica::admit(std::string& entry) {
  auto e = decode<sessions::entry>(entry);
  if (!e || (e->what != sessions::kind::plain && e->what != sessions::kind::request))
    return std::nullopt;
  auto r = decode<tree::request>(e->command);
  if (!r) return std::nullopt;  // the tree says so
  if (only_leaders(r->what))
    return encode(
        sessions::reply{.client = e->client,
                        .bytes = encode(reply{content().at(), refused{refusal::leaders_only}})});
  r->time = wall_();
  e->command = encode(*r);
  entry = encode(*e);
  return std::nullopt;
}

void tree_replica::put_command(command what) {
  put_in_log(encode(
      sessions::entry{.what = sessions::kind::plain,
                      .command = encode(tree::request{.what = std::move(what), .time = wall_()})}));
}

// ---- sessions
// A session counts from a time that is not early, and is looked at by one that is not late: none
// ends before its time-out.
instant tree_replica::now_early() { return std::chrono::floor<instant>(now()); }
instant tree_replica::now_late() { return std::chrono::ceil<instant>(now()); }

void tree_replica::led(bool leads) {
  if (leads)
    sessions_.became_leader(core().epoch(), now_late());
  else
    sessions_.lost_leadership();
  arm_sessions();
  if (leads) reap_later();
}

std::optional<std::string> tree_replica::asked(std::string_view question) {
  const auto no = [](refusal why) { return encode(host_answer{not_touched{why}}); };
  const auto q = decode<host_question>(question);
  if (!q) return no(refusal::malformed);
  if (!sessions_.leading()) return std::nullopt;
  const auto& wish = std::get<touch>(*q);
  if (const auto own = content().sessions().check(wish.session, wish.secret); !own)
    return no(own.error());
  const auto done = sessions_.touch(wish.session, now_late());
  if (done) return encode(host_answer{touched{*done}});
  if (done.error() == storage::keepalive_refusal::not_leader) return std::nullopt;
  return no(refusal::session_unknown);  // its expiry is under way
}

void tree_replica::expire() {
  const auto over = sessions_.tick(now_early());
  for (const auto& x : over) put_command(x);
  if (!over.empty())
    metrics::counter("troupe_tree_sessions_expired_total",
                     "Sessions that this node found silent for too long.")
        .add(static_cast<double>(over.size()));
  arm_sessions();
}

void tree_replica::arm_sessions() {
  const auto due = sessions_.due();
  if (!due || (sessions_armed_ && *sessions_armed_ <= *due)) return;
  sessions_armed_ = due;
  const auto at = now();
  delayed_send(this, *due > at ? *due - at : zab::duration{0}, sessions_tick{});
}

// ---- containers
void tree_replica::reap_later() {
  if (!std::exchange(reaping_, true)) delayed_send(this, reap_, reap_tick{});
}

void tree_replica::reap() {
  if (!sessions_.leading()) return;
  const auto found = content().query(question{reapable{}});
  if (const auto* all = std::get_if<names>(&found.what))
    for (const auto& path : all->all) put_command(reap_container{path});
  reap_later();
}
}  // namespace troupe::tree

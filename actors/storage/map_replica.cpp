#include "actors/storage/map_replica.hpp"

#include "patterns/encoding.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"

#include <memory>

#include <caf/all.hpp>
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::storage::lease_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::storage::progress_tick)

namespace troupe::storage {
namespace {
consensus::replica_settings with(consensus::replica_settings log, const map_settings& bounds,
                                 map_machine::observer look) {
  log.machine = std::make_unique<map_machine>(bounds, std::move(look));
  return log;
}
}  // namespace

map_replica::map_replica(caf::actor_config& config, map_replica_settings settings)
    : consensus::replica_actor{config, with(std::move(settings.log), settings.bounds,
                                            [this](const map& m, const command* c, const reply* r) {
                                              saw(m, c, r);
                                            })},
      progress_{settings.progress},
      hub_{settings.watches} {}

void map_replica::on_exit() {
  watch_output out;
  hub_.close(content(), out);
  deliver(out);
  consensus::replica_actor::on_exit();
}

caf::message_handler map_replica::more() {
  return {
      [this](const open_watch& wish) { open(wish); },
      [this](const watch_taken& what) {
        const auto id = of_sender(what.id);
        if (!id) return;
        watch_output out;
        hub_.taken(*id, what.upto, content(), out);
        deliver(out);
      },
      [this](const cancel_watch& what) {
        const auto id = of_sender(what.id);
        if (!id) return;
        watch_output out;
        hub_.cancel(*id, content(), out);
        forget(*id);
      },
      [this](const watch_ping& what) {
        auto whom = caf::actor_cast<caf::actor>(current_sender());
        if (!whom) return;
        if (of_sender(what.id))
          send(whom, watch_pong{what.id, content().at(), core().leader() != 0});
        else
          send(whom, watch_ended{what.id, watch_end::closed, 0, content().floor() + 1});
      },
      [this](progress_tick) { note_progress(); },
      [this](lease_tick) {
        leases_armed_.reset();
        expire();
      },
  };
}

const map& map_replica::content() { return static_cast<map_machine&>(machine()).content(); }

// ---- watches
void map_replica::open(const open_watch& wish) {
  const whose key{wish.whom.address(), wish.id};
  if (!wish.whom || ids_.contains(key)) return;
  const auto id = ++last_id_;
  if (known_.insert(key.first).second) monitor(wish.whom);
  ids_[key] = id;
  watchers_[id] = {wish.whom, wish.id, wish.what.once};
  watch_output out;
  hub_.open(id, wish.what, content(), out);
  deliver(out);
  if (!std::exchange(progressing_, true)) delayed_send(this, progress_, progress_tick{});
}

void map_replica::deliver(watch_output& out) {
  std::vector<watch_id> over;
  for (auto& what : out) {
    std::visit(
        [&](auto& x) {
          using kind = std::decay_t<decltype(x)>;
          const auto found = watchers_.find(x.id);
          if (found == watchers_.end()) return;
          const auto id = x.id;
          const auto& w = found->second;
          constexpr bool last = std::is_same_v<kind, watch_ended>;
          constexpr bool news =
              std::is_same_v<kind, watch_events> || std::is_same_v<kind, watch_noted>;
          if (w.once && !last && !news) return;
          if (w.once && news) over.push_back(id);
          x.id = w.id;
          send(w.whom, std::move(x));
          if (last || (w.once && news)) forget(id);
        },
        what);
  }
  out.clear();
  for (const auto id : over) hub_.cancel(id, content(), out);
  out.clear();  // that they have ended is known
}

void map_replica::forget(watch_id id) {
  const auto found = watchers_.find(id);
  if (found == watchers_.end()) return;
  ids_.erase({found->second.whom.address(), found->second.id});
  watchers_.erase(found);
}

std::optional<watch_id> map_replica::of_sender(watch_id id) {
  if (!current_sender()) return std::nullopt;
  const auto found = ids_.find({current_sender()->address(), id});
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

void map_replica::ended(const caf::down_msg& gone) {
  known_.erase(gone.source);
  watch_output out;
  for (auto it = ids_.lower_bound({gone.source, 0});
       it != ids_.end() && it->first.first == gone.source; it = ids_.erase(it)) {
    hub_.cancel(it->second, content(), out);
    watchers_.erase(it->second);
  }
}

void map_replica::note_progress() {
  progressing_ = hub_.size() > 0;
  if (!progressing_) return;
  watch_output out;
  hub_.progress(out);
  deliver(out);
  metrics::gauge("troupe_map_watches", "Watches that this node's replica of the map serves.",
                 {{"group", settings().group}})
      .set(static_cast<double>(hub_.size()));
  delayed_send(this, progress_, progress_tick{});
}

void map_replica::noted(const std::string& note) {
  const auto what = decode<storage::note>(note);
  if (!what) return;
  watch_output out;
  hub_.note(*what, content(), out);
  deliver(out);
}

void map_replica::applied() {
  watch_output out;
  hub_.advance(content(), out);
  deliver(out);
  arm_leases();
}

// ---- leases
// Grants count from a time that is not early, and are looked at by one that is not late: none runs
// out before its ttl.
instant map_replica::now_early() { return std::chrono::floor<instant>(now()); }
instant map_replica::now_late() { return std::chrono::ceil<instant>(now()); }

void map_replica::saw(const map& m, const command* c, const reply* r) {
  if (c == nullptr) return leases_.restored(m.leases_granted(), now_late());
  if (const auto* given = std::get_if<granted>(&r->what)) {
    leases_.lease_granted(*given, now_late());
  } else if (std::holds_alternative<revoked>(r->what)) {
    leases_.lease_revoked(std::get<lease_revoke>(*c).id);
  }
}

void map_replica::led(bool leads) {
  if (leads)
    leases_.became_leader(now_late());
  else
    leases_.lost_leadership();
  arm_leases();
}

std::optional<std::string> map_replica::asked(std::string_view question) {
  const auto q = decode<host_question>(question);
  if (!q) return encode(host_answer{not_kept{keepalive_refusal::unknown}});
  if (const auto* left = std::get_if<time_left>(&*q)) {
    if (!leases_.leading()) return std::nullopt;
    const auto time = leases_.remaining(left->lease, now_early());
    return encode(time ? host_answer{remaining{*time}}
                       : host_answer{not_kept{keepalive_refusal::unknown}});
  }
  const auto done = leases_.keepalive(std::get<keepalive>(*q).lease, now_late());
  if (done) return encode(host_answer{kept{*done}});
  if (done.error() == keepalive_refusal::not_leader) return std::nullopt;
  return encode(host_answer{not_kept{done.error()}});
}

void map_replica::expire() {
  const auto term = core().term();
  const auto over = leases_.tick(now_early());
  for (const auto id : over)
    put_in_log(encode(sessions::entry{.what = sessions::kind::plain,
                                      .command = encode(command{lease_revoke{id, term}})}));
  if (!over.empty())
    metrics::counter("troupe_map_leases_expired_total", "Leases that this node found run out.")
        .add(static_cast<double>(over.size()));
  arm_leases();
}

void map_replica::arm_leases() {
  const auto due = leases_.due();
  if (!due || (leases_armed_ && *leases_armed_ <= *due)) return;
  leases_armed_ = due;
  const auto at = now();
  delayed_send(this, *due > at ? *due - at : raft::duration{0}, lease_tick{});
}
}  // namespace troupe::storage

#include "actors/consensus/replica.hpp"

#include "actors/consensus/courier.hpp"
#include "actors/consensus/storing.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/log.hpp"

#include <caf/all.hpp>
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::consensus::give_up_hand_over)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::consensus::posted)

namespace troupe::consensus {
using caf::message_priority;

replica_actor::replica_actor(caf::actor_config& config, replica_settings settings)
    : replica_frame{config,
                    {settings.id, settings.node, std::move(settings.log),
                     std::move(settings.machine), settings.sessions, settings.seed}},
      s_{std::move(settings)},
      core_{s_.id, s_.how, std::move(s_.from), s_.seed, now()} {
  draw_snapshot(s_.how.log_bytes);
}

void replica_actor::on_exit() {
  replica_frame::on_exit();
  changing_.clear();
  s_.courier = nullptr;
}

bool replica_actor::restart() {
  const auto& base = core_.base();
  if (!base.bytes->empty()) {
    if (const auto back = machine_.restore(*base.bytes); !back) {
      log::error("log", "the snapshot cannot be read back",
                 {{"group", s_.group}, {"reason", back.error()}});
      quit(make_error(errc::corrupted, "the snapshot of group " + s_.group + ": " + back.error()));
      return false;
    }
  }
  applied_ = base.index;
  for (const auto& p : core_.config().voters) names_[p.id] = p.name;
  return true;
}

caf::message_handler replica_actor::own() {
  return {
      [this](letter& m) {
        if (m.to != s_.id) return;  // to the one that had this name before
        names_[m.from] = m.name;
        feed(raft::received{m.from, std::move(m.what)});
      },
      [this](submit& request) -> caf::result<answered> {
        if (core_.as() != raft::role::leader) return not_leading(verdict::not_leader);
        auto whom = make_response_promise<answered>();
        batch_.push_back({await(whom), std::move(request.entry)});
        flush();
        if (!request.note.empty()) noted(request.note);
        return whom;
      },
      [this](const status_query&) { return status(); },
      [this](change_members& wanted) { return on_change(wanted); },
      [this](const hand_over& wanted) { return on_hand_over(wanted); },
      [this](const give_up_hand_over& what) { on_give_up(what.term); },
  };
}

void replica_actor::put_in_log(std::string entry) {
  batch_.push_back({0, std::move(entry)});
  flush();
}

void replica_actor::feed(raft::input in) {
  out_.clear();
  core_.step(std::move(in), now(), out_);
  carry_out();
  arm();
}

void replica_actor::persisted(std::uint64_t record) {
  held_.release(durable_, [this](raft::letter& l) { post(l); });
  feed(raft::persisted{record});
}

void replica_actor::carry_out() {
  if (out_.persist) {
    const auto number = out_.persist->number;
    persist(batch_of(std::move(*out_.persist)), number);
  }
  for (auto& l : out_.send_now) post(l);
  for (auto& l : out_.send) {
    if (all_durable())
      post(l);
    else
      held_.hold(std::move(l), given_);
  }
  for (const auto& t : out_.taken) taken(t.cookie, t.index, t.term);
  for (const auto& no : out_.turned_away)
    turned_away(no.cookie,
                no.why == raft::refusal::not_leader || no.why == raft::refusal::transferring
                    ? verdict::not_leader
                    : verdict::busy);
  for (const auto& r : out_.reads) readable(r.cookie, r.index);
  if (out_.restore) {
    if (const auto back = machine_.restore(*out_.restore->bytes);
        !back && !out_.restore->bytes->empty())
      return quit(make_error(
          errc::corrupted,
          "a snapshot of group " + s_.group + " from its leader cannot be read: " + back.error()));
    applied_ = out_.restore->index;
    applied();
  }
  for (const auto& e : out_.events) on_event(e);
  if (out_.committed > applied_) apply_to(out_.committed);
  on_role();
  answer_readers(applied_);
  if (core_.wants_snapshot(applied_, snapshot_later_)) {
    draw_snapshot(s_.how.log_bytes);
    const auto bytes = std::make_shared<const std::string>(machine_.snapshot());
    log::info("log", "snapshot",
              {{"group", s_.group}, {"index", applied_}, {"bytes", bytes->size()}});
    feed(raft::snapshotted{applied_, bytes});
  }
}

void replica_actor::apply_to(std::uint64_t index) {
  while (applied_ < index) {
    const auto& e = core_.entries().at(++applied_);
    std::string bytes;
    if (e.kind == raft::entry_kind::command) bytes = machine_.apply({applied_, e.term}, e.bytes);
    const auto [from, to] = waiting_.equal_range(applied_);
    for (auto it = from; it != to; ++it) {
      auto& w = it->second;
      if (w.term != e.term)  // another leader's stands there
        w.whom.deliver(not_leading(verdict::not_leader));
      else if (w.configures)
        changing_.push_back(std::move(w.whom));
      else
        w.whom.deliver(answered{verdict::done, std::move(bytes), known_.node});
    }
    waiting_.erase(from, to);
  }
  applied();
  settle_changes();
}

void replica_actor::post(raft::letter& l) {
  if (s_.courier && (std::holds_alternative<raft::heartbeat>(l.what) ||
                     std::holds_alternative<raft::heartbeat_reply>(l.what)))
    return send<message_priority::high>(
        s_.courier, posted{s_.group, name_of(l.to), {s_.id, l.to, s_.node, std::move(l.what)}});
  const auto* to = peer(l.to);
  if (!to) return;  // the core asks again
  const bool bulk = std::holds_alternative<raft::append_request>(l.what) ||
                    std::holds_alternative<raft::snapshot_part>(l.what);
  letter m{s_.id, l.to, s_.node, std::move(l.what)};
  if (bulk)
    send(*to, std::move(m));
  else
    send<message_priority::high>(*to, std::move(m));
}

void replica_actor::lost(const std::string& node) {
  for (const auto& [id, name] : names_)
    if (name == node && id == core_.leader()) return feed(raft::lost{id});
}
}  // namespace troupe::consensus

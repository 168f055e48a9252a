#include "actors/consensus/zab_replica.hpp"

#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/log.hpp"

#include <caf/all.hpp>
namespace troupe::consensus {
using caf::message_priority;
namespace {
// What would be lost if it overtook what it comes after: the core says it again, but only later.
bool keeps_its_place(const zab::message& m) {
  return std::holds_alternative<zab::synchronise>(m) ||
         std::holds_alternative<zab::new_leader>(m) || std::holds_alternative<zab::proposals>(m) ||
         std::holds_alternative<zab::commit>(m);
}
}  // namespace

zab_replica::zab_replica(caf::actor_config& config, zab_settings settings)
    : replica_frame{config,
                    {settings.self, settings.node, std::move(settings.log),
                     std::move(settings.machine), settings.sessions, settings.seed}},
      s_{std::move(settings)},
      ledger_{std::move(s_.from.ledger)},
      core_{s_.self, s_.of, s_.how, std::move(s_.from.core), ledger_.life() + 1, now(), out_} {
  names_ = s_.names;
  draw_snapshot(s_.log_bytes);
}

bool zab_replica::restart() {
  if (!core_.base().bytes->empty() && !restore(core_.base())) return false;
  applied_ = core_.base().at;
  persist(ledger_.begin(), 0);
  carry_out();  // of the core's making
  return true;
}

caf::message_handler zab_replica::own() {
  return {
      [this](zab_letter& m) {
        if (m.to != s_.self) return;  // to the one that had this name before
        names_[m.from] = m.name;
        feed(zab::received{m.from, std::move(m.what)});
      },
      [this](submit& request) -> caf::result<answered> {
        if (!core_.established()) return not_leading(verdict::not_leader);
        if (auto no = admit(request.entry)) return answered{verdict::done, std::move(*no), s_.node};
        auto whom = make_response_promise<answered>();
        batch_.push_back({await(whom), std::move(request.entry)});
        flush();
        return whom;
      },
      [this](const status_query&) { return status(); },
      [this](const change_members&) { return fixed(); },
      [this](const hand_over&) { return fixed(); },
  };
}

void zab_replica::put_in_log(std::string entry) {
  batch_.push_back({0, std::move(entry)});
  flush();
}

void zab_replica::feed(zab::input in) {
  out_.clear();
  core_.step(std::move(in), now(), out_);
  carry_out();
  arm();
}

void zab_replica::persisted(std::uint64_t record) {
  held_.release(durable_, [this](zab::letter& l) { post(l); });
  if (record != 0) feed(zab::persisted{record});
}

void zab_replica::carry_out() {
  if (out_.persist) {
    const auto record = out_.persist->number;
    persist(ledger_.batch_of(std::move(*out_.persist)), record);
  }
  for (auto& l : out_.send_now) post(l);
  for (auto& l : out_.send) {
    if (all_durable())
      post(l);
    else
      held_.hold(std::move(l), given_);
  }
  for (const auto& t : out_.taken) taken(t.cookie, index_of(t.at), t.at.epoch);
  for (const auto& no : out_.turned_away)
    turned_away(no.cookie,
                no.why == zab::refusal::overloaded ? verdict::busy : verdict::not_leader);
  for (const auto& r : out_.reads) readable(r.cookie, index_of(r.at));
  if (out_.restore && !restore(*out_.restore)) return;
  for (const auto& e : out_.events) on_event(e);
  if (out_.committed && *out_.committed > applied_) apply_to(*out_.committed);
  on_role();
  answer_readers(index_of(applied_));
  snapshot_if_due();
}

bool zab_replica::restore(const zab::snapshot& base) {
  if (const auto back = machine_.restore(*base.bytes); !back) {
    log::error("zab", "a snapshot cannot be read back",
               {{"group", s_.group}, {"reason", back.error()}});
    quit(make_error(errc::corrupted, "a snapshot of group " + s_.group + ": " + back.error()));
    return false;
  }
  applied_ = base.at;
  log_bytes_ = 0;
  applied();
  return true;
}

void zab_replica::apply_to(zab::zxid upto) {
  const auto& log = core_.log();
  for (auto i = log.after(applied_); i < log.size() && log[i].at <= upto; ++i) {
    const auto& t = log[i];
    applied_ = t.at;
    log_bytes_ += t.bytes.size() + sizeof t;
    auto bytes = machine_.apply({index_of(t.at), t.at.epoch}, t.bytes);
    if (auto found = waiting_.extract(index_of(t.at)))
      found.mapped().whom.deliver(answered{verdict::done, std::move(bytes), s_.node});
  }
  applied();
}

void zab_replica::snapshot_if_due() {
  if (log_bytes_ <= s_.log_bytes + snapshot_later_ || applied_ <= core_.base().at) return;
  draw_snapshot(s_.log_bytes);
  log_bytes_ = 0;
  const auto bytes = std::make_shared<const std::string>(machine_.snapshot());
  log::info("zab", "snapshot",
            {{"group", s_.group}, {"index", index_of(applied_)}, {"bytes", bytes->size()}});
  feed(zab::snapshotted{applied_, bytes});
}

void zab_replica::post(zab::letter& l) {
  const auto* to = peer(l.to);
  if (!to) return;  // the core asks again
  const bool in_order = keeps_its_place(l.what);
  zab_letter m{s_.self, l.to, s_.node, std::move(l.what)};
  if (in_order)
    send(*to, std::move(m));
  else
    send<message_priority::high>(*to, std::move(m));
}

void zab_replica::lost(const std::string& node) {
  for (const auto& [id, name] : names_)
    if (name == node) feed(zab::lost{id});
}
}  // namespace troupe::consensus

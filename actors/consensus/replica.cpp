#include "actors/consensus/replica.hpp"

#include "actors/consensus/courier.hpp"
#include "actors/consensus/storing.hpp"
#include "patterns/encoding.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"
#include "runtime/peers.hpp"

#include <algorithm>

#include <caf/all.hpp>
namespace troupe::consensus {
struct flush_batch {};
TROUPE_MESSAGE(flush_batch)
struct core_tick {};
TROUPE_MESSAGE(core_tick)
struct synced {
  std::uint64_t number = 0;
  std::string problem;  // empty: durable
};
TROUPE_MESSAGE(synced, number, problem)
}  // namespace troupe::consensus
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::consensus::flush_batch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::consensus::core_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::consensus::synced)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::consensus::give_up_hand_over)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::consensus::shaken)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::consensus::posted)

namespace troupe::consensus {
using caf::message_priority;
namespace {
constexpr raft::duration hears_first = std::chrono::milliseconds{5};
}

replica_actor::replica_actor(caf::actor_config& config, replica_settings settings)
    : caf::event_based_actor{config},
      s_{std::move(settings)},
      core_{s_.id, s_.how, std::move(s_.from), s_.seed, now()},
      machine_{std::move(s_.machine), s_.sessions},
      chance_{s_.seed + 1} {
  draw_snapshot();
}

raft::instant replica_actor::now() {
  return std::chrono::duration_cast<raft::instant>(clock().now().time_since_epoch());
}

void replica_actor::on_exit() {
  for (auto& [cookie, whom] : proposed_) whom.deliver(not_leading(verdict::unsure));
  for (auto& [index, w] : waiting_) w.whom.deliver(not_leading(verdict::unsure));
  for (auto& [cookie, r] : reading_) r.whom.deliver(not_leading(verdict::not_leader));
  for (auto& [index, r] : readable_) r.whom.deliver(not_leading(verdict::not_leader));
  proposed_.clear();
  waiting_.clear();
  reading_.clear();
  readable_.clear();
  peers_.clear();
  told_.clear();
  changing_.clear();
  s_.courier = nullptr;
  s_.log.reset();  // what it has not synced yet is to be told to us
}

caf::behavior replica_actor::make_behavior() {
  const auto& base = core_.base();
  if (!base.bytes->empty()) {
    if (const auto back = machine_.restore(*base.bytes); !back) {
      log::error("log", "the snapshot cannot be read back",
                 {{"group", s_.group}, {"reason", back.error()}});
      quit(make_error(errc::corrupted, "the snapshot of group " + s_.group + ": " + back.error()));
      return {};
    }
  }
  applied_ = base.index;
  for (const auto& p : core_.config().voters) names_[p.id] = p.name;
  set_down_handler([this](const caf::down_msg& gone) {
    std::erase_if(told_, [&](const caf::actor& a) { return a.address() == gone.source; });
    ended(gone);
  });
  arm();
  caf::message_handler own{
      [this](letter& m) {
        if (m.to != s_.id) return;  // to the one that had this name before
        names_[m.from] = m.name;
        feed(raft::received{m.from, std::move(m.what)});
      },
      [this](const synced& what) {
        if (!what.problem.empty()) return quit(make_error(errc::failed, what.problem));
        durable_ = std::max(durable_, what.number);
        auto it = held_.begin();
        for (; it != held_.end() && it->number <= durable_; ++it)
          for (auto& l : it->letters) post(l);
        held_.erase(held_.begin(), it);
        feed(raft::persisted{what.number});
      },
      [this](core_tick) {
        if (now() < armed_)
          return;  // an earlier one came after it was armed, and has armed another
        armed_ = raft::instant::max();
        const auto late = now() - core_.due();
        if (late < raft::duration{0}) return arm();
        // Kept from running, it first hears what has come meanwhile, and only then may take a leader for dead.
        if (core_.as() != raft::role::leader && late > hears_first && !std::exchange(late_, true)) {
          armed_ = now() + hears_first;
          return delayed_send(this, hears_first, core_tick{});
        }
        late_ = false;
        feed(raft::tick{});
      },
      [this](submit& request) -> caf::result<answered> {
        if (core_.as() != raft::role::leader) return not_leading(verdict::not_leader);
        auto promise = make_response_promise<answered>();
        proposed_.emplace(++cookies_, promise);
        batch_.push_back({cookies_, std::move(request.entry)});
        flush();
        if (!request.note.empty()) noted(request.note);
        return promise;
      },
      [this](ask& request) -> caf::result<answered> {
        if (request.stale)
          return answered{verdict::done, machine_.query(request.question), known_.node};
        auto promise = make_response_promise<answered>();
        reading_.emplace(++cookies_, reader{std::move(request.question), request.host, promise});
        feed(raft::read{cookies_});
        return promise;
      },
      [this](flush_batch) {
        flushing_ = false;
        feed(raft::propose{std::exchange(batch_, {})});
      },
      [this](peer_up& peer) { peers_[peer.id] = std::move(peer.handle); },
      [this](const peer_down& peer) {
        peers_.erase(peer.id);
        lost(peer.id);
      },
      [this](const shaken& what) { lost(what.node); },
      [this](tell_leader& wish) {
        monitor(wish.whom);
        send(wish.whom, known_);
        told_.push_back(std::move(wish.whom));
      },
      [this](const status_query&) { return status(); },
      [this](change_members& wanted) { return on_change(wanted); },
      [this](const hand_over& wanted) { return on_hand_over(wanted); },
      [this](const give_up_hand_over& what) { on_give_up(what.term); },
  };
  return own.or_else(more());
}

// What is in the mailbox already goes along.
void replica_actor::flush() {
  if (std::exchange(flushing_, true)) return;
  send(this, flush_batch{});
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

void replica_actor::carry_out() {
  if (out_.persist) {
    const auto number = out_.persist->number;
    given_ = number;
    s_.log->submit(batch_of(std::move(*out_.persist)),
                   [to = caf::actor_cast<caf::actor>(this), number](const auto& done) {
                     caf::anon_send<message_priority::high>(
                         to, synced{number, done ? std::string{} : done.error().sentence});
                   });
  }
  for (auto& l : out_.send_now) post(l);
  if (given_ == durable_) {
    for (auto& l : out_.send) post(l);
  } else if (!out_.send.empty()) {
    if (held_.empty() || held_.back().number != given_) held_.push_back({given_, {}});
    for (auto& l : out_.send) held_.back().letters.push_back(std::move(l));
  }
  for (const auto& t : out_.taken) {
    const auto found = proposed_.find(t.cookie);
    if (found == proposed_.end()) continue;
    waiting_.emplace(t.index, waiting{t.term, std::move(found->second), false});
    proposed_.erase(found);
  }
  for (const auto& no : out_.turned_away) {
    const auto what = no.why == raft::refusal::not_leader || no.why == raft::refusal::transferring
                          ? verdict::not_leader
                          : verdict::busy;
    if (const auto found = proposed_.find(no.cookie); found != proposed_.end()) {
      found->second.deliver(not_leading(what));
      proposed_.erase(found);
    }
    if (const auto found = reading_.find(no.cookie); found != reading_.end()) {
      found->second.whom.deliver(not_leading(what));
      reading_.erase(found);
    }
  }
  for (const auto& r : out_.reads) {
    const auto found = reading_.find(r.cookie);
    if (found == reading_.end()) continue;
    readable_.emplace(r.index, std::move(found->second));
    reading_.erase(found);
  }
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
  answer_readers();
  if (core_.wants_snapshot(applied_, snapshot_later_)) {
    draw_snapshot();
    const auto bytes = std::make_shared<const std::string>(machine_.snapshot());
    log::info("log", "snapshot",
              {{"group", s_.group}, {"index", applied_}, {"bytes", bytes->size()}});
    feed(raft::snapshotted{applied_, bytes});
  }
}

void replica_actor::draw_snapshot() {
  snapshot_later_ = std::uniform_int_distribution<std::uint64_t>{0, s_.how.log_bytes / 2}(chance_);
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

void replica_actor::answer_readers() {
  while (!readable_.empty() && readable_.begin()->first <= applied_) {
    auto& r = readable_.begin()->second;
    auto bytes = r.host ? asked(r.question) : machine_.query(r.question);
    r.whom.deliver(bytes ? answered{verdict::done, std::move(*bytes), known_.node}
                         : not_leading(verdict::not_leader));
    readable_.erase(readable_.begin());
  }
}

void replica_actor::post(raft::letter& l) {
  if (s_.courier && (std::holds_alternative<raft::heartbeat>(l.what) ||
                     std::holds_alternative<raft::heartbeat_reply>(l.what)))
    return send<message_priority::high>(
        s_.courier, posted{s_.group, name_of(l.to), {s_.id, l.to, s_.node, std::move(l.what)}});
  const auto found = peers_.find(name_of(l.to));
  if (found == peers_.end()) return;  // the core asks again
  const bool bulk = std::holds_alternative<raft::append_request>(l.what) ||
                    std::holds_alternative<raft::snapshot_part>(l.what);
  letter m{s_.id, l.to, s_.node, std::move(l.what)};
  if (bulk)
    send(found->second, std::move(m));
  else
    send<message_priority::high>(found->second, std::move(m));
}

void replica_actor::lost(const std::string& node) {
  for (const auto& [id, name] : names_)
    if (name == node && id == core_.leader()) return feed(raft::lost{id});
}

void replica_actor::arm() {
  const auto due = core_.due();
  if (due == raft::instant::max() || due >= armed_) return;
  armed_ = due;
  const auto at = now();
  delayed_send(this, due > at ? due - at : raft::duration{0}, core_tick{});
}

std::string replica_actor::name_of(raft::server id) const {
  if (id == s_.id) return s_.node;
  const auto found = names_.find(id);
  return found == names_.end() ? std::string{} : found->second;
}

answered replica_actor::not_leading(verdict what) const {
  return {what, {}, core_.as() == raft::role::leader ? s_.node : name_of(core_.leader())};
}
}  // namespace troupe::consensus

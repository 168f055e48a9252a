#include "actors/consensus/zab_replica.hpp"

#include "actors/consensus/replica.hpp"  // shaken
#include "patterns/encoding.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/log.hpp"
#include "runtime/peers.hpp"

#include <utility>

#include <caf/all.hpp>
namespace troupe::consensus {
struct zab_flush {};
TROUPE_MESSAGE(zab_flush)
struct zab_tick {};
TROUPE_MESSAGE(zab_tick)
struct zab_synced {
  std::uint64_t number = 0;  // of the batch
  std::uint64_t record = 0;  // of the core's; 0: it is none
  std::string problem;       // empty: durable
};
TROUPE_MESSAGE(zab_synced, number, record, problem)
}  // namespace troupe::consensus
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::consensus::zab_flush)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::consensus::zab_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::consensus::zab_synced)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::consensus::shaken)

namespace troupe::consensus {
using caf::message_priority;
namespace {
constexpr zab::duration hears_first = std::chrono::milliseconds{5};

// What would be lost if it overtook what it comes after: the core says it again, but only later.
bool keeps_its_place(const zab::message& m) {
  return std::holds_alternative<zab::synchronise>(m) ||
         std::holds_alternative<zab::new_leader>(m) || std::holds_alternative<zab::proposals>(m) ||
         std::holds_alternative<zab::commit>(m);
}
}  // namespace

zab_replica::zab_replica(caf::actor_config& config, zab_settings settings)
    : caf::event_based_actor{config},
      s_{std::move(settings)},
      ledger_{std::move(s_.from.ledger)},
      core_{s_.self, s_.of, s_.how, std::move(s_.from.core), ledger_.life() + 1, now(), out_},
      machine_{std::move(s_.machine), s_.sessions},
      chance_{s_.seed + 1},
      names_{s_.names} {
  draw_snapshot();
}

zab::instant zab_replica::now() {
  return std::chrono::duration_cast<zab::instant>(clock().now().time_since_epoch());
}

void zab_replica::on_exit() {
  for (auto& [cookie, whom] : proposed_) whom.deliver(not_leading(verdict::unsure));
  for (auto& [at, whom] : waiting_) whom.deliver(not_leading(verdict::unsure));
  for (auto& [cookie, r] : reading_) r.whom.deliver(not_leading(verdict::not_leader));
  for (auto& [at, r] : readable_) r.whom.deliver(not_leading(verdict::not_leader));
  proposed_.clear();
  waiting_.clear();
  reading_.clear();
  readable_.clear();
  peers_.clear();
  told_.clear();
  s_.log.reset();  // what it has not synced yet is to be told to us
}

caf::behavior zab_replica::make_behavior() {
  if (!core_.base().bytes->empty() && !restore(core_.base())) return {};
  applied_ = core_.base().at;
  set_down_handler([this](const caf::down_msg& gone) {
    std::erase_if(told_, [&](const caf::actor& a) { return a.address() == gone.source; });
    ended(gone);
  });
  persist(ledger_.begin(), 0);
  carry_out();  // of the core's making
  arm();
  caf::message_handler own{
      [this](zab_letter& m) {
        if (m.to != s_.self) return;  // to the one that had this name before
        names_[m.from] = m.name;
        feed(zab::received{m.from, std::move(m.what)});
      },
      [this](const zab_synced& what) {
        if (!what.problem.empty()) return quit(make_error(errc::failed, what.problem));
        durable_ = std::max(durable_, what.number);
        auto it = held_.begin();
        for (; it != held_.end() && it->number <= durable_; ++it)
          for (auto& l : it->letters) post(l);
        held_.erase(held_.begin(), it);
        if (what.record != 0) feed(zab::persisted{what.record});
      },
      [this](zab_tick) {
        if (now() < armed_)
          return;  // an earlier one came after it was armed, and has armed another
        armed_ = zab::instant::max();
        const auto late = now() - core_.due();
        if (late < zab::duration{0}) return arm();
        // Kept from running, it first hears what has come meanwhile, and only then may take others for dead.
        if (late > hears_first && !std::exchange(late_, true)) {
          armed_ = now() + hears_first;
          return delayed_send(this, hears_first, zab_tick{});
        }
        late_ = false;
        feed(zab::tick{});
      },
      [this](submit& request) -> caf::result<answered> {
        if (!core_.established()) return not_leading(verdict::not_leader);
        if (auto no = admit(request.entry)) return answered{verdict::done, std::move(*no), s_.node};
        auto promise = make_response_promise<answered>();
        proposed_.emplace(++cookies_, promise);
        batch_.push_back({cookies_, std::move(request.entry)});
        flush();
        return promise;
      },
      [this](ask& request) -> caf::result<answered> {
        if (request.stale)
          return answered{verdict::done, machine_.query(request.question), known_.node};
        auto promise = make_response_promise<answered>();
        reading_.emplace(++cookies_, reader{std::move(request.question), request.host, promise});
        feed(zab::read{cookies_});
        return promise;
      },
      [this](zab_flush) {
        flushing_ = false;
        feed(zab::propose{std::exchange(batch_, {})});
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
      [this](const change_members&) { return fixed(); },
      [this](const hand_over&) { return fixed(); },
  };
  return own.or_else(more());
}

// What is in the mailbox already goes along.
void zab_replica::flush() {
  if (std::exchange(flushing_, true)) return;
  send(this, zab_flush{});
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

void zab_replica::persist(journal::batch what, std::uint64_t record) {
  const auto number = ++given_;
  s_.log->submit(
      std::move(what), [to = caf::actor_cast<caf::actor>(this), number, record](const auto& done) {
        caf::anon_send<message_priority::high>(
            to, zab_synced{number, record, done ? std::string{} : done.error().sentence});
      });
}

void zab_replica::carry_out() {
  if (out_.persist) {
    const auto record = out_.persist->number;
    persist(ledger_.batch_of(std::move(*out_.persist)), record);
  }
  for (auto& l : out_.send_now) post(l);
  if (given_ == durable_) {
    for (auto& l : out_.send) post(l);
  } else if (!out_.send.empty()) {
    if (held_.empty() || held_.back().number != given_) held_.push_back({given_, {}});
    for (auto& l : out_.send) held_.back().letters.push_back(std::move(l));
  }
  settle_requests();
  if (out_.restore && !restore(*out_.restore)) return;
  for (const auto& e : out_.events) on_event(e);
  if (out_.committed && *out_.committed > applied_) apply_to(*out_.committed);
  on_role();
  answer_readers();
  snapshot_if_due();
}

void zab_replica::settle_requests() {
  for (const auto& t : out_.taken) {
    const auto found = proposed_.find(t.cookie);
    if (found == proposed_.end()) continue;
    waiting_.emplace(t.at, std::move(found->second));
    proposed_.erase(found);
  }
  for (const auto& no : out_.turned_away) {
    const auto what = no.why == zab::refusal::overloaded ? verdict::busy : verdict::not_leader;
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
    readable_.emplace(r.at, std::move(found->second));
    reading_.erase(found);
  }
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
    const auto found = waiting_.find(t.at);
    if (found == waiting_.end()) continue;
    found->second.deliver(answered{verdict::done, std::move(bytes), s_.node});
    waiting_.erase(found);
  }
  applied();
}

void zab_replica::answer_readers() {
  while (!readable_.empty() && readable_.begin()->first <= applied_) {
    auto r = std::move(readable_.begin()->second);
    readable_.erase(readable_.begin());
    auto bytes = r.host ? asked(r.question) : machine_.query(r.question);
    r.whom.deliver(bytes ? answered{verdict::done, std::move(*bytes), known_.node}
                         : not_leading(verdict::not_leader));
  }
}

void zab_replica::draw_snapshot() {
  snapshot_later_ = std::uniform_int_distribution<std::uint64_t>{0, s_.log_bytes / 2}(chance_);
}

void zab_replica::snapshot_if_due() {
  if (log_bytes_ <= s_.log_bytes + snapshot_later_ || applied_ <= core_.base().at) return;
  draw_snapshot();
  log_bytes_ = 0;
  const auto bytes = std::make_shared<const std::string>(machine_.snapshot());
  log::info("zab", "snapshot",
            {{"group", s_.group}, {"index", index_of(applied_)}, {"bytes", bytes->size()}});
  feed(zab::snapshotted{applied_, bytes});
}

void zab_replica::post(zab::letter& l) {
  const auto found = peers_.find(name_of(l.to));
  if (found == peers_.end()) return;  // the core asks again
  const bool in_order = keeps_its_place(l.what);
  zab_letter m{s_.self, l.to, s_.node, std::move(l.what)};
  if (in_order)
    send(found->second, std::move(m));
  else
    send<message_priority::high>(found->second, std::move(m));
}

void zab_replica::lost(const std::string& node) {
  for (const auto& [id, name] : names_)
    if (name == node) feed(zab::lost{id});
}

void zab_replica::arm() {
  const auto due = core_.due();
  if (due == zab::instant::max() || due >= armed_) return;
  armed_ = due;
  const auto at = now();
  delayed_send(this, due > at ? due - at : zab::duration{0}, zab_tick{});
}
}  // namespace troupe::consensus

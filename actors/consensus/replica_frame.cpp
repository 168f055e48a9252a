#include "actors/consensus/replica_frame.hpp"

#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/peers.hpp"

#include <algorithm>

#include <caf/all.hpp>
namespace troupe::consensus {
struct flush_batch {};
TROUPE_MESSAGE(flush_batch)
struct core_tick {};
TROUPE_MESSAGE(core_tick)
struct synced {
  std::uint64_t number = 0;  // of the batch
  std::uint64_t record = 0;  // of the core's; 0: it is none
  std::string problem;       // empty: durable
};
TROUPE_MESSAGE(synced, number, record, problem)
}  // namespace troupe::consensus
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::consensus::flush_batch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::consensus::core_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::consensus::synced)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::consensus::shaken)

namespace troupe::consensus {
using caf::message_priority;
namespace {
constexpr std::chrono::nanoseconds hears_first = std::chrono::milliseconds{5};
}

replica_frame::replica_frame(caf::actor_config& config, parts of)
    : caf::event_based_actor{config},
      machine_{std::move(of.machine), of.sessions},
      id_{of.id},
      node_{std::move(of.node)},
      log_{std::move(of.log)},
      chance_{of.seed + 1} {}

std::chrono::nanoseconds replica_frame::now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(clock().now().time_since_epoch());
}

void replica_frame::on_exit() {
  for (auto& [cookie, whom] : proposed_) whom.deliver(not_leading(verdict::unsure));
  unsure();
  for (auto& [cookie, r] : reading_) r.whom.deliver(not_leading(verdict::not_leader));
  turn_readers_away();
  proposed_.clear();
  reading_.clear();
  peers_.clear();
  told_.clear();
  log_.reset();  // what it has not synced yet is to be told to us
}

caf::behavior replica_frame::make_behavior() {
  if (!restart()) return {};
  set_down_handler([this](const caf::down_msg& gone) {
    std::erase_if(told_, [&](const caf::actor& a) { return a.address() == gone.source; });
    ended(gone);
  });
  arm();
  caf::message_handler common{
      [this](const synced& what) {
        if (!what.problem.empty()) return quit(make_error(errc::failed, what.problem));
        durable_ = std::max(durable_, what.number);
        persisted(what.record);
      },
      [this](core_tick) {
        if (now() < armed_)
          return;  // an earlier one came after it was armed, and has armed another
        armed_ = std::chrono::nanoseconds::max();
        const auto late = now() - due();
        if (late < std::chrono::nanoseconds{0}) return arm();
        // Kept from running, it first hears what has come meanwhile, and only then may take others for dead.
        if (may_depose() && late > hears_first && !std::exchange(late_, true)) {
          armed_ = now() + hears_first;
          return delayed_send(this, hears_first, core_tick{});
        }
        late_ = false;
        tick();
      },
      [this](ask& request) -> caf::result<answered> {
        if (request.stale)
          return answered{verdict::done, machine_.query(request.question), known_.node};
        auto whom = make_response_promise<answered>();
        reading_.emplace(++cookies_, reader{std::move(request.question), request.host, whom});
        read(cookies_);
        return whom;
      },
      [this](flush_batch) {
        flushing_ = false;
        propose();
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
  };
  return own().or_else(common).or_else(more());
}

std::uint64_t replica_frame::await(promise whom) {
  proposed_.emplace(++cookies_, std::move(whom));
  return cookies_;
}

// What is in the mailbox already goes along.
void replica_frame::flush() {
  if (std::exchange(flushing_, true)) return;
  send(this, flush_batch{});
}

void replica_frame::persist(journal::batch what, std::uint64_t record) {
  const auto number = ++given_;
  log_->submit(std::move(what),
               [to = caf::actor_cast<caf::actor>(this), number, record](const auto& done) {
                 caf::anon_send<message_priority::high>(
                     to, synced{number, record, done ? std::string{} : done.error().sentence});
               });
}

void replica_frame::taken(std::uint64_t cookie, std::uint64_t place, std::uint64_t term) {
  if (auto found = proposed_.extract(cookie))
    waiting_.emplace(place, waiting{term, std::move(found.mapped())});
}

void replica_frame::turned_away(std::uint64_t cookie, verdict what) {
  if (auto found = proposed_.extract(cookie)) found.mapped().deliver(not_leading(what));
  if (auto found = reading_.extract(cookie)) found.mapped().whom.deliver(not_leading(what));
}

void replica_frame::readable(std::uint64_t cookie, std::uint64_t place) {
  if (auto found = reading_.extract(cookie)) readable_.emplace(place, std::move(found.mapped()));
}

void replica_frame::answer_readers(std::uint64_t applied) {
  while (!readable_.empty() && readable_.begin()->first <= applied) {
    auto r = std::move(readable_.begin()->second);
    readable_.erase(readable_.begin());
    auto bytes = r.host ? asked(r.question) : machine_.query(r.question);
    r.whom.deliver(bytes ? answered{verdict::done, std::move(*bytes), known_.node}
                         : not_leading(verdict::not_leader));
  }
}

void replica_frame::turn_readers_away() {
  for (auto& [place, r] : readable_) r.whom.deliver(not_leading(verdict::not_leader));
  readable_.clear();
}

void replica_frame::unsure() {
  for (auto& [place, w] : waiting_) w.whom.deliver(not_leading(verdict::unsure));
  waiting_.clear();
}

void replica_frame::arm() {
  const auto next = due();
  if (next == std::chrono::nanoseconds::max() || next >= armed_) return;
  armed_ = next;
  delayed_send(this, std::max(next - now(), std::chrono::nanoseconds{0}), core_tick{});
}

void replica_frame::tell_all(leads now) {
  known_ = std::move(now);
  for (const auto& whom : told_) send<message_priority::high>(whom, known_);
}

void replica_frame::draw_snapshot(std::uint64_t log_bytes) {
  snapshot_later_ = std::uniform_int_distribution<std::uint64_t>{0, log_bytes / 2}(chance_);
}

std::string replica_frame::name_of(std::uint64_t id) const {
  if (id == id_) return node_;
  const auto found = names_.find(id);
  return found == names_.end() ? std::string{} : found->second;
}

const caf::actor* replica_frame::peer(std::uint64_t id) const {
  const auto found = peers_.find(name_of(id));
  return found == peers_.end() ? nullptr : &found->second;
}
}  // namespace troupe::consensus

#include "actors/storage/departures.hpp"

#include "actors/consensus/protocol.hpp"
#include "runtime/codec/inspect.hpp"

#include <utility>

#include <caf/all.hpp>
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::storage::departures_tick)

namespace troupe::storage {
namespace {
constexpr int silences_max = 2;
}

departures::departures(caf::event_based_actor* self, caf::actor client,
                       departures_settings settings, std::function<void(wait, end)> then)
    : self_{self}, client_{std::move(client)}, s_{std::move(settings)}, then_{std::move(then)} {}

void departures::clear() {
  client_ = nullptr;
  at_ = nullptr;
  replicas_.clear();
  waits_.clear();
  open_.clear();
  then_ = nullptr;
}

void departures::await(wait id, std::vector<std::string> keys, revision from, std::string own) {
  begin();
  auto& w = waits_[id];
  w = {std::move(keys), from, std::move(own), {}};
  serve();
  if (at_ && w.open.empty()) open(id, w);
  arm();
}

caf::message_handler departures::handlers() {
  return {
      [this](peer_up& peer) {
        auto& known = replicas_[peer.id];
        if (known == peer.handle) return;
        known = std::move(peer.handle);
        if (left_ == peer.id) left_.clear();
        if (serving_ == peer.id) leave();
        serve();
      },
      [this](const peer_down& peer) {
        replicas_.erase(peer.id);
        if (serving_ == peer.id) leave();
        serve();
      },
      [this](const consensus::leads& news) {
        leader_ = news.node;
        if (left_ == leader_) left_.clear();
        serve();
      },
      [this](const watch_events& what) {
        heard_ = true;
        finish(what.id, {how::erased, what.at});
      },
      [this](const watch_noted& what) {
        heard_ = true;
        finish(what.id, {how::noted, 0});
      },
      [this](const watch_pong& what) {
        heard_ = true;
        out_of_touch_ = what.in_touch ? 0 : out_of_touch_ + 1;
      },
      [this](const watch_ended& what) {
        heard_ = true;
        if (what.why == watch_end::compacted || what.why == watch_end::overrun)
          return finish(what.id, {how::unknown, 0});
        const auto found = open_.find(what.id);
        if (found == open_.end()) return;
        auto& w = waits_.at(found->second);  // opened again with the next tick
        for (const auto id : std::exchange(w.open, {})) open_.erase(id);
      },
      [this](departures_tick) {
        ticking_ = false;
        if (!waits_.empty()) look();
        arm();
      },
  };
}

void departures::down(const caf::down_msg& gone) {
  if (!at_ || at_.address() != gone.source) return;
  replicas_.erase(serving_);
  leave();
  serve();
}

void departures::begin() {
  if (std::exchange(begun_, true)) return;
  self_->send(client_, consensus::tell_replicas{self_});
  self_->send(client_, consensus::tell_leader{self_});
}

void departures::open(wait id, waiting& w) {
  for (const auto& key : w.keys) {
    w.open.push_back(++ids_);
    open_[ids_] = id;
    self_->send(
        at_,
        open_watch{
            self_,
            ids_,
            {.keys = one(key), .from = w.from, .puts = false, .once = true, .notes_with = w.own}});
  }
}

void departures::finish(watch_id id, end what) {
  const auto found = open_.find(id);
  if (found == open_.end()) return;
  const auto its = found->second;
  for (const auto other : waits_.at(its).open) {
    open_.erase(other);
    if (other != id) self_->send(at_, cancel_watch{other});
  }
  waits_.erase(its);
  then_(its, what);
}

std::string departures::choose() const {
  for (const auto& node : {leader_, s_.prefer})
    if (node != left_ && replicas_.contains(node)) return node;
  auto next = replicas_.upper_bound(left_);
  if (next == replicas_.end()) next = replicas_.begin();
  return next == replicas_.end() ? std::string{} : next->first;
}

// At the best there is, all that waits.
void departures::serve() {
  const auto node = choose();
  if (node.empty() || waits_.empty() || node == serving_) return;
  leave();
  serving_ = node;
  at_ = replicas_.at(node);
  self_->monitor(at_);
  silences_ = out_of_touch_ = 0;
  heard_ = false;
  for (auto& [id, w] : waits_) open(id, w);
}

void departures::leave() {
  if (!at_) return;
  for (const auto& [id, its] : open_) self_->send(at_, cancel_watch{id});
  open_.clear();
  for (auto& [id, w] : waits_) w.open.clear();
  self_->demonitor(at_.address());
  at_ = nullptr;
  serving_.clear();
}

void departures::look() {
  silences_ = std::exchange(heard_, false) ? 0 : silences_ + 1;
  if (at_ &&
      (silences_ >= silences_max || (out_of_touch_ >= silences_max && replicas_.size() > 1))) {
    left_ = serving_;
    leave();
  }
  serve();
  if (!at_) return;
  for (auto& [id, w] : waits_)
    if (w.open.empty()) open(id, w);
  if (!open_.empty()) self_->send(at_, watch_ping{open_.begin()->first});
}

void departures::arm() {
  if (waits_.empty() || std::exchange(ticking_, true)) return;
  self_->delayed_send(self_, s_.silence, departures_tick{});
}
}  // namespace troupe::storage

#include "actors/storage/departures.hpp"

#include "runtime/codec/inspect.hpp"

#include <utility>

#include <caf/all.hpp>
namespace troupe::storage {
departures::departures(caf::event_based_actor* self, caf::actor client,
                       departures_settings settings, std::function<void(wait, end)> then)
    : served{self,
             std::move(client),
             {.prefer = std::move(settings.prefer), .leader = true, .silence = settings.silence}},
      then_{std::move(then)} {}

void departures::clear() {
  waits_.clear();
  open_.clear();
  served::clear();
  then_ = nullptr;
}

void departures::await(wait id, std::vector<std::string> keys, revision from, std::string own) {
  auto& w = waits_[id];
  w = {std::move(keys), from, std::move(own), {}};
  want();
  if (replica() && w.open.empty()) open(id, w);
}

caf::message_handler departures::handlers() {
  return served::handlers().or_else(
      [this](const watch_events& what) {
        heard();
        finish(what.id, {how::erased, what.at});
      },
      [this](const watch_noted& what) {
        heard();
        finish(what.id, {how::noted, 0});
      },
      [this](const watch_pong& what) { ponged(what.in_touch); },
      [this](const watch_ended& what) {
        heard();
        if (what.why == watch_end::compacted || what.why == watch_end::overrun)
          return finish(what.id, {how::unknown, 0});
        const auto found = open_.find(what.id);
        if (found == open_.end()) return;
        auto& w = waits_.at(found->second);  // opened again with the next tick
        for (const auto id : std::exchange(w.open, {})) open_.erase(id);
      });
}

void departures::open(wait id, waiting& w) {
  for (const auto& key : w.keys) {
    w.open.push_back(++ids_);
    open_[ids_] = id;
    self_->send(
        replica(),
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
    if (other != id) self_->send(replica(), cancel_watch{other});
  }
  waits_.erase(its);
  want(!waits_.empty());
  then_(its, what);
}

void departures::open() {
  for (auto& [id, w] : waits_)
    if (w.open.empty()) open(id, w);
}

void departures::close() {
  for (const auto& [id, its] : open_) self_->send(replica(), cancel_watch{id});
  open_.clear();
  for (auto& [id, w] : waits_) w.open.clear();
}

void departures::ping() {
  open();
  if (!open_.empty()) self_->send(replica(), watch_ping{open_.begin()->first});
}
}  // namespace troupe::storage

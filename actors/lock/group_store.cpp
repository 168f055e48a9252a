#include "actors/lock/group_store.hpp"

#include "runtime/codec/inspect.hpp"

#include <algorithm>
#include <utility>

#include <caf/all.hpp>
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::late_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::store_wish)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::store_answer)

namespace troupe::lock {
group_store::group_store(caf::actor_config& config, caf::actor client, std::string prefer,
                         duration patience)
    : caf::event_based_actor{config},
      client_{std::move(client)},
      prefer_{std::move(prefer)},
      patience_{patience} {}

// Anonymously: whom nobody reaches any more comes here while it is destroyed, and cannot be a sender.
void group_store::on_exit() {
  client_ = nullptr;
  for (const auto& [id, w] : waits_)
    for (const auto& watcher : w.watchers)
      caf::anon_send_exit(watcher, caf::exit_reason::user_shutdown);
  waits_.clear();
  open_.clear();
}

instant group_store::now() {
  return std::chrono::duration_cast<instant>(clock().now().time_since_epoch());
}

std::uint64_t group_store::open(promise to) {
  const auto number = ++numbers_;
  open_.emplace_hint(open_.end(), number, asked{std::move(to), now() + patience_});
  if (!std::exchange(looking_, true)) delayed_send(this, patience_ / 4, late_tick{});
  return number;
}

void group_store::close(std::uint64_t number, answer what) {
  const auto found = open_.find(number);
  if (found == open_.end()) return;
  found->second.whom.deliver(store_answer{std::move(what)});
  open_.erase(found);
}

void group_store::look_late() {
  looking_ = false;
  const auto at = now();
  while (!open_.empty() && open_.begin()->second.until <= at)
    close(open_.begin()->first, unanswered{});
  if (!open_.empty() && !std::exchange(looking_, true))
    delayed_send(this, patience_ / 4, late_tick{});
}

std::uint64_t group_store::wait(promise to, const std::string& lock) {
  waits_[++waiting_ids_] = {std::move(to), lock, {}};
  return waiting_ids_;
}

group_store::waiting* group_store::waits_for(std::uint64_t id) {
  const auto found = waits_.find(id);
  return found == waits_.end() ? nullptr : &found->second;
}

void group_store::end(std::uint64_t id, answer what) {
  const auto found = waits_.find(id);
  if (found == waits_.end()) return;
  found->second.whom.deliver(store_answer{std::move(what)});
  for (const auto& watcher : found->second.watchers)
    send_exit(watcher, caf::exit_reason::user_shutdown);
  waits_.erase(found);
}

void group_store::sort(line& all) {
  std::sort(all.begin(), all.end(),
            [](const place& a, const place& b) { return a.ticket < b.ticket; });
}
}  // namespace troupe::lock

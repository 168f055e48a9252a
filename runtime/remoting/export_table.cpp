#include "runtime/remoting/export_table.hpp"

#include <utility>
#include <vector>

#include <caf/abstract_actor.hpp>
#include <caf/actor_registry.hpp>
#include <caf/actor_system.hpp>

namespace troupe::remoting {
void export_table::hold(const caf::strong_actor_ptr& actor) {
  auto& in = shard_of(actor->id());
  std::lock_guard guard{in.mutex};
  auto& found = in.entries[actor->id()];
  if (!found.actor) found.actor = actor;
  ++found.holders;
}

void export_table::make_findable(const caf::strong_actor_ptr& actor) {
  auto& in = shard_of(actor->id());
  {
    std::lock_guard guard{in.mutex};
    const auto found = in.entries.find(actor->id());
    if (found == in.entries.end() || std::exchange(found->second.findable, true)) return;
  }
  system_.registry().put(actor->id(), actor);
}

void export_table::release(caf::actor_id id, instant now) {
  auto& in = shard_of(id);
  std::lock_guard guard{in.mutex};
  const auto found = in.entries.find(id);
  if (found == in.entries.end() || found->second.holders == 0) return;
  if (--found->second.holders == 0) found->second.released = now;
}

caf::strong_actor_ptr export_table::find(caf::actor_id id) {
  auto& in = shard_of(id);
  std::lock_guard guard{in.mutex};
  const auto found = in.entries.find(id);
  return found != in.entries.end() ? found->second.actor : nullptr;
}

void export_table::sweep(instant now) {
  std::vector<entry> gone;  // destroyed outside the lock: an actor's end may come back here
  auto& in = shards_[next_++ % shard_count];
  {
    std::lock_guard guard{in.mutex};
    for (auto at = in.entries.begin(); at != in.entries.end();) {
      auto& it = at->second;
      const bool ended = it.actor->get()->getf(caf::abstract_actor::is_terminated_flag);
      if (!ended && (it.holders > 0 || now - it.released < grace)) {
        ++at;
        continue;
      }
      gone.push_back(std::move(it));
      at = in.entries.erase(at);
    }
  }
  for (auto& it : gone) {
    if (it.findable) system_.registry().erase(it.actor->id());
  }
}

std::size_t export_table::size() const {
  std::size_t sum = 0;
  for (const auto& in : shards_) {
    std::lock_guard guard{in.mutex};
    sum += in.entries.size();
  }
  return sum;
}

void export_table::clear() {
  for (auto& in : shards_) {
    std::unordered_map<caf::actor_id, entry> gone;
    {
      std::lock_guard guard{in.mutex};
      gone.swap(in.entries);
    }
    for (auto& [id, it] : gone) {
      if (it.findable) system_.registry().erase(id);
    }
  }
}
}  // namespace troupe::remoting

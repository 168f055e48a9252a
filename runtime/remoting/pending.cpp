#include "runtime/remoting/pending.hpp"

#include <vector>

#include <caf/abstract_actor.hpp>
#include <caf/mailbox_element.hpp>

namespace troupe::remoting {
void pending::add(const caf::strong_actor_ptr& asker, caf::message_id id, std::uint32_t session) {
  auto& in = shards_[asker->id() % shard_count];
  std::lock_guard guard{in.mutex};
  make_room(in);
  const key at{asker->id(), id.request_id().integer_value()};
  in.entries.insert_or_assign(at,
                              entry{caf::weak_actor_ptr{asker.get()}, id, session, ++in.numbers});
  in.order.emplace_back(at, in.numbers);
}

void pending::make_room(shard& in) {
  const auto stale = [&](const auto& it) {
    const auto found = in.entries.find(it.first);
    return found == in.entries.end() || found->second.number != it.second;
  };
  if (in.order.size() > 2 * in.entries.size() + 1024) std::erase_if(in.order, stale);
  while (in.entries.size() >= entries_max / shard_count) {
    if (!stale(in.order.front())) in.entries.erase(in.order.front().first);
    in.order.pop_front();
  }
}

void pending::fail(caf::actor_id asker, std::uint64_t request, const caf::error& reason) {
  entry failed;
  {
    auto& in = shards_[asker % shard_count];
    std::lock_guard guard{in.mutex};
    const auto found = in.entries.find(key{asker, request});
    if (found == in.entries.end()) return;
    failed = std::move(found->second);
    in.entries.erase(found);
  }
  if (auto who = failed.asker.lock())
    who->enqueue(caf::make_mailbox_element(nullptr, failed.id.response_id(), {}, reason), nullptr);
}

bool pending::remove(caf::actor_id asker, std::uint64_t request) {
  auto& in = shards_[asker % shard_count];
  std::lock_guard guard{in.mutex};
  return in.entries.erase(key{asker, request}) != 0;
}

void pending::fail(std::uint32_t session, const caf::error& reason) {
  std::vector<entry> failed;
  for (auto& in : shards_) {
    std::lock_guard guard{in.mutex};
    for (auto at = in.entries.begin(); at != in.entries.end();) {
      if (at->second.session != session) {
        ++at;
        continue;
      }
      failed.push_back(std::move(at->second));
      at = in.entries.erase(at);
    }
  }
  for (auto& it : failed) {
    if (auto asker = it.asker.lock())
      asker->enqueue(caf::make_mailbox_element(nullptr, it.id.response_id(), {}, reason), nullptr);
  }
}

void pending::forget_ended() {
  std::vector<caf::strong_actor_ptr> looked_at;  // let go after the lock
  auto& in = shards_[next_++ % shard_count];
  std::lock_guard guard{in.mutex};
  std::erase_if(in.entries, [&](const auto& it) {
    auto asker = it.second.asker.lock();
    if (!asker) return true;
    const bool ended = asker->get()->getf(caf::abstract_actor::is_terminated_flag);
    looked_at.push_back(std::move(asker));
    return ended;
  });
}

std::size_t pending::count(std::uint32_t session) const {
  std::size_t sum = 0;
  for (const auto& in : shards_) {
    std::lock_guard guard{in.mutex};
    for (const auto& [at, it] : in.entries) sum += it.session == session ? 1 : 0;
  }
  return sum;
}
}  // namespace troupe::remoting

#include "runtime/remoting/pending.hpp"

#include <vector>

#include <caf/abstract_actor.hpp>
#include <caf/mailbox_element.hpp>

namespace troupe::remoting {
void pending::add(const caf::strong_actor_ptr& asker, caf::message_id id, std::uint32_t session) {
  auto& in = shards_[asker->id() % shard_count];
  std::lock_guard guard{in.mutex};
  if (in.entries.size() >= entries_max / shard_count) return;
  in.entries.insert_or_assign(key{asker->id(), id.request_id().integer_value()},
                              entry{caf::weak_actor_ptr{asker.get()}, id, session});
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

// Requests on their way to other nodes: who asked, and by which session they left, so that each gets an error at once when
// that session ends. One table a system, since who answers may be on another node than who was asked (delegation).
#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <mutex>
#include <unordered_map>
#include <utility>

#include <caf/actor_control_block.hpp>
#include <caf/error.hpp>
#include <caf/message_id.hpp>

namespace troupe::remoting {
class pending {
 public:
  // Beyond, the oldest is forgotten: its asker has given up, or has a time-out, and a late answer is a dead letter.
  static constexpr std::size_t entries_max = 1u << 20;
  void add(const caf::strong_actor_ptr& asker, caf::message_id id, std::uint32_t session);
  bool remove(caf::actor_id asker,
              std::uint64_t request);  // false: answered already, or failed, or never asked
  void fail(std::uint32_t session, const caf::error& reason);
  void fail(caf::actor_id asker, std::uint64_t request, const caf::error& reason);
  void
  forget_ended();  // those whose asker has terminated, in one of the shards; call it now and then
  std::size_t count(std::uint32_t session) const;

 private:
  static constexpr std::size_t shard_count = 16;
  struct key {
    caf::actor_id asker = 0;
    std::uint64_t request = 0;
    bool operator==(const key&) const = default;
  };
  struct key_hash {
    std::size_t operator()(const key& x) const { return x.asker * 0x9E3779B97F4A7C15u + x.request; }
  };
  struct entry {
    caf::weak_actor_ptr asker;
    caf::message_id id;
    std::uint32_t session = 0;
    std::uint64_t number = 0;
  };
  struct shard {
    mutable std::mutex mutex;
    std::unordered_map<key, entry, key_hash> entries;
    std::deque<std::pair<key, std::uint64_t>> order;  // by age; of those that are gone some linger
    std::uint64_t numbers = 0;
  };
  static void make_room(shard& in);
  std::array<shard, shard_count> shards_;
  std::size_t next_ = 0;
};
}  // namespace troupe::remoting

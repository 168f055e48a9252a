// Our own actors that peers hold handles of: found by their id when a message for them comes.
//   Promises  an actor stays as long as any peer holds it, and for `grace` longer, so that a peer that passed its handle
//             on and dropped it does not lose it for the one it was passed to; terminated ones are let go
//   Assumes   whoever holds says so once (`hold`) and releases once; counts per handle are the session's (release.hpp)
//   Beware    CAF's registry pins what it knows until it ends: what we put there, `sweep` takes out again
#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include <caf/actor_control_block.hpp>
#include <caf/fwd.hpp>

namespace troupe::remoting {
class export_table {
 public:
  using instant = std::chrono::nanoseconds;
  static constexpr std::chrono::seconds grace{30};
  explicit export_table(caf::actor_system& system) : system_{system} {}

  void hold(const caf::strong_actor_ptr& actor);
  // Its handle travels inside a message, so that CAF's registry must know it when it comes back. Not while an actor's own
  // lock may be held by this thread: the registry watches whom it knows.
  void make_findable(const caf::strong_actor_ptr& actor);
  void release(caf::actor_id id, instant now);
  caf::strong_actor_ptr find(caf::actor_id id);
  // Lets go what nobody holds any more, in one of the shards; call it now and then.
  void sweep(instant now);
  std::size_t size() const;
  void clear();

 private:
  static constexpr std::size_t shard_count = 16;
  struct entry {
    caf::strong_actor_ptr actor;
    std::uint64_t holders = 0;
    instant released{0};
    bool findable = false;
  };
  struct shard {
    mutable std::mutex mutex;
    std::unordered_map<caf::actor_id, entry> entries;
  };
  shard& shard_of(caf::actor_id id) { return shards_[id % shard_count]; }

  caf::actor_system& system_;
  std::array<shard, shard_count> shards_;
  std::size_t next_ = 0;
};
}  // namespace troupe::remoting

// Locks for a process, whatever store keeps them: one actor that takes them, holds them, and gives them back.
//   auto locks = spawn_locks(system, spawn_map_store(system, client), {.owner = "billing@web-3"});
//   self->request(locks, caf::infinite, lock::take{.name = "ledger"})
//       .then([=](const lock::taken& t) { ... every write carries t.fence ... }, [=](const caf::error& why) { ... });
//   // who took it:  [=](const lock::lock_lost& l) { stop; another may hold it soon; }
//   self->request(locks, 5s, lock::put_back{"ledger"});
//   Messages  take -> taken, or an error: timed out, deadlock (its sentence shows the circle), refused. put_back -> returned
//             revoke -> returned: somebody's place is taken away, by its fence. survey -> surveyed: who holds and who waits
//             take_all -> taken_all, or an error, and none is held. put_back_all -> returned, when all have gone back
//             retire: all goes back, and it ends
//   Promises  those of patterns/lock/holder.hpp, several.hpp, line.hpp and deadlock.hpp. Who took a lock and ends has given it back
//             lock_lost comes `margin` before the store can let another hold, while clocks keep within `drift_per_mille`
//             a circle of waits is found by a victim's own process within two `scan`s, and that one wait ends with the reason;
//             where an owner waits for itself in another process, after the time of a session and a second: it may have died
//   Beware    an owner frozen past its lease does not know: what it acts on must refuse old fences (consensus/fence.hpp)
//   Promises  when one of several that were taken at once is lost, the others go back, each with a lock_lost
//   Beware    re-entrance goes by owner, not by actor: give threads and tasks owners of their own
//   Costs     one session of the store for all its locks
#pragma once
#include "actors/lock/store.hpp"
#include "patterns/lock/holder.hpp"
#include "patterns/lock/session.hpp"
#include "patterns/lock/several.hpp"

#include <map>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe::lock {
struct take {
  std::string name{};
  mode as = mode::exclusive;
  std::chrono::milliseconds wait{-1};  // 0: only if it is free now; below: for as long as it takes
  std::uint32_t count = 1, capacity = 1;  // of mode::permits
  std::string owner{};                    // the process's, if empty
};
TROUPE_MESSAGE(take, name, as, wait, count, capacity, owner)
struct taken {
  std::uint64_t fence = 0;
};
TROUPE_MESSAGE(taken, fence)
struct put_back {
  std::string name{};
  mode as = mode::exclusive;
  std::string owner{};
};
TROUPE_MESSAGE(put_back, name, as, owner)
struct returned {
  bool held = false;  // it was
};
TROUPE_MESSAGE(returned, held)
struct take_all {
  std::vector<want> locks{};
  std::chrono::milliseconds wait{-1};  // for all of them together; as in take
  std::string owner{};
};
TROUPE_MESSAGE(take_all, locks, wait, owner)
struct taken_all {
  std::map<std::string, std::uint64_t> fences{};  // by name
};
TROUPE_MESSAGE(taken_all, fences)
struct put_back_all {
  std::vector<std::string> names{};  // as they were taken
  std::string owner{};
};
TROUPE_MESSAGE(put_back_all, names, owner)
struct revoke {
  std::string name{};
  std::uint64_t fence = 0;
};
TROUPE_MESSAGE(revoke, name, fence)
struct retire {};
TROUPE_MESSAGE(retire)
struct lock_lost {
  std::string name{};
  std::string owner{};
  std::uint64_t fence = 0;
  std::string why{};
};
TROUPE_MESSAGE(lock_lost, name, owner, fence, why)

struct locks_settings {
  std::string owner{};
  session_settings session{};
  bool revocable = true;
  std::chrono::milliseconds scan{300};  // for deadlocks, while it waits for something; 0: never
  // A lock that was put back and that nobody waits for stays with this process for so long (a second at most), and is taken
  // again without the store, under the same fence. Who wants it meanwhile waits for some 20 ms more. For locks that are
  // mostly one's own.
  std::chrono::milliseconds keeps{0};
};
// The store is its own, and ends with it.
caf::actor spawn_locks(caf::actor_system& system, caf::actor store, locks_settings settings);
}  // namespace troupe::lock

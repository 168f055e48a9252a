// One member of a barrier, whatever store keeps it: patterns/lock/barrier.hpp, for an actor.
//   auto phase = spawn_barrier(system, spawn_map_store(system, client), {.core = {.name = "phase", .parties = 3}});
//   self->request(phase, caf::infinite, lock::enter_barrier{}).then([=](const lock::entered_barrier& e) { ... });
//   self->request(phase, caf::infinite, lock::leave_barrier{}).then([=](const lock::left_barrier&) { ... });
//   // who entered:  [=](const lock::barrier_broken& b) { a member has died; leave }
//   Messages  enter_barrier -> entered_barrier; leave_barrier -> left_barrier; or an error: timeout, refused, failed: broken,
//             and it is out. After that it can be entered again
//             retire_barrier: whatever it was at, its place goes at once, and it ends; inside, it is broken for the others
//   Promises  those of patterns/lock/barrier.hpp. Who entered and ends without leaving breaks it
//   Beware    one actor a member: two members of one process have one each
//   Costs     one session of the store
#pragma once
#include "actors/lock/store.hpp"
#include "patterns/lock/barrier.hpp"
#include "patterns/lock/session.hpp"
namespace troupe::lock {
struct enter_barrier {
  std::chrono::milliseconds wait{-1};  // below 0: for as long as it takes
};
TROUPE_MESSAGE(enter_barrier, wait)
struct entered_barrier {
  std::uint64_t round = 0;  // rises
  std::uint32_t place = 0;  // among its members, from 0
};
TROUPE_MESSAGE(entered_barrier, round, place)
struct leave_barrier {};
TROUPE_MESSAGE(leave_barrier)
struct left_barrier {};
TROUPE_MESSAGE(left_barrier)
struct retire_barrier {};
TROUPE_MESSAGE(retire_barrier)

struct barrier_member_settings {
  barrier_settings core{};
  session_settings session{};
};
// The store is its own, and ends with it.
caf::actor spawn_barrier(caf::actor_system& system, caf::actor store, barrier_member_settings how);
}  // namespace troupe::lock

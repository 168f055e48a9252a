// Count-down latches, whatever store keeps them: patterns/lock/latch.hpp, for a process.
//   auto latches = spawn_latches(system, spawn_map_store(system, client));
//   self->request(latches, 15s, lock::latch_set{"phase-1", 3});
//   self->request(latches, 15s, lock::latch_count_down{"phase-1", "worker-7"});
//   self->request(latches, caf::infinite, lock::latch_await{"phase-1"}).then([=](const lock::latch_count&) { ... });
//   Messages  latch_set, latch_count_down, latch_await, latch_look, latch_reset -> latch_count, or an error: refused, with a
//             sentence; timeout: of an await, that it was not counted down; of anything else, that it may have been done
//   Promises  those of patterns/lock/latch.hpp
#pragma once
#include "actors/lock/store.hpp"
#include "patterns/lock/latch.hpp"
namespace troupe::lock {
struct latch_count {
  std::uint32_t left = 0;
  std::uint32_t count = 0;             // that it counts down from
  std::vector<std::string> counted{};  // the ids that have
};
TROUPE_MESSAGE(latch_count, left, count, counted)
// The store is its own, and ends with it.
caf::actor spawn_latches(caf::actor_system& system, caf::actor store, latch_settings how = {});
}  // namespace troupe::lock

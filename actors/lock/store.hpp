// Stores of locks as actors: each answers a `wish` (patterns/lock/store.hpp) with an `answer`.
//   Messages  store_wish -> store_answer; an await's comes when it comes
//   Promises  every wish is answered within the store's patience, but for an await, whose places may stand for long
#pragma once
#include "patterns/lock/store.hpp"

#include <string>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe::lock {
struct store_wish {
  wish what{};
};
TROUPE_MESSAGE(store_wish, what)
struct store_answer {
  answer what{};
};
TROUPE_MESSAGE(store_answer, what)

struct map_store_settings {
  std::string prefer{};                         // the node whose replica is watched first: the own
  duration patience = std::chrono::seconds{3};  // with the map
};
// On the replicated map: a session is a lease, a place is a key under it, a ticket is the key's create_revision.
// `client`: actors/consensus/client.hpp.
//   Promises  what the map does: tickets rise over all changes of its leader, and a place is granted only when a majority
//             has it on disk. Who is next hears at once that he who held alone lets go, through the map's leader
//   Costs     a write to stand, one to leave, a watch of one key for who waits or, where it can be revoked, holds;
//             a keepalive is no write
caf::actor spawn_map_store(caf::actor_system& system, caf::actor client,
                           map_store_settings settings = {});
}  // namespace troupe::lock

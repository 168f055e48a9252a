// A store of locks on the coordination tree: ZooKeeper's recipe.
//   Source    P. Hunt et al., "ZooKeeper", USENIX ATC 2010, 2.4 (locks without herd effect)
//   Departs   a place's node is named by the place and not numbered by its parent: who does not know whether it stands asks
//             again, and stands once. Its number is the node's czxid, which rises over all locks
//   A session is one of the tree's; a place is an ephemeral node /locks/NAME/ID with the place as its data, and without a
//   session a persistent one; who waits watches the nodes before it. The nodes of locks are containers, and go by themselves
//   (a name that is too long for a path: patterns/lock/paths.hpp)
//   Promises  what the tree does: a place is granted only when a quorum has it on disk, and ends with its session, in one
//             entry with all of that session's. A line, and a survey of all, is of one moment
//   Beware    a ttl that is longer than the tree keeps sessions is refused; one that is shorter lasts as long as its shortest
//   Costs     a write and a read to stand, a write to leave, a watch of one node for who waits; the first who stands for a
//             lock pays two writes more; a renewal is no write. A read is of the whole line, once for all of this store who ask
//             for it at a time
#pragma once
#include "actors/lock/store.hpp"
namespace troupe::lock {
struct tree_store_settings {
  std::string prefer{};                         // the node whose replica is watched first: the own
  duration patience = std::chrono::seconds{3};  // with the tree
};
// `client`: consensus::client of "tree".
caf::actor spawn_tree_store(caf::actor_system& system, caf::actor client,
                            tree_store_settings settings = {});
}  // namespace troupe::lock

// A way to a replicated group that outlasts the life of the node which it leads through: it goes on through another of the
// nodes that were named, or through the same one when it is back.
//   command, question -> as actors/consensus/client.hpp has them; not_ready while no node is reached
//   tell_replicas, tell_leader -> each next node is asked to tell the same ones
//   Promises  a request is passed on once: what becomes of one that was under way when its node went, nobody knows
//   Costs     a message more each way; while no node is reached, a dial of each five times a second
#pragma once
#include "cluster/management.hpp"
#include "runtime/remoting/remoting.hpp"

#include <vector>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe::program {
// `first`: what the node gave that is talked to now. The system is a client's.
caf::actor lasting_map(caf::actor_system& system, std::vector<remoting::endpoint> nodes, caf::actor first);
caf::actor lasting_tree(caf::actor_system& system, std::vector<remoting::endpoint> nodes, caf::actor first);

// Handles of other nodes may come by way of one: where these are.
void know_addresses(caf::actor_system& system, const management::members_reply& seen);
}  // namespace troupe::program

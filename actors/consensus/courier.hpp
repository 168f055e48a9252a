// What many groups on one node have to say to another node at the same moment, as one message: their heartbeats.
// Source: CockroachDB's coalesced heartbeats ("Scaling Raft", 2015), TiKV's multi-raft.
//   Promises  nothing waits for time: what has come by the time the courier is through its mailbox goes along. Leaders
//             whose beats are in time (raft::options) beat together
//   Assumes   peer_up and peer_down name the couriers of other nodes; letters are lost with a courier that is unknown
//   Costs     idle groups: two messages a pair of nodes and heartbeat, for all groups together
#pragma once
#include "actors/consensus/protocol.hpp"

#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe::consensus {
struct posted {  // from a replica of this node
  std::string group;
  std::string to;  // the node
  letter what;
};
TROUPE_MESSAGE(posted, group, to, what)
struct receives {  // the group's replica on this node
  std::string group;
  caf::actor whom;
};
TROUPE_MESSAGE(receives, group, whom)

// ---- courier to courier
struct parcel_letter {
  std::string group;
  letter what;
};
TROUPE_MESSAGE(parcel_letter, group, what)
struct parcel {
  std::vector<parcel_letter> letters;
};
TROUPE_MESSAGE(parcel, letters)

caf::actor spawn_courier(caf::actor_system& system);
void register_courier_types(caf::actor_system_config& config);
}  // namespace troupe::consensus

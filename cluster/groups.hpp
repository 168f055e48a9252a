// State machines of the user's own on the cluster's voters: each is a group with a log of its own, beside the map's.
//   auto bank = node.group("bank", [] { return std::make_unique<described_machine<bank>>(); });   // local_node.hpp
//   Founded   once, by the first voter that finds none: the voters are written into the map below groups_prefix, and never
//             again. Later they follow the log's: a node that is added to it gets replicas, one that is removed loses them
//   Promises  those of actors/consensus/replica.hpp, for each group by itself; groups have leaders of their own
//   Assumes   each voter's program opens the group, with the same machine; a group whose machine a majority of the voters
//             does not know has no leader
//   Beware    a group is for ever: nothing removes its name or its records
//   Costs     a thread's share of an actor, a session and a journal a group; of heartbeats see courier.hpp
#pragma once
#include "actors/consensus/replica.hpp"
#include "patterns/consensus/raft/types.hpp"
#include "patterns/consensus/state_machine.hpp"
#include "patterns/message.hpp"
#include "runtime/event_log.hpp"
#include "runtime/journal/journal.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe {
using machine_maker = std::function<std::unique_ptr<state_machine>()>;
inline constexpr const char* groups_prefix = "/troupe/groups/";
// Letters, digits, '.', '_' and '-', 64 at most, and none of the log's own names. What is wrong; empty: nothing.
std::string group_name_problem(const std::string& name);

struct group_settings {
  std::string node;
  raft::options how{};
  caf::actor client;  // of the map
  event_log_ptr events = event_log::none();
};
// The node's replicas of all groups that its program has opened.
caf::actor spawn_group_keeper(caf::actor_system& system, group_settings settings);

// ---- the node to its group keeper; peer_up and peer_down name the group keepers of other nodes
struct open_group {
  std::string name;
  machine_maker make;
  caf::actor client;  // is told of the group's replicas
};
struct log_is_here {  // this node has a replica of the map, and so may have some of others
  journal::store_ptr store;
  caf::actor keeper;  // of the log: answers log_status_query
};

// ---- group keeper to group keeper
struct group_row {
  std::string group;
  caf::actor replica;
};
TROUPE_MESSAGE(group_row, group, replica)
struct group_presence {
  std::string node;
  bool asks = false;  // for the other's
  caf::actor courier;
  std::vector<group_row> rows;
};
TROUPE_MESSAGE(group_presence, node, asks, courier, rows)
struct group_start {  // whoever leads it wants to add you
  std::string group;
};
TROUPE_MESSAGE(group_start, group)

void register_group_types(caf::actor_system_config& config);
}  // namespace troupe

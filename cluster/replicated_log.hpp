// A node's part in the cluster's replicated log: its journal, its replica if it has one, and its way to those of others.
// The log holds the replicated map (patterns/storage), on which everything stands that must have one truth.
//   Voters    are fixed once, when as many nodes as are expected have met (patterns/consensus/founding.hpp); later changes
//             go through the log, `troupe log add`, `troupe log remove`. All other nodes are clients of it
//   Promises  a voter is its journal: one that comes back without it is a stranger, and votes for nobody
//   Beware    a journal that cannot be read keeps the node from starting, with a sentence that says what to do
#pragma once
#include "actors/consensus/protocol.hpp"
#include "patterns/consensus/founding.hpp"
#include "patterns/consensus/raft/options.hpp"
#include "patterns/message.hpp"
#include "patterns/result.hpp"
#include "runtime/event_log.hpp"
#include "runtime/journal/journal.hpp"

#include <chrono>
#include <functional>
#include <string>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe {
struct log_options {
  std::uint32_t bootstrap_expect = 0;  // first voters; 0: this node is told by others
  raft::options how{};
};

struct replicated_log_settings {
  std::string node;
  log_options how{};
  // Opens the node's store, when it first needs one; blocks.
  std::function<result<journal::store_ptr, journal::failure>()> store;
  bool has_store = false;  // there is one from an earlier life
  event_log_ptr events = event_log::none();
  std::function<std::chrono::milliseconds()> wall{};  // since 1970; none: the machine's
};
struct replicated_log {
  caf::actor keeper;  // for the gateway: peers and operators
  caf::actor client;  // actors/consensus/client.hpp
  caf::actor groups;  // of the user's own state machines (groups.hpp)
  caf::actor tree_keeper;  // of the coordination tree (tree_keeper.hpp)
  caf::actor tree;         // its client
};
result<replicated_log, std::string> start_replicated_log(caf::actor_system& system,
                                                         replicated_log_settings settings);

// ---- keeper to keeper; what makes them meet is peer_up and peer_down from their gateways
struct log_presence {
  founding::presence who;
  caf::actor replica;  // null: none
  caf::actor groups;   // the node's group keeper
  bool asks = false;   // for the same in return
  caf::actor tree{};   // the node's keeper of the tree
};
TROUPE_MESSAGE(log_presence, who, replica, groups, asks, tree)
struct log_founding {
  std::string from;
  founding::message what;
};
TROUPE_MESSAGE(log_founding, from, what)
struct log_start_replica {  // whoever leads wants to add you
  std::string cluster;
};
TROUPE_MESSAGE(log_start_replica, cluster)

// ---- gateway to keeper
struct link_shaken {  // its connection broke; it may come back
  std::string node;
};
TROUPE_MESSAGE(link_shaken, node)
struct log_status_query {  // answered with consensus::group_status, of the leader if there is one
  bool here = false;       // of the asked node
  std::string group{};     // of the user's own, or "tree"; empty: the map's
};
TROUPE_MESSAGE(log_status_query, here, group)
struct log_add {  // answered with consensus::answered
  std::string node;
  bool learner = false;
  bool forwarded = false;
};
TROUPE_MESSAGE(log_add, node, learner, forwarded)
struct log_remove {
  std::string node;
  bool forwarded = false;
};
TROUPE_MESSAGE(log_remove, node, forwarded)
struct log_transfer {
  std::string node;  // empty: whoever has most
  bool forwarded = false;
};
TROUPE_MESSAGE(log_transfer, node, forwarded)

void register_replicated_log_types(caf::actor_system_config& config);
}  // namespace troupe

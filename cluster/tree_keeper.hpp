// A node's part in the coordination tree (patterns/tree): its journal and its replica, if it is one of the ensemble, and its
// way to those of others.
//   Ensemble  fixed once, when the tree is first used anywhere: the log's voters of that moment, written into the map under
//             ensemble_key by whoever of them finds nothing there. Each of them notes it on its own disk before it votes, and
//             goes by that from then on, also while the map has no leader
//   Promises  a voter is its journal: one that comes back without it is a stranger, and votes for nobody
//             on the other nodes, and before anybody has used it, the tree costs an idle actor
//   Assumes   a replicated log; until there is one the tree has no leader, and whoever asks is told so
//   Sessions  from 2 s to a day, as their clients ask
//   Beware    the ensemble never changes: who joins the log later has no replica of the tree, and a voter whose disk is lost
//             is one less for good. Three voters bear that once
//   state    | wanted, here or by word       | the map has an ensemble      | log_is_here
//   asleep   | waiting; tells the others     | -                            | on the disk: starts, and is wanted
//   waiting  | -                             | in it: notes it, and starts  | on the disk: starts
//   in it    | -                             | -                            | -
#pragma once
#include "cluster/groups.hpp"
#include "patterns/consensus/raft/types.hpp"
#include "patterns/message.hpp"
#include "runtime/event_log.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe {
inline constexpr const char* tree_group = "tree";
inline constexpr const char* ensemble_key = "/troupe/tree/ensemble";

struct tree_ensemble {  // in the map, and on the disk of each of them
  std::vector<raft::peer> voters;
};
TROUPE_MESSAGE(tree_ensemble, voters)

struct tree_keeper_settings {
  std::string node;
  caf::actor map;     // its client
  caf::actor client;  // of the tree: is told of its replicas
  event_log_ptr events = event_log::none();
  std::function<std::chrono::milliseconds()> wall{};  // since 1970; none: the machine's
};
// Answers log_status_query, as the log's keeper does (replicated_log.hpp).
caf::actor spawn_tree_keeper(caf::actor_system& system, tree_keeper_settings settings);

// ---- the node to its keeper; also log_is_here (groups.hpp), and peer_up and peer_down, which name the keepers of others
struct want_tree {};

// ---- keeper to keeper
struct tree_presence {
  std::string node;
  bool wanted = false;  // somebody uses it
  bool asks = false;    // for the other's
  caf::actor replica;   // null: none
};
TROUPE_MESSAGE(tree_presence, node, wanted, asks, replica)

void register_tree_keeper_types(caf::actor_system_config& config);
}  // namespace troupe

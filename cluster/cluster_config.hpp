// Settings of the whole cluster: keys below /troupe/config/ in the replicated map, which every node follows.
//   troupe config set log.level info,raft=debug
//   Precedence  what stands in the map wins over a node's file, environment and flags, while it stands there; when it is
//               unset, each node has its own again
//   Promises    a node applies what it reads in the map as soon as its replica has it; one that starts applies what is there
//               once it has found the map; all nodes have the same in the end
//               a value that this version does not understand is left out, with a warning, and the rest applies
//   Beware      a node that does not reach the map keeps what it has; until it has read it, its own
//   Beware      who writes below the prefix by other means than `troupe config set` is not checked before, only by each node
//   Beware      the log is the process's: several nodes in one have the last one's, and a program that began it otherwise
//               than with node_settings.log has that, and the cluster's on top, once something is set
//   Costs       one watch a node: a ping each 3 s while nothing changes
#pragma once
#include "runtime/log.hpp"

#include <functional>
#include <map>
#include <string>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe {
inline constexpr const char* cluster_config_prefix = "/troupe/config/";
using setting_texts = std::map<std::string, std::string>;  // by key

// Why this cannot be set for the whole cluster: nobody knows it, it belongs to one node, it cannot change while nodes run,
// or the value makes no sense. Empty: it can.
std::string cluster_setting_problem(const std::string& key, const std::string& value);
// Those keys that can, for help.
std::string cluster_setting_keys();
log::settings log_settings(const log::settings& own, const setting_texts& of_cluster);

struct cluster_config_settings {
  std::string node;
  // From the actor's thread: all that are set and make sense, whenever that changes.
  std::function<void(const setting_texts&)> apply;
};
// `client`: of the map.
caf::actor spawn_cluster_config(caf::actor_system& system, caf::actor client,
                                cluster_config_settings settings);
}  // namespace troupe

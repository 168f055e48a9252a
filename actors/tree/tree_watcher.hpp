// A watch on the coordination tree that outlives the replicas it is served by.
//   auto w = spawn_tree_watcher(system, client, user, {.what = {"/app", watch_kind::recursive}});
//   // the user:  [=](const watch_fired& f) { for (auto& e : f.events) read e.path at f.at or later }
//   //            [=](const watch_refused& r) { ... }     // and there is no watch
//   Messages to the user, under settings.id: watch_fired; watch_set, once, when it is set and what was
//     missed is told; watch_refused as the last
//   Messages of the user: caf's exit ends it
//   Source    P. Hunt et al., "ZooKeeper", USENIX ATC 2010, 2.2, and ZooKeeper 3.8's setWatches
//   Promises  what changes behind `seen` is told, as far as it left a trace (patterns/tree/watches.hpp),
//             whatever replicas come and go; without `seen`, what changes after this was spawned,
//             wherever that was done. A one-shot is told once, and its watcher ends
//             a replica that is frozen, cut off or without a leader is left for another within 3 times
//             `silence`
//   Beware    who changes replicas may be told of one change twice, and of several as one: read what
//             is there now
//   Costs     a message a change; a ping each `silence`
//   state     | watch_set | fired          | replica gone, silent | refused       | closed
//   resolving : asks where now is, unless `seen` says so
//   seeking   | -         | -              | -                    | -             | -  (for a replica)
//   opening   | watching  | told           | seeking, another     | behind: another; else told, and
//   watching  | -         | told; the end  | seeking, another     |   the end     | seeking, another
//             |           | of a one-shot  |                      |               |
#pragma once
#include "actors/tree/protocol.hpp"

#include <optional>
#include <string>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe::tree {
struct tree_watcher_settings {
  watch what{};
  watch_id id = 0;  // in what the user is told
  std::optional<zxid> seen{};
  std::string prefer{};  // the node whose replica is asked first: the own
  duration silence{1000};
};
// `client`: consensus::client of "tree". Ends with its user.
caf::actor spawn_tree_watcher(caf::actor_system& system, caf::actor client, caf::actor user,
                              tree_watcher_settings settings);
}  // namespace troupe::tree

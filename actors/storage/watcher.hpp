// A watch on the replicated map that outlives the replicas it is served by.
//   auto w = spawn_watcher(system, client, user, {.what = {.keys = prefix("jobs/")}});
//   // the user:  [=](const watch_events& e) { for (auto& change : e.events) ...; }
//   //            [=](const watch_ended& e) { ... }           // and not `cancelled`: read anew
//   Messages to the user, under settings.id: watch_created once, watch_events, watch_progress, and
//     watch_ended as the last. Each is a request: the user has taken it when its handler returns, or
//     when the promise that it returned is kept
//   Messages of the user: caf's exit ends it, silently; cancel_watch ends it with watch_ended
//   Promises  each change of the keys from `from` on (0: after this was spawned, wherever it was made)
//             is delivered once and in order, each revision whole, whatever replicas come and go; when
//             that cannot be done any more, watch_ended says so (`compacted`, `overrun`) and why.next
//             is the first revision that was not delivered
//             a replica that is frozen, cut off or without a leader is left for another within
//             3 times `silence`
//   Beware    a user that takes nothing for long is `overrun`: what it has not taken is not kept here
//   Costs     one message a revision from the replica, and one to the user and back; a ping each
//             `silence` while nothing comes
//   state     | watch_created | events, progress | replica gone, silent | watch_ended
//   resolving : asks where now is, if `from` is 0
//   seeking   | -             | -                | -                    | -        (waits for a replica)
//   opening   | watching      | delivered        | seeking, another     | as below
//   watching  | -             | delivered        | seeking, another     | closed, too_many: seeking;
//             |               |                  |                      | else told, and the end
#pragma once
#include "actors/storage/protocol.hpp"

#include <string>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe::storage {
struct watcher_settings {
  watch what{};
  watch_id id = 0;       // in what the user is told
  std::string prefer{};  // the node whose replica is asked first: the own
  duration silence{1000};
};
// `client`: actors/consensus/client.hpp. Ends with its user.
caf::actor spawn_watcher(caf::actor_system& system, caf::actor client, caf::actor user,
                         watcher_settings settings);
}  // namespace troupe::storage

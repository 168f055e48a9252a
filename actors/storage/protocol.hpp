// What the replicated map's users, their nodes and its replicas send each other as actor messages,
// beside those of the log that it stands on (actors/consensus/protocol.hpp).
//   Watcher to replica   open_watch, watch_taken, cancel_watch, watch_ping: by the watcher itself
//   Replica to watcher   watch_created, watch_events, watch_noted, watch_progress, watch_ended (patterns/
//                        storage/watch_hub.hpp, under the watcher's own id), watch_pong
//   Client to leader     host_question, encoded in a question to the host, answered with host_answer
#pragma once
#include "patterns/storage/lease_keeper.hpp"
#include "patterns/storage/map_messages.hpp"
#include "patterns/storage/watch_hub.hpp"

#include <variant>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe::storage {
struct open_watch {
  caf::actor whom;
  watch_id id = 0;  // the watcher's own: not used again at this replica while it is open
  watch what;
};
TROUPE_MESSAGE(open_watch, whom, id, what)
struct watch_taken {  // everything up to this revision was dealt with: the window opens
  watch_id id = 0;
  revision upto = 0;
};
TROUPE_MESSAGE(watch_taken, id, upto)
struct cancel_watch {  // nothing is answered
  watch_id id = 0;
};
TROUPE_MESSAGE(cancel_watch, id)
struct watch_ping {  // answered with watch_pong; or watch_ended, when the replica has no such watch
  watch_id id = 0;
};
TROUPE_MESSAGE(watch_ping, id)
struct watch_pong {
  watch_id id = 0;
  revision at = 0;        // of the replica's map
  bool in_touch = false;  // it has a leader: what it knows is not old
};
TROUPE_MESSAGE(watch_pong, id, at, in_touch)

struct keepalive {
  lease_id lease = 0;
};
TROUPE_MESSAGE(keepalive, lease)
struct time_left {
  lease_id lease = 0;
};
TROUPE_MESSAGE(time_left, lease)
using host_question = std::variant<keepalive, time_left>;

struct kept {  // for so long from now on, counted by the leader
  duration ttl{};
};
TROUPE_MESSAGE(kept, ttl)
struct not_kept {
  keepalive_refusal why = keepalive_refusal::unknown;
};
TROUPE_MESSAGE(not_kept, why)
struct remaining {
  duration time{};
};
TROUPE_MESSAGE(remaining, time)
using host_answer = std::variant<not_kept, kept, remaining>;

void register_storage_types(caf::actor_system_config& config);
}  // namespace troupe::storage

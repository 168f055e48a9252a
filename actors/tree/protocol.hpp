// What the coordination tree's users, their nodes and its replicas send each other as actor messages,
// beside those of the group that it stands on (actors/consensus/protocol.hpp, group "tree").
//   User to client       command{encode(tree::request)} -> reply{encode(tree::reply)}; the leader stamps
//                        the request's time, and refuses what only it may put in (`leaders_only`)
//                        question{encode(tree::question)} -> reply{encode(tree::reply)}
//                        question{encode(host_question), .host = true} -> reply{encode(host_answer)}
//   Watcher to replica   set_watch, remove_watch, watch_ping: by the watcher itself, at any replica
//   Replica to watcher   watch_fired, for what was missed; watch_set, unless that was all, or
//                        watch_refused; watch_fired; watch_closed; watch_pong
#pragma once
#include "patterns/tree/messages.hpp"
#include "patterns/tree/watches.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe::tree {
using watch_id = std::uint64_t;  // the watcher's own

struct set_watch {
  caf::actor whom;
  watch_id id = 0;  // not used again at this replica while it is set
  watch what;
  // What the watcher has seen: what has come since then fires at once, as far as it left a trace
  // (patterns/tree/watches.hpp); a replica that is behind it sets the watch once it is not. Nothing:
  // from what the replica has on.
  std::optional<zxid> seen;
};
TROUPE_MESSAGE(set_watch, whom, id, what, seen)
struct remove_watch {  // nothing is answered
  watch_id id = 0;
};
TROUPE_MESSAGE(remove_watch, id)
struct
    watch_ping {  // answered with watch_pong; or watch_closed, when the replica has no such watch
  watch_id id = 0;
};
TROUPE_MESSAGE(watch_ping, id)

// A watcher has missed nothing up to the latest `at` of these, which is what it has `seen`.
struct watch_set {  // what it had missed was told before
  watch_id id = 0;
  watch_kind kind = watch_kind::data;  // exists on a node that is there is a data watch
  zxid at = 0;                         // of the replica: changes behind it will be told
};
TROUPE_MESSAGE(watch_set, id, kind, at)
struct watch_refused {  // it is not set
  watch_id id = 0;
  refusal why = refusal::malformed;
  zxid at = 0;
};
TROUPE_MESSAGE(watch_refused, id, why, at)
struct watch_fired {
  watch_id id = 0;
  std::vector<event> events;  // of one entry; or all that had been missed
  zxid at = 0;        // what is read at it or later, at any replica, has the changes, or newer ones
  bool last = false;  // a one-shot's: it is set no more
};
TROUPE_MESSAGE(watch_fired, id, events, at, last)
// The replica ends, or has no such watch: set it at another, with what was seen.
struct watch_closed {
  watch_id id = 0;
};
TROUPE_MESSAGE(watch_closed, id)
struct watch_pong {
  watch_id id = 0;
  zxid at = 0;            // of the replica's tree
  bool in_touch = false;  // it follows a leader: what it knows is not old
};
TROUPE_MESSAGE(watch_pong, id, at, in_touch)

// Keeps a session alive: the leader's, once a quorum has confirmed it.
struct touch {
  session_id session = 0;
  std::string secret;
};
TROUPE_MESSAGE(touch, session, secret)
using host_question = std::variant<touch>;

struct touched {  // for so long from when it was asked on: the leader counts from later
  duration timeout{};
};
TROUPE_MESSAGE(touched, timeout)
struct
    not_touched {  // session_unknown: it has ended, or its expiry is under way; bad_secret; malformed
  refusal why = refusal::session_unknown;
};
TROUPE_MESSAGE(not_touched, why)
using host_answer = std::variant<not_touched, touched>;

// And of consensus: register_consensus_types, register_zab_types.
void register_tree_types(caf::actor_system_config& config);
}  // namespace troupe::tree

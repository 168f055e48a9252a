// What a member tells its host: what became of the others, and of itself.
#pragma once
#include "patterns/membership/member.hpp"
namespace troupe::membership {
enum class event_kind : std::uint8_t {
  // of any member, this one included; `member` is its record after the change
  joined,
  up,
  leaving,
  exiting,
  downed,
  removed,
  suspected,  // for operators alone: nothing follows from it yet
  cleared,    // a suspicion was refuted in time
  unreachable,
  reachable,  // again
  // of this member alone
  formed,       // a cluster of its own
  welcomed,     // into an existing one
  refused,      // by a peer: `reason` says why; it goes on trying where that makes sense
  self_downed,  // over: the process must rebuild its node under a new incarnation
  self_left,    // over: the leave is complete
  decided,      // the downing strategy has: `names` go, `reason` says why
  waiting,      // for former members; without them it forms no cluster
  asks_lease,   // lease-majority: `names` go if it is granted
};
TROUPE_ENUM(event_kind, joined, up, leaving, exiting, downed, removed, suspected, cleared,
            unreachable, reachable, formed, welcomed, refused, self_downed, self_left, decided,
            waiting, asks_lease)

struct event {
  event_kind what = event_kind::joined;
  record member{};
  std::string reason{};
  std::vector<std::string> names{};
};
TROUPE_MESSAGE(event, what, member, reason, names)
}  // namespace troupe::membership

// A lease of the replicated map, held for an actor: kept alive while it can be, and known to be lost
// before anybody else can know it.
//   auto lease = spawn_lease_holder(system, client, owner, {.ttl = 5s});
//   // the owner:  [=](const lease_held& l) { put what hangs on it, with .lease = l.lease; }
//   //             [=](const lease_lost& l) { stop acting on what hung on it; }
//   Source    C. Gray, D. Cheriton, "Leases", SOSP 1989
//   Promises  lease_lost is sent at the deadline at the latest, which is counted from before the last
//             confirmed keepalive (or the grant) was sent, + ttl - margin: before the map lets go of
//             what hangs on the lease, while clocks keep within `margin` of each other over one ttl
//             the last message is lease_lost; a lease that is given back (release_lease) is revoked
//             only once the owner's handler of lease_lost has returned, or its promise is kept
//   Assumes   the owner deals with lease_lost within what is left of `margin`
//   Beware    an owner frozen at the wrong moment acts on a lease that it has lost: where that
//             matters, let what it acts on refuse old tokens (patterns/consensus/fence.hpp)
//   Costs     a grant through the log; a keepalive, which is no entry, each third of the ttl
//   state    | granted        | kept          | refused, gone | deadline | release | owner ends
//   granting | held: told     | -             | lost: told    | asks anew| ends    | revoked, ends
//   held     | -              | deadline anew | lost: told    | lost     | lost    | revoked, ends
#pragma once
#include "actors/storage/protocol.hpp"

#include <string>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe::storage {
struct lease_held {
  lease_id lease = 0;
  duration ttl{};
};
TROUPE_MESSAGE(lease_held, lease, ttl)
enum class lease_loss : std::uint8_t {
  lapsed,    // the leader of the map was not reached in time
  gone,      // it says that there is no such lease any more
  released,  // by release_lease
  refused,   // it was never granted: the sentence says why
};
TROUPE_ENUM(lease_loss, lapsed, gone, released, refused)
struct lease_lost {
  lease_id lease = 0;
  lease_loss why = lease_loss::lapsed;
  std::string sentence{};
};
TROUPE_MESSAGE(lease_lost, lease, why, sentence)
struct release_lease {};
TROUPE_MESSAGE(release_lease)

struct lease_holder_settings {
  duration ttl{5000};
  duration margin{500};
  // An owner that ends has let go; where others act for it, the lease must run out by itself.
  bool revoked_with_owner = true;
};
// `client`: actors/consensus/client.hpp.
caf::actor spawn_lease_holder(caf::actor_system& system, caf::actor client, caf::actor owner,
                              lease_holder_settings settings = {});
}  // namespace troupe::storage

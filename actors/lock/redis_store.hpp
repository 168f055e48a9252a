// The store of locks on a Redis server: the cache kind.
//   auto store = spawn_redis_store(system, "redis://:secret@10.0.0.7:6379/0?replicas=1");
// Source: redis.io, "Distributed Locks with Redis"; Redisson's lock and its watchdog (a session here, one for all locks of a
// process); M. Kleppmann, "How to do distributed locking", 2016.
//   Promises  while one server lives on and keeps what it has: all of patterns/lock/store.hpp. A dead holder's place goes with
//             its session's key, and who waits looks when that is due
//             a reply that was lost is told as such; asked again, the same place; given up, it does not stand later
//             a place that a failover brought back is given up again with the next renewal
//             replicas=N: a session and a place are believed when N replicas have them (WAIT)
//   Beware    no quorum decides here. Replication is asynchronous: a primary that is lost takes grants along that no replica
//             had, and another holds the same lock then. WAIT makes that rarer and not impossible: nobody promises that the
//             replica that is promoted is one that had it
//             fences are microseconds of the server's clock: after such a loss they go on above what was lost if the new
//             primary's clock is not behind the old one's; if it is, they go back, and a resource takes the wrong one's writes
//             appendfsync everysec forgets up to a second of grants with the machine, no persistence all with the process:
//             holders are told at their next renewal, a third of their lease later
//             sessions expire by the server's wall clock: one that jumps ahead ends leases early, and nobody is told before
//             the next renewal
//             a server that evicts keys is refused, if it says so
//   Costs     a round trip to stand and one to leave, none to watch a place of one's own, one to wait for another's; scripts
//             that read a whole line: some 1 us a place of the one thread that Redis has
#pragma once
#include "actors/lock/redis_link.hpp"
#include "actors/lock/store.hpp"

#include <string>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe::lock {
// Blocks until the server answers, two seconds at most; or why it cannot be used.
result<caf::actor, std::string> spawn_redis_store(caf::actor_system& system,
                                                  const std::string& store);
}  // namespace troupe::lock

// What a Redis server does for the store of locks: each wish is one script, which the server runs alone.
// Source: redis.io, "Distributed Locks with Redis" (set if absent with expiry, compare and delete); Redisson, whose locks are
// scripts too; FIFO lines instead of a free-for-all are P. Hunt et al., "ZooKeeper", USENIX ATC 2010, 2.4.
//   troupe:lock:{all}:ticket      the last ticket
//                     session:S   its ttl, while it lives: a key that expires
//                     under:S     id of each place that stands under it: "INBOX LOCK"; "-": given up before it stood
//                     sessions    names of all S, those too that have expired and were not swept yet
//                     line:LOCK   id of each place: "TICKET SESSION INBOX,INBOX,... BYTES": under what it stands, which stores
//                                 are told of its end, who asked for it first, and what it is
//                     left:ID     as "-", of who stands under no session
//                     inbox:STORE a channel: ids of places that are gone
//   Promises  a place whose session has expired is swept by whoever looks at its line next, or renews by and by, and those
//             who wait for its end are told
//             tickets rise, and start at each connection from the microseconds of the server's clock, if that is ahead: after
//             a counter was lost they go on above what it had given, unless the clock went back as well
//             one that fails has changed nothing: what needs memory comes before what does not
//   Assumes   Redis 5 or later (a script's effects are replicated, not its text)
//   Costs     8 commands for a cycle of stand and leave where nobody waits; who reads a line sorts it, since a sorted set
//             formats each score anew. One hash tag: all keys are in one slot of a Redis Cluster
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
namespace troupe::lock {
enum class redis_script : std::uint8_t {
  begin,
  open,
  renew,
  close,
  stand,
  leave,
  look,
  await,
  survey
};
constexpr std::size_t redis_scripts = 9;
constexpr std::string_view redis_key = "troupe:lock:{all}:ticket";  // KEYS[1] of each
constexpr std::string_view redis_inbox = "troupe:lock:{all}:inbox:";
// In the order of the enumerators; what each takes and gives stands with it.
const std::array<std::string, redis_scripts>& redis_texts();
}  // namespace troupe::lock

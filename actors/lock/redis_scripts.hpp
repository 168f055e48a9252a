// What a Redis server does for the store of locks: each wish is one script, which the server runs alone.
// Source: redis.io, "Distributed Locks with Redis" (set if absent with expiry, compare and delete); Redisson, whose locks are
// scripts too; FIFO lines instead of a free-for-all are P. Hunt et al., "ZooKeeper", USENIX ATC 2010, 2.4.
//   troupe:lock:{all}:ticket         the last ticket
//                     session:S      a hash that expires: its ttl, and the places that stand under it
//                     locks          names of all that have a line
//                     line:LOCK      places by id; awaited:LOCK: who is told of whose end
//                     left:ID        was given up before it stood: a stand that comes late is refused
//                     inbox:STORE    a channel: ids of places that are gone
//   Promises  a place whose session has expired is swept by whoever looks at its line next, and those who wait are told
//             tickets rise, and are microseconds of the server's clock wherever that is ahead of the last one: a counter
//             that was lost goes on above what it had given, unless the clock went back as well
//             one that fails has changed nothing: what needs memory comes before what does not
//   Assumes   Redis 5 or later (a script's effects are replicated, not its text)
//   Costs     one hash tag, so that all keys are in one slot of a Redis Cluster, and on one node
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
namespace troupe::lock {
enum class redis_script : std::uint8_t { open, renew, close, stand, leave, look, await, survey };
constexpr std::size_t redis_scripts = 8;
constexpr std::string_view redis_key = "troupe:lock:{all}:ticket";  // KEYS[1] of each
constexpr std::string_view redis_inbox = "troupe:lock:{all}:inbox:";
// In the order of the enumerators; what each takes and gives stands with it.
const std::array<std::string, redis_scripts>& redis_texts();
}  // namespace troupe::lock

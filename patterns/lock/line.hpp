// Who holds a lock, of those who stand in line for it: one rule for every store that can keep a line in order.
// Source: P. Hunt et al., "ZooKeeper: Wait-free coordination for Internet-scale systems", USENIX ATC 2010, 2.4 (locks without
// herd effect, read/write locks), generalised to permits.
//   Promises  in the order of tickets, nobody overtakes: who came first is served first, also shared after exclusive and a
//             large request for permits before a small one
//             who waits for an exclusive or a shared place watches one place: a release wakes one waiter, or the readers
//             that it lets in. Who waits for permits watches all that are before it, for any of them may make room
//   Assumes   nobody stands for more permits than there are
//             tickets rise from place to place, over failures of the store too: they are fencing tokens
#pragma once
#include "patterns/message.hpp"

#include <cstdint>
#include <string>
#include <vector>
namespace troupe::lock {
enum class mode : std::uint8_t {
  exclusive,  // alone
  shared,     // with others that are
  permits,    // while those of all holders are no more than the lock has (a semaphore)
};
TROUPE_ENUM(mode, exclusive, shared, permits)

struct place {
  std::uint64_t ticket = 0;
  std::string owner{};  // who is waiting or holding; the same for all places of one holder
  mode as = mode::exclusive;
  std::uint32_t count = 1;     // of permits
  std::uint32_t capacity = 1;  // of the lock, in permits: the same for all who stand for some
  std::string id{};            // of the wish to stand: it stands once, however often it is asked
};
TROUPE_MESSAGE(place, ticket, owner, as, count, capacity, id)
using line = std::vector<place>;  // of one lock, by ticket

const place* find(const line& all, std::uint64_t ticket);  // null: not there
bool holds(const line& all, std::uint64_t ticket);
line holders(const line& all);
// The places of which the next one's end is to be awaited. None: it holds, or is not there.
line watched(const line& all, std::uint64_t ticket);
// All whom this place waits for, in order.
line in_the_way(const line& all, std::uint64_t ticket);
}  // namespace troupe::lock

// Who waits for whom, over all locks; a circle of them is a deadlock, and one of it must give way.
// Source: E. G. Coffman, M. Elphick, A. Shoshani, "System Deadlocks", ACM Computing Surveys 3(2), 1971; the victim by age:
// R. Agrawal, M. Carey, L. McVoy, "The Performance of Alternative Strategies for Dealing with Deadlocks", 1987.
//   Promises  whoever looks at the same lines finds the same circles and the same victim of each: the owner whose waiting
//             place has the highest ticket. One victim breaks its circle; others are looked at after it has gone
//             an owner that waits for a place of its own is a circle as well: shared, it wants to be alone; or it acts in two
//             processes at once
//   Beware    lines of different locks that were not read at one moment may show a circle that never was: ask again before
//             acting, since a true one stays
//   Costs     O(places + edges)
#pragma once
#include "patterns/lock/line.hpp"

#include <map>
#include <string>
#include <vector>
namespace troupe::lock {
using lines = std::map<std::string, line>;  // by lock

struct wait {  // an edge
  std::string owner{};
  std::string lock{};
  std::uint64_t ticket = 0;  // its place
  std::string holder{};      // stands in its way there
};
TROUPE_MESSAGE(wait, owner, lock, ticket, holder)

struct deadlock {
  std::vector<wait> circle{};  // each one's holder is the next one's owner
  std::string victim{};
  std::string lock{};        // where it waits
  std::uint64_t ticket = 0;  // its place there, to be given up
};
TROUPE_MESSAGE(deadlock, circle, victim, lock, ticket)

// One of each circle that shares no owner with another; in order of victims' tickets.
std::vector<deadlock> deadlocks(const lines& all);
// "a waits for 'x', held by b; b waits for 'y', held by a"
std::string explain(const deadlock& d);
}  // namespace troupe::lock

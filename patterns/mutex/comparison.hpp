// The three algorithms side by side, on a network that takes 250 us for each message and a detector that needs a second:
// messages an entry beside the formulas, and what a crash, a pause and a partition do to who is inside.
#pragma once
#include "patterns/mutex/mutex.hpp"

#include <vector>
namespace troupe::mutex {
struct cost {  // for one number of members
  std::string algorithm{};
  std::uint32_t members = 0;
  double alone =
      0;  // messages an entry, of one member that enters again and again; tokens that go round unasked aside
  double all_want = 0;                // of all that do
  std::uint32_t least = 0, most = 0;  // the formula's
  duration enters_after{};            // from acquire to inside, alone
};
TROUPE_MESSAGE(cost, algorithm, members, alone, all_want, least, most, enters_after)

struct conduct {  // of five members, under one trouble
  std::string algorithm{};
  std::string trouble{};
  duration next_after{};     // from the trouble to the next one inside
  std::uint32_t inside = 0;  // the most at once that believed to be
  std::uint32_t accepted =
      0;  // of them, by a resource that refuses a fence below the highest it has seen
};
TROUPE_MESSAGE(conduct, algorithm, trouble, next_after, inside, accepted)

std::vector<cost> costs(const std::vector<std::uint32_t>& members, std::uint32_t entries = 50);
// A holder that crashes; a coordinator or monitor that does; a holder that is paused for five seconds; a partition in two
// and three for as long.
std::vector<conduct> conducts();
}  // namespace troupe::mutex

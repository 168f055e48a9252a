// The electors side by side on a stage (stage.hpp): messages, time to a leader and takeovers, beside the textbook's formulas.
#pragma once
#include "patterns/election/stage.hpp"

#include <map>
#include <string>
#include <vector>
namespace troupe::election {
struct measured {
  std::string algorithm{};
  std::uint32_t members = 0;
  std::string event{};                // all start; the leader dies; it comes back
  std::uint64_t messages = 0;         // until all agree, beats not among them
  std::uint64_t least = 0, most = 0;  // the formula's; 0: it says nothing of this
  duration agreed_after{};
  std::uint64_t takeovers = 0;  // changes of the leader
  std::map<std::string, std::uint64_t> kinds{};
};
TROUPE_MESSAGE(measured, algorithm, members, event, messages, least, most, agreed_after, takeovers,
               kinds)

// A crash is noticed by its broken connections, in a millisecond, or by nobody's word but silence.
std::vector<measured> compare(const std::vector<std::uint32_t>& members, bool noticed = true,
                              std::uint64_t seed = 1);
}  // namespace troupe::election

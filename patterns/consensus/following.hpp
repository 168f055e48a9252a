// Which changes bring a group's members to those of another: the voters are chosen once, for the log, and other groups
// follow it.
//   Promises  nobody leaves before all who are to come have come, as far as `here` has them; a voter learns first
//             (D. Ongaro, dissertation, 4.2.1)
//   Costs     one step at a time: the group must have made one before the next is asked for
#pragma once
#include "patterns/consensus/raft/types.hpp"

#include <functional>
#include <optional>
namespace troupe::raft {
struct step_after {
  enum class kind : std::uint8_t { learn, vote, leave } what{};
  peer who{};
  bool operator==(const step_after&) const = default;
};
// `here`: has a replica of the group that can be reached. Nothing: it is as wanted, or must wait.
std::optional<step_after> next_step(const configuration& wanted, const configuration& is,
                                    const std::function<bool(const peer&)>& here);
}  // namespace troupe::raft

// The lease of lease-majority: what stands in one place that all sides may ask, and who gets it. Values only; whoever keeps
// them changes them one step at a time (cluster/downing_lease.hpp: two keys of the replicated map).
// Source: Akka's Split Brain Resolver, lease-majority. Beyond it: who was given up is remembered after
//   the lease has gone, so that a side which wakes up late is refused all the same.
//   Promises  of two members that each give up the other, at most one was ever granted that; nobody is
//             granted anything who was given up before, however late it asks (the last `dead_max`)
//             members of one side get one answer, whoever asks first; asking again changes nothing
//             giving back undoes what nobody else was granted, and nothing else
//   Assumes   one history: each step is made on the newest state, or not at all
//   Beware    a side none of whose members was known to the one that was granted is refused only while
//             the lease is held
//   Beware    one that is granted it and dies before it acts, or whose return never arrives, leaves
//             living members among the dead: refused, or downed, when the next partition is decided
//   Costs     O(members + dead_max) a step
#pragma once
#include "patterns/membership/member.hpp"

#include <optional>
namespace troupe::membership {
constexpr std::size_t dead_max = 4096;

// To the lease's keeper, and what it answers. A number is used again where no answer came.
struct lease_claim {
  std::uint64_t cluster = 0;
  std::uint64_t number = 0;  // of `by`, rising
  member_id by{};
  std::vector<member_id> side{};  // stays
  std::vector<member_id> down{};  // goes; both sorted
};
TROUPE_MESSAGE(lease_claim, cluster, number, by, side, down)
struct lease_return {  // what was granted under this number is not used
  std::uint64_t cluster = 0;
  std::uint64_t number = 0;
  member_id by{};
};
TROUPE_MESSAGE(lease_return, cluster, number, by)

enum class lease_outcome : std::uint8_t {
  granted,
  refused,  // certainly
  failed,   // nobody knows; it may be asked again
};
TROUPE_ENUM(lease_outcome, granted, refused, failed)
struct lease_answer {
  std::uint64_t number = 0;
  lease_outcome what = lease_outcome::failed;
  std::vector<member_id> down{};  // granted: all who are to go, sorted
  std::string reason{};
};
TROUPE_MESSAGE(lease_answer, number, what, down, reason)

// What is kept: `holding` for as long as the lease is held, `dead` for good.
struct lease_use {
  member_id by{};
  std::uint64_t number = 0;
  std::vector<member_id> down{};
};
TROUPE_MESSAGE(lease_use, by, number, down)
struct lease_holding {
  std::vector<member_id> side{};   // those who stay, sorted
  std::vector<lease_use> uses{};   // who was granted it
  std::vector<member_id> added{};  // to the dead, under this lease
};
TROUPE_MESSAGE(lease_holding, side, uses, added)
struct lease_dead {
  std::vector<member_id> all{};  // the oldest first
};
TROUPE_MESSAGE(lease_dead, all)
struct lease_state {
  std::optional<lease_holding> holding{};
  lease_dead dead{};
};
TROUPE_MESSAGE(lease_state, holding, dead)

lease_answer take(lease_state& state, const lease_claim& claim);
// False: there was nothing to undo.
bool give_back(lease_state& state, const lease_return& what);
}  // namespace troupe::membership

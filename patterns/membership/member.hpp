// Members as everybody in a cluster knows them: identity, lifecycle, reachability, and views of
// them that merge. States and their order are Akka's; generations are what SWIM calls incarnation
// numbers (Das, Gupta, Motivala 2002, section 4.2): a member alone raises its own, to refute a
// suspicion. An incarnation, here, is one life of a process, so that one word does not mean two
// things.
#pragma once
#include "patterns/message.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>
namespace troupe::membership {
using instant = std::chrono::nanoseconds;  // since any fixed origin, of a clock that never steps
using duration = std::chrono::nanoseconds;

struct member_id {
  std::string name{};
  std::string
      incarnation{};  // of the process, random: a restart under the same name is another member
};
TROUPE_MESSAGE(member_id, name, incarnation)
inline bool operator<(const member_id& a, const member_id& b) {
  const int order = a.name.compare(b.name);
  return order < 0 || (order == 0 && a.incarnation < b.incarnation);
}
std::string to_string(const member_id& id);  // name#incarnation, the latter cut to 8 characters

// In their order: one incarnation only ever moves to the right.
enum class member_state : std::uint8_t { joining, up, leaving, exiting, down, removed };
TROUPE_ENUM(member_state, joining, up, leaving, exiting, down, removed)

// Within one generation only ever to the right; a higher generation begins anew.
enum class reach : std::uint8_t { alive, suspect, unreachable };
TROUPE_ENUM(reach, alive, suspect, unreachable)

struct record {
  member_id id{};
  std::string address{};             // host:port
  std::vector<std::string> roles{};  // sorted
  std::string replaces{};  // the incarnation this name had before, if it was known at joining
  member_state state = member_state::joining;
  std::uint64_t age = 0;  // given at `up`, rising: the lowest is the oldest member; 0: not yet up
  std::uint64_t generation = 0;
  reach liveness = reach::alive;
  std::vector<std::string>
      witnesses{};  // names of those who found it silent in this generation, sorted
  std::vector<std::string>
      cut_off{};  // names it cannot reach itself though others can; its own word
};
TROUPE_MESSAGE(record, id, address, roles, replaces, state, age, generation, liveness, witnesses,
               cut_off)

// Bounds on what a peer may say of a member; a record beyond them is dropped.
constexpr std::size_t name_bytes_max = 255;
constexpr std::size_t roles_max = 64;
constexpr std::size_t witnesses_max = 8;
constexpr std::size_t cut_off_max = 16;
constexpr std::uint64_t generation_max = std::uint64_t{1} << 48;
bool valid(const record& r);

using view = std::map<member_id, record>;

// The join of what two members know of one incarnation: commutative, associative, idempotent, and
// never back in state or generation. True if `known` changed. Both must have the same id.
bool merge(record& known, const record& heard);
// The same for views, and what a record says of its predecessor: whoever is replaced is removed.
void merge(view& known, const view& heard);

inline bool present(const record& r) { return r.state < member_state::down; }
// What quorums and the oldest are counted of: joining members have no voice yet, exiting none any
// more.
inline bool counted(const record& r) {
  return r.state == member_state::up || r.state == member_state::leaving;
}
inline bool reachable(const record& r) { return r.liveness != reach::unreachable; }
inline bool older(const record& a, const record& b) {
  return std::tie(a.age, a.id.name, a.id.incarnation) <
         std::tie(b.age, b.id.name, b.id.incarnation);
}
// The oldest reachable member that is up, else leaving; none: nullptr.
const record* oldest(const view& members);
// The incarnation of this name that is present; none: nullptr.
const record* present_by_name(const view& members, const std::string& name);

// Equal for two members that know the same; removed members and suspicions under way don't count.
std::uint64_t digest(const view& members);
std::uint64_t digest(const record& r);  // its part of the sum
}  // namespace troupe::membership

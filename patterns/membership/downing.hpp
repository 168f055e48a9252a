// Split brain: which members a side of a partition gives up so that at most one side lives. The
// strategies and their names are Akka's Split Brain Resolver; like it, each side decides by itself,
// from the same members and the mirrored reachability.
//   Promises  for two sides that know the same members and see exactly each other as unreachable, at
//             most one lives: keep_majority the larger (of equals: the one with the lowest name),
//             static_quorum the one with the quorum, keep_oldest the oldest's, down_all none
//             (tested on a table of named partitions, each seen from every side). Under lease_majority
//             no two live that give each other up, however their views differ: one is granted a lease,
//             for which the larger side asks at once and the others later (arbiter.hpp); whoever
//             cannot get or ask it goes down
//   Assumes   members known to all sides: who joined or left during the partition may be counted
//             differently; what must be unique takes a lease or a quorum of the replicated log
//   Counted   up and leaving members (of `role`, if given); joining ones have no voice, yet are downed
//   Indirect  pairs that cannot reach each other while others reach both: the members with the most
//             cut links go, until no cut link is left; of a single pair, both
#pragma once
#include "patterns/membership/arbiter.hpp"
#include "patterns/membership/member.hpp"

#include <optional>
#include <utility>
namespace troupe::membership {
enum class downing : std::uint8_t {
  none,
  keep_majority,
  static_quorum,
  keep_oldest,
  down_all,
  lease_majority
};
std::string_view to_string(downing d);  // keep-majority, ...
std::optional<downing> downing_of(std::string_view name);
constexpr downing all_downings[] = {downing::keep_majority, downing::static_quorum,
                                    downing::keep_oldest, downing::down_all,
                                    downing::lease_majority};

struct strategy {
  downing kind = downing::keep_majority;
  std::string role{};         // count only members that have it; empty: all
  unsigned quorum = 0;        // static_quorum's size; more than 2 * size - 1 members: all go down
  bool down_if_alone = true;  // keep_oldest: an oldest that lost all others (two or more) gives way
  duration acquire_delay = std::chrono::seconds{2};  // lease_majority: of all but the larger side
};

enum class verdict : std::uint8_t {
  nothing,
  down_others,
  down_us,
  down_everyone,
  acquire  // the lease, and with it down these
};
std::string_view to_string(verdict v);

struct decision {
  verdict what = verdict::nothing;
  std::vector<member_id> down{};  // sorted
  std::string reason{};
  duration after{};  // acquire: wait for so long before
};
bool operator==(const decision& a, const decision& b);

// What the side that sees `members` so should do. Pure; `troupe members --what-if` prints it.
decision decide(const view& members, const strategy& how);
// Reachable members that cannot all stay, because links among them are cut.
std::vector<member_id> indirectly_connected(const view& members);

struct resolver_options {
  strategy how{};
  duration stable_after = std::chrono::seconds{2};
  duration suspects_for = std::chrono::seconds{6};  // suspicions under way are waited for so long
  duration backup_after = std::chrono::milliseconds{500};  // the oldest acts first, then anybody
  bool down_all_when_unstable = false;
  duration unstable_for = std::chrono::seconds{6};  // beyond stable_after
  // A lease that is not got within this time is not got; a question that failed is put again.
  duration acquire_within = std::chrono::seconds{5};
  duration acquire_again = std::chrono::milliseconds{500};
};

// When to decide: once the picture has been the same for stable_after. A claim to the lease is for
// one picture: when that changes, it is given back and things are judged anew.
//   state    | picture changed | due            | granted     | refused | failed
//   waiting  | waits anew      | asked          | -           | -       | -
//   asked    | given back      | down_us, given back | down_others | down_us | asked again
class resolver {
 public:
  explicit resolver(resolver_options how) : how_(std::move(how)) {}
  decision step(const view& members, const member_id& self, instant now);
  // Of the claim under way; others are ignored.
  decision answered(const lease_answer& a, const view& members, instant now);
  std::optional<instant> due() const { return due_; }
  // What to ask, and what to give back before that; each is told once.
  std::optional<lease_claim> claim() { return std::exchange(ask_, {}); }
  std::vector<std::uint64_t> unused() { return std::exchange(unused_, {}); }
  bool asking() const { return asked_.has_value(); }
  void give_up();  // the claim under way

 private:
  struct asked {
    lease_claim what{};
    instant until{};
    std::optional<instant> again{};  // no answer has come for it
    std::string reason{};
    std::string failure{};  // of the last try
  };
  decision ask(decision d, const view& members, const member_id& self, instant now);
  decision ask_on(const view& members, instant now);
  decision go_down(const view& members, const std::string& why);
  resolver_options how_;
  std::uint64_t picture_ = 0;  // 0: all is well
  instant stable_since_{};     // the picture has been this one
  instant trouble_since_{};    // there has been one
  std::optional<instant> due_{};
  std::uint64_t claims_ = 0;
  std::optional<asked> asked_{};
  std::optional<lease_claim> ask_{};
  std::vector<std::uint64_t> unused_{};
};
}  // namespace troupe::membership

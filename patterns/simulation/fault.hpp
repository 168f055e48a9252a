// What goes wrong in a run, as values: drawn from the seed before the run begins, written down,
// taken away one by one while the run still fails, and run again.
// Sources: A. Groce, C. Zhang, E. Eide, Y. Chen, J. Regehr, "Swarm Testing", ISSTA 2012: each run
//   draws its own mix of faults, some kinds left out, because kinds hide each other's bugs;
//   J. Zhou et al., "FoundationDB: A Distributed Unbundled Transactional Key Value Store", SIGMOD
//   2021, section 4: faults from a seed, under virtual time; Jepsen's nemeses for the kinds.
//   Promises  a drawn plan ends all its faults at `length`; only a crash without length is for good
//             its text, a readable timeline, reads back as the same plan
//   kind           who         whom        amount       while it lasts
//   lose           from        to          of million   messages vanish
//   repeat         from        to          of million   messages come twice, apart
//   delay          from        to          time         each takes up to so much longer: reordering
//   cut            from        to          -            nothing passes, this way
//   partition      one side    -           -            nothing passes between it and the rest
//   crash          members     -           -            down; restarted from disk when it ends
//   crash_unsynced members     -           -            the same, at the next persist, before its sync
//   crash_unsent   members     -           -            the same, after that sync, before any send
//   tear           members     -           -            crash; the first record lost is left in part
//   rot            members     -           -            crash; a bit of what was persisted has flipped
//   freeze         members     -           -            takes no step; what arrives waits
//   skew           members     -           of million   the clock runs so much faster, or slower
//   slow_disk      members     -           time         each sync takes so much longer
//   Nobody named means everybody.
#pragma once
#include "patterns/message.hpp"
#include "patterns/result.hpp"
#include "patterns/simulation/random.hpp"

#include <string>
#include <string_view>
#include <vector>
namespace troupe::simulation {
using member = std::uint32_t;  // members are numbered in the order they were added

enum class fault_kind : std::uint8_t {
  lose,
  repeat,
  delay,
  cut,
  partition,
  crash,
  crash_unsynced,
  crash_unsent,
  tear,
  rot,
  freeze,
  skew,
  slow_disk,
};
TROUPE_ENUM(fault_kind, lose, repeat, delay, cut, partition, crash, crash_unsynced, crash_unsent,
            tear, rot, freeze, skew, slow_disk)

struct fault {
  fault_kind what = fault_kind::lose;
  instant at{};
  duration length{};
  std::vector<member> who{};   // sorted
  std::vector<member> whom{};  // sorted
  std::int64_t amount = 0;
};
TROUPE_MESSAGE(fault, what, at, length, who, whom, amount)

struct plan {
  std::uint64_t seed = 1;
  std::uint32_t members = 1;
  duration length{};  // faults happen within
  duration calm{};    // then so long without
  std::vector<fault> faults{};
};
TROUPE_MESSAGE(plan, seed, members, length, calm, faults)

inline bool of_network(fault_kind k) { return k <= fault_kind::partition; }
inline bool of_disk(fault_kind k) { return k == fault_kind::slow_disk; }
// The member is down from the fault's beginning, or from its next persist, to the fault's end.
inline bool brings_down(fault_kind k) { return k >= fault_kind::crash && k <= fault_kind::rot; }

// What a swarm may draw from: bounds for one kind of fault.
struct appetite {
  fault_kind what = fault_kind::lose;
  unsigned count_max = 1;
  duration length_min{}, length_max{};
  std::int64_t amount_min = 0, amount_max = 0;
};
struct menu {
  std::vector<appetite> kinds{};
  unsigned disturbed_max = 0;                     // members down or frozen at one time; 0: no bound
  duration grain = std::chrono::milliseconds{1};  // times are multiples of it
};
plan draw(std::uint64_t seed, std::uint32_t members, duration length, duration calm,
          const menu& from);
// Everything at once, for cores that promise something under anything.
menu everything(duration length);

std::string name_of(member m);      // a to z, ba, bb, ...
std::string time_text(duration d);  // 1.25s
// 1.25s partition a b for 3.2s
std::string timeline(const fault& f);
// seed 4711 members 5 for 30s calm 60s, and a line for each fault, in order of time
std::string timeline(const plan& p);
// What is wrong with the text, if it is not one: a sentence that names the line.
result<plan, std::string> plan_from(std::string_view text);
}  // namespace troupe::simulation

// The network between members: each message is lost, repeated and delayed by itself, so that
// messages overtake each other; what a cut or a partition covers does not pass.
//   Promises  nothing passes a link that is cut when the message is sent or when it would arrive
//             conditions that overlap add up as the worst of each: delays by the longest
//   Costs     a step through the faults that last, for each message
#pragma once
#include "patterns/simulation/fault.hpp"

#include <array>
namespace troupe::simulation {
// What the network is like without any fault.
struct conditions {
  std::uint32_t loss = 0;      // of a million
  std::uint32_t repeated = 0;  // of a million
  duration delay_min = std::chrono::microseconds{100};
  duration delay_max = std::chrono::milliseconds{1};
  duration lateness_max{};  // a tick comes up to so much after it was asked for
  duration sync_min = std::chrono::microseconds{100};  // of a disk
  duration sync_max = std::chrono::milliseconds{2};
  bool notices = true;  // a death is told to those it was connected to, a little later
  duration notice_after = std::chrono::milliseconds{1};
};

class network {
 public:
  explicit network(conditions usual) : usual_(usual) {}
  void begin(std::uint32_t id, const fault& f, std::size_t members);
  void end(std::uint32_t id);
  void clear() { lasting_.clear(); }
  bool passes(member from, member to) const;

  // How often, and after what time, a message arrives: not at all, once, or twice.
  struct fate {
    unsigned copies = 0;
    std::array<duration, 2> after{};
  };
  fate of(member from, member to, generator& chance) const;

 private:
  struct lasting {
    std::uint32_t id;
    fault_kind what;
    std::int64_t amount;
    std::vector<bool> from, to;  // by member; empty: all
    bool covers(member a, member b) const {
      const bool of_from = from.empty() || (a < from.size() && from[a]);
      const bool of_to = to.empty() || (b < to.size() && to[b]);
      if (what != fault_kind::partition) return of_from && of_to;
      return of_from != (b < from.size() && from[b]);
    }
  };
  conditions usual_;
  std::vector<lasting> lasting_;
};
}  // namespace troupe::simulation

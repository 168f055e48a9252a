// The keeper of the lease of lease-majority, for a world: one truth that members reach or not, slowly, and whose answers may
// be lost. It stands for the replicated map, so that a member reaches it who reaches a majority of its voters.
#pragma once
#include "patterns/membership/swim.hpp"
#include "patterns/simulation/fault.hpp"
#include "patterns/simulation/random.hpp"

#include <functional>
#include <map>
#include <optional>
namespace troupe::membership {
class simulated_lease {
 public:
  struct conditions {
    duration held_for = std::chrono::seconds{40};
    duration delay_max = std::chrono::milliseconds{80};  // there, and as long back
    std::uint32_t loss = 30'000;                         // of a million questions, and of answers
  };
  struct times {  // from now on
    duration there{}, back{};
  };

  simulated_lease(std::uint64_t seed, conditions how) : how_(how), chance_(seed) {}

  // When the next order of this member takes effect: in the order in which they were given.
  times next(simulation::member by, instant now);
  struct outcome {
    std::optional<lease_answer> answer{};  // none: there is none to it, or it is lost
    bool again = false;  // a return that did not arrive: its sender's host tries again
  };
  outcome order(const lease_order& what, bool reached, instant now);
  std::uint64_t granted() const { return granted_; }

 private:
  struct kept {
    lease_state what{};
    instant until{};
  };
  const conditions how_;
  simulation::generator chance_;
  std::map<std::uint64_t, kept> clusters_;
  std::map<simulation::member, instant> last_;
  std::uint64_t granted_ = 0;
};
}  // namespace troupe::membership

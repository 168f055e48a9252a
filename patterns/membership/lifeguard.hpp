// Two formulas of Lifeguard (Dadgar, Phillips, Currey, "Lifeguard: Local Health Awareness for More
// Accurate Failure Detection", 2018): how much a member trusts itself, and how long it suspects.
#pragma once
#include "patterns/membership/member.hpp"

#include <algorithm>
#include <cmath>
namespace troupe::membership {
// Section IV.A, LHA-Probe: evidence that the fault is here, not there. Probe interval and time-out
// are multiplied by one more than the score.
class local_health {
 public:
  explicit local_health(unsigned score_max) : max_(score_max) {}
  void worse(unsigned by = 1) { score_ = std::min(max_, score_ + std::min(by, max_)); }
  void better() { score_ -= score_ > 0 ? 1 : 0; }
  unsigned score() const { return score_; }
  duration scaled(duration d) const { return d * (score_ + 1); }

 private:
  unsigned max_;
  unsigned score_ = 0;
};

// Section IV.B, LHA-Suspicion: from `longest` with no confirmation down to `shortest` with K of
// them, logarithmically. Where so few members are left that K cannot come, it is `shortest` at
// once.
inline duration suspicion_timeout(duration shortest, duration longest, unsigned confirmations,
                                  unsigned expected) {
  if (expected == 0 || confirmations >= expected || longest <= shortest) return shortest;
  const double part = std::log(confirmations + 1.0) / std::log(expected + 1.0);
  return longest - duration{std::llround(part * static_cast<double>((longest - shortest).count()))};
}
}  // namespace troupe::membership

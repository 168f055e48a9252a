// How suspicious is a silence? Two accrual failure detectors behind one interface: a level that
// only grows while nothing is heard, and a threshold above which a member is called unavailable.
// Sources: N. Hayashibara, X. Defago, R. Yared, T. Katayama, "The phi Accrual Failure Detector",
//   SRDS 2004, section 4; the acceptable pause and the guessed first heartbeat are Akka's.
//   Promises  finite and never NaN, whatever the times; monotone in the silence; 0 before the first
//             heartbeat; an interval that already counted as an outage does not enter the history
//   Costs     one window of intervals; a heartbeat and a question are O(1)
#pragma once
#include "patterns/membership/member.hpp"

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
namespace troupe::membership {
class detector {
 public:
  virtual ~detector() = default;
  virtual void heartbeat(instant now) = 0;
  virtual double suspicion(instant now) const = 0;
  virtual bool available(instant now) const = 0;
  // If nothing is heard, the first instant at which it may be unavailable; before the first
  // heartbeat: never.
  virtual instant unavailable_at() const = 0;
};

// -log10 of the probability that a heartbeat comes still later, arrivals being normal: phi 1 is
// wrong once in ten times, phi 8 once in 100 million. All three in the same unit.
double phi(double silence, double mean, double deviation);
constexpr double phi_max = 260;  // where doubles end; the level stays there

struct phi_options {
  double threshold = 8;
  std::size_t window = 200;  // intervals remembered
  duration deviation_min = std::chrono::milliseconds{100};
  duration pause_acceptable = std::chrono::seconds{3};
  duration first_interval = std::chrono::seconds{1};  // guessed, with a quarter of it as deviation
};

class phi_accrual final : public detector {
 public:
  explicit phi_accrual(phi_options how = {});
  void heartbeat(instant now) override;
  double suspicion(instant now) const override;
  bool available(instant now) const override { return suspicion(now) < how_.threshold; }
  instant unavailable_at() const override;
  double mean() const;       // of the window, seconds
  double deviation() const;  // seconds, at least the minimum
  std::size_t intervals() const { return window_.size(); }

 private:
  void remember(double interval);
  phi_options how_;
  std::deque<double> window_;
  double sum_ = 0, squares_ = 0;  // of the window, about its first guess, to keep the digits
  double deviations_ = 0;         // above the mean, to reach the threshold
  std::optional<instant> last_;
};

// The other extreme: unavailable after a fixed silence. Its level is the part of it that has
// passed.
class deadline final : public detector {
 public:
  explicit deadline(duration silence_max) : max_(silence_max) {}
  void heartbeat(instant now) override { last_ = last_ ? std::max(*last_, now) : now; }
  double suspicion(instant now) const override;
  bool available(instant now) const override { return suspicion(now) < 1; }
  instant unavailable_at() const override { return last_ ? *last_ + max_ : instant::max(); }

 private:
  duration max_;
  std::optional<instant> last_;
};
}  // namespace troupe::membership

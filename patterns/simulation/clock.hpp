// A member's own clock: it runs fast or slow against the world's, at a rate that may change, and
// never steps back. Whole nanoseconds, so that it reads the same on every machine.
//   Assumes   rates within -500,000 and +500,000 parts of a million; instants below 292 years
#pragma once
#include "patterns/simulation/random.hpp"
namespace troupe::simulation {
class drifting_clock {
 public:
  // What it shows at an instant of the world's time, not before the last change of its rate.
  constexpr instant local(instant world) const {
    const duration passed = world - since_;
    return shown_ + passed + scaled(passed, rate_);
  }
  // The first instant of the world's time at which it shows `local` or more.
  constexpr instant world(instant local) const {
    if (local <= shown_) return since_;
    if (rate_ == 0) return since_ + (local - shown_);
    const std::int64_t wanted = (local - shown_).count();
    const std::int64_t pace = million + rate_;
    instant at = since_ + duration{wanted / pace * million + wanted % pace * million / pace};
    while (this->local(at) < local) at += duration{1};
    while (at > since_ && this->local(at - duration{1}) >= local) at -= duration{1};
    return at;
  }
  constexpr void drift(instant world, std::int64_t of_a_million) {
    shown_ = local(world);
    since_ = world;
    rate_ = of_a_million;
  }
  constexpr std::int64_t rate() const { return rate_; }

 private:
  static constexpr duration scaled(duration d, std::int64_t rate) {
    const std::int64_t whole = d.count() / million, rest = d.count() % million;
    const std::int64_t part = rest * rate;
    return duration{whole * rate +
                    (part >= 0 ? part / million : -((-part + million - 1) / million))};
  }
  instant since_{}, shown_{};
  std::int64_t rate_ = 0;
};
}  // namespace troupe::simulation

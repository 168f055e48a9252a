#include "patterns/membership/bootstrap.hpp"
namespace troupe::membership {
bootstrap::bootstrap(std::string self, std::vector<std::string> seeds,
                     std::vector<std::string> known, timing how, instant now)
    : self_(std::move(self)),
      first_(seeds.empty() || seeds.front() == self_),
      rebuilt_(!known.empty()),
      how_(how),
      started_(now),
      next_(now) {
  peers_.insert(seeds.begin(), seeds.end());
  peers_.insert(known.begin(), known.end());
  peers_.erase(self_);
}

bootstrap::step_output bootstrap::step(instant now) {
  if (now < next_) return {};
  if (may_form(now)) return {.form = true};
  constexpr unsigned eager_tries = 20;  // then at a quarter of the rate
  next_ = now + (++tries_ <= eager_tries ? 1 : 4) * how_.join_interval;
  return {.ask = {peers_.begin(), peers_.end()}};
}

bool bootstrap::may_form(instant now) const {
  if (!first_) return false;
  if (forming_.size() == peers_.size()) return true;
  if (!rebuilt_) return now - started_ >= how_.form_after;
  return 2 * (forming_.size() + 1) > peers_.size() + 1 && now - started_ >= how_.reform_after;
}
}  // namespace troupe::membership

#include "patterns/membership/bootstrap.hpp"
namespace troupe::membership {
bootstrap::bootstrap(std::string self, std::vector<std::string> seeds,
                     std::vector<std::string> known, timing how, instant now)
    : self_(std::move(self)),
      seeds_(std::move(seeds)),
      rebuilt_(!known.empty()),
      how_(how),
      started_(now),
      next_(now),
      next_told_(now + told_every) {
  peers_.insert(seeds_.begin(), seeds_.end());
  peers_.insert(known.begin(), known.end());
  peers_.erase(self_);
}

bootstrap::step_output bootstrap::step(instant now) {
  if (now < next_) return {};
  if (may_form(now)) return {.form = true};
  constexpr unsigned eager_tries = 20;  // then at a quarter of the rate
  next_ = now + (++tries_ <= eager_tries ? 1 : 4) * how_.join_interval;
  step_output out{.ask = {peers_.begin(), peers_.end()}};
  if (rebuilt_ && now >= next_told_) {
    next_told_ = now + told_every;
    const auto all = others().size();
    out.waiting = "waiting for " + std::to_string(all - forming_.size()) + " of " +
                  std::to_string(all) +
                  " former members: none is in a cluster, and without an answer from a majority "
                  "none is formed anew";
  }
  return out;
}

void bootstrap::also_known(const std::string& text, const std::string& address) {
  if (text == address) return;
  addresses_[text] = address;
  if (address == self_) peers_.erase(text);
}

std::vector<std::string> bootstrap::strangers(const std::set<std::string>& known) const {
  std::vector<std::string> found;
  for (const auto& seed : seeds_) {
    if (const auto& at = address_of(seed); at != self_ && !known.contains(at)) {
      found.push_back(seed);
    }
  }
  return found;
}

const std::string& bootstrap::address_of(const std::string& text) const {
  const auto known = addresses_.find(text);
  return known == addresses_.end() ? text : known->second;
}

std::set<std::string> bootstrap::others() const {
  std::set<std::string> all;
  for (const auto& text : peers_) all.insert(address_of(text));
  all.erase(self_);
  return all;
}

// The first seed may be gone for good. Then one of its former members has to begin, and the one
// whose address is the lowest does, if it hears from others.
bool bootstrap::in_place_of_first() const {
  return rebuilt_ && !forming_.empty() && !forming_.contains(address_of(seeds_.front())) &&
         self_ < *forming_.begin();
}

bool bootstrap::may_form(instant now) const {
  const bool first = seeds_.empty() || address_of(seeds_.front()) == self_;
  if (!first && !in_place_of_first()) return false;
  const std::size_t all = others().size();
  if (forming_.size() == all) return true;
  if (!rebuilt_) return now - started_ >= how_.form_after;
  // Whoever takes the first seed's place lets it go first, so that it would find its cluster.
  const duration patience = how_.reform_after + (first ? duration{} : 2 * how_.form_after);
  return 2 * (forming_.size() + 1) > all + 1 && now - started_ >= patience;
}
}  // namespace troupe::membership

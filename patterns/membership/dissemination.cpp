#include "patterns/membership/dissemination.hpp"

#include <cmath>
namespace troupe::membership {
void dissemination::add(const member_id& about) {
  drop(about);
  queue_.insert({0, ++order_, about});
  where_[about] = {0, order_};
}

void dissemination::drop(const member_id& about) {
  const auto at = where_.find(about);
  if (at == where_.end()) return;
  queue_.erase({at->second.first, at->second.second, about});
  where_.erase(at);
}

std::vector<member_id> dissemination::pick(std::size_t count, unsigned limit) {
  std::vector<entry> chosen;
  while (chosen.size() < count && !queue_.empty()) {
    chosen.push_back(std::move(queue_.extract(queue_.begin()).value()));
  }
  std::vector<member_id> about;
  for (auto& e : chosen) {
    about.push_back(e.about);
    if (++e.sent >= limit) {
      where_.erase(e.about);
    } else {
      where_[e.about].first = e.sent;
      queue_.insert(std::move(e));
    }
  }
  return about;
}

unsigned transmissions(unsigned factor, std::size_t members) {
  return factor * static_cast<unsigned>(std::ceil(std::log2(static_cast<double>(members) + 1)));
}
}  // namespace troupe::membership

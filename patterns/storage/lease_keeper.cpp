#include "patterns/storage/lease_keeper.hpp"

#include <algorithm>
namespace troupe::storage {
void lease_keeper::lease_granted(const granted& given, instant now) {
  lease_revoked(given.id);
  auto& l = leases_[given.id];
  l.ttl = given.ttl;
  if (leading_) run(given.id, l, now + given.ttl);
}

void lease_keeper::lease_revoked(lease_id id) {
  const auto found = leases_.find(id);
  if (found == leases_.end()) return;
  deadlines_.erase({found->second.until, id});
  leases_.erase(found);
}

void lease_keeper::restored(const std::vector<granted>& all, instant now) {
  deadlines_.clear();
  leases_.clear();
  for (const auto& lease : all) lease_granted(lease, now);
}

void lease_keeper::became_leader(instant now) {
  leading_ = true;
  for (auto& [id, l] : leases_) {
    l.proposed = false;
    run(id, l, now + l.ttl);
  }
}

void lease_keeper::lost_leadership() {
  leading_ = false;
  deadlines_.clear();
}

result<duration, keepalive_refusal> lease_keeper::keepalive(lease_id id, instant now) {
  if (!leading_) return unexpected{keepalive_refusal::not_leader};
  const auto found = leases_.find(id);
  if (found == leases_.end()) return unexpected{keepalive_refusal::unknown};
  auto& l = found->second;
  if (l.proposed) return unexpected{keepalive_refusal::expired};
  run(id, l, std::max(l.until, now + l.ttl));
  return l.ttl;
}

std::vector<lease_id> lease_keeper::tick(instant now) {
  std::vector<lease_id> overdue;
  for (auto it = deadlines_.begin();
       it != deadlines_.end() && it->first <= now && overdue.size() < batch_; ++it)
    overdue.push_back(it->second);
  for (const auto id : overdue) {
    auto& l = leases_.at(id);
    l.proposed = true;
    run(id, l, now + again_);
  }
  return overdue;
}

std::optional<instant> lease_keeper::due() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

std::optional<duration> lease_keeper::remaining(lease_id id, instant now) const {
  const auto found = leases_.find(id);
  if (!leading_ || found == leases_.end()) return std::nullopt;
  if (found->second.proposed) return duration{0};
  return std::max(duration{0}, found->second.until - now);
}

void lease_keeper::run(lease_id id, lease& l, instant until) {
  deadlines_.erase({l.until, id});
  l.until = until;
  deadlines_.emplace(until, id);
}
}  // namespace troupe::storage

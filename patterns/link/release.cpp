#include "patterns/link/release.hpp"

namespace troupe::link {
exports::verdict exports::release(std::uint64_t actor, std::uint64_t count) {
  const auto found = sent_.find(actor);
  if (found == sent_.end()) return verdict::unknown;
  if (count == 0 || count > found->second) return verdict::forged;
  found->second -= count;
  if (found->second != 0) return verdict::kept;
  sent_.erase(found);
  return verdict::dropped;
}

std::vector<std::uint64_t> exports::clear() {
  std::vector<std::uint64_t> actors;
  actors.reserve(sent_.size());
  for (const auto& [actor, count] : sent_) actors.push_back(actor);
  sent_.clear();
  return actors;
}

std::uint64_t imports::drop(std::uint64_t actor) {
  const auto found = received_.find(actor);
  if (found == received_.end()) return 0;
  const auto count = found->second;
  received_.erase(found);
  return count;
}
}  // namespace troupe::link

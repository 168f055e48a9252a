#include "patterns/mapreduce/fair.hpp"

#include <algorithm>
#include <cassert>
namespace troupe::mapreduce {
std::size_t fair::pick(const std::vector<claim>& claims) {
  assert(!claims.empty());
  const auto served = [&](const claim& c) {
    const auto found = served_.find(c.id);
    return found == served_.end() ? 0 : found->second;
  };
  const auto before = [&](const claim& a, const claim& b) {
    // a.running / a.weight < b.running / b.weight
    const auto left = std::uint64_t{a.running} * std::max(b.weight, 1u);
    const auto right = std::uint64_t{b.running} * std::max(a.weight, 1u);
    if (left != right) return left < right;
    if (served(a) != served(b)) return served(a) < served(b);
    return a.id < b.id;
  };
  const auto next = std::min_element(claims.begin(), claims.end(), before);
  served_[next->id] = ++picks_;
  return static_cast<std::size_t>(next - claims.begin());
}

std::vector<std::uint32_t> fair::excess(const std::vector<need>& of, std::uint32_t slots) {
  std::vector<std::uint32_t> beyond(of.size());
  std::uint64_t weights = 0, lacking = 0;
  for (const auto& n : of)
    if (n.running + n.waiting > 0) weights += std::max(n.weight, 1u);
  if (weights == 0) return beyond;
  const auto share = [&](const need& n) {
    return std::max<std::uint64_t>(std::uint64_t{slots} * std::max(n.weight, 1u) / weights, 1);
  };
  for (const auto& n : of)
    if (n.running < share(n)) lacking += std::min<std::uint64_t>(share(n) - n.running, n.waiting);
  while (lacking > 0) {  // from whoever has most beyond its share
    std::size_t most = of.size();
    std::uint64_t excess = 0;
    for (std::size_t i = 0; i < of.size(); ++i) {
      const auto left = of[i].running - beyond[i];
      if (left > share(of[i]) && left - share(of[i]) > excess) {
        most = i;
        excess = left - share(of[i]);
      }
    }
    if (most == of.size()) break;
    ++beyond[most];
    --lacking;
  }
  return beyond;
}
}  // namespace troupe::mapreduce

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
}  // namespace troupe::mapreduce

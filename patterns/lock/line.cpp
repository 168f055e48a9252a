#include "patterns/lock/line.hpp"

#include <algorithm>
namespace troupe::lock {
namespace {
// With permits, those before it count whether they hold or wait: a small request does not slip past a large one.
bool blocks(const place& before, const place& p) {
  return p.as != mode::shared || before.as != mode::shared;
}
}  // namespace

const place* find(const line& all, std::uint64_t ticket) {
  const auto at = std::lower_bound(all.begin(), all.end(), ticket,
                                   [](const place& p, std::uint64_t t) { return p.ticket < t; });
  return at != all.end() && at->ticket == ticket ? &*at : nullptr;
}

line in_the_way(const line& all, std::uint64_t ticket) {
  line those;
  const auto* own = find(all, ticket);
  if (own == nullptr) return those;
  std::uint64_t taken = own->count;
  bool others = false;  // that are not of its kind
  for (const auto& p : all) {
    if (p.ticket == ticket) break;
    if (!blocks(p, *own)) continue;
    others = others || own->as != mode::permits || p.as != mode::permits;
    taken += p.count;
    those.push_back(p);
  }
  if (own->as == mode::permits && !others && taken <= own->capacity) those.clear();
  return those;
}

bool holds(const line& all, std::uint64_t ticket) {
  const auto* own = find(all, ticket);
  return own != nullptr && (own->as != mode::permits || own->count <= own->capacity) &&
         in_the_way(all, ticket).empty();
}

line holders(const line& all) {
  line those;
  for (const auto& p : all)
    if (holds(all, p.ticket)) those.push_back(p);
  return those;
}

line watched(const line& all, std::uint64_t ticket) {
  auto those = in_the_way(all, ticket);
  if (!those.empty() && find(all, ticket)->as != mode::permits) those = {those.back()};
  return those;
}
}  // namespace troupe::lock

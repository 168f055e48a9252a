#include "patterns/lock/line.hpp"

#include <algorithm>
namespace troupe::lock {
namespace {
line::const_iterator find(const line& all, std::uint64_t ticket) {
  const auto at = std::lower_bound(all.begin(), all.end(), ticket,
                                   [](const place& p, std::uint64_t t) { return p.ticket < t; });
  return at != all.end() && at->ticket == ticket ? at : all.end();
}

// With permits, those before it count whether they hold or wait: a small request does not slip past a large one.
bool blocks(const place& before, const place& p) {
  return p.as != mode::shared || before.as != mode::shared;
}
}  // namespace

std::vector<std::uint64_t> in_the_way(const line& all, std::uint64_t ticket,
                                      std::uint32_t capacity) {
  const auto at = find(all, ticket);
  std::vector<std::uint64_t> those;
  if (at == all.end()) return those;
  std::uint64_t taken = at->count;
  bool others = false;  // that are not of its kind
  for (auto p = all.begin(); p != at; ++p) {
    if (!blocks(*p, *at)) continue;
    others = others || at->as != mode::permits || p->as != mode::permits;
    taken += p->count;
    those.push_back(p->ticket);
  }
  if (at->as == mode::permits && !others && taken <= capacity) those.clear();
  return those;
}

bool holds(const line& all, std::uint64_t ticket, std::uint32_t capacity) {
  const auto at = find(all, ticket);
  return at != all.end() && (at->as != mode::permits || at->count <= capacity) &&
         in_the_way(all, ticket, capacity).empty();
}

std::vector<std::uint64_t> holders(const line& all, std::uint32_t capacity) {
  std::vector<std::uint64_t> those;
  for (const auto& p : all)
    if (holds(all, p.ticket, capacity)) those.push_back(p.ticket);
  return those;
}

std::vector<std::uint64_t> watched(const line& all, std::uint64_t ticket, std::uint32_t capacity) {
  auto those = in_the_way(all, ticket, capacity);
  const auto at = find(all, ticket);
  if (!those.empty() && at->as != mode::permits) those = {those.back()};
  return those;
}
}  // namespace troupe::lock

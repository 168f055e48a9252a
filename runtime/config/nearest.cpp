#include "runtime/config/nearest.hpp"

#include <algorithm>

namespace troupe::config {
namespace {
constexpr std::size_t longest = 128;  // more than any name of ours: longer ones are not compared

std::string_view last_part(std::string_view key) { return key.substr(key.rfind('.') + 1); }

std::string folded(std::string_view key) {
  std::string out{key};
  for (auto& c : out)
    c = c == '_' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}
}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = a[i - 1] == b[j - 1];
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

std::string nearest(std::string_view wrong, const std::vector<std::string>& known) {
  if (wrong.empty() || wrong.size() > longest) return {};
  const auto sought = folded(wrong);
  const auto limit = std::max<std::size_t>(2, wrong.size() / 4);
  std::string best;
  auto best_distance = limit + 1;
  for (const auto& name : known) {
    const auto key = folded(name);
    auto distance = edit_distance(sought, key);
    if (last_part(sought) == last_part(key)) distance = std::min(distance, limit);
    if (distance < best_distance) {
      best_distance = distance;
      best = name;
    }
  }
  return best;
}
}  // namespace troupe::config

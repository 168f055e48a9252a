#include "patterns/mapreduce/partition.hpp"

#include <algorithm>
namespace troupe::mapreduce {
std::vector<std::string> cut_points(std::vector<std::string> samples, std::uint32_t parts) {
  std::vector<std::string> cuts;
  if (samples.empty()) return cuts;
  std::sort(samples.begin(), samples.end());
  const std::uint64_t count = samples.size();
  for (std::uint64_t part = 1; part < parts; ++part) {
    const auto& cut = samples[static_cast<std::size_t>(count * part / parts)];
    // a cut at the smallest sample would leave the first part without any
    const auto& below = cuts.empty() ? samples.front() : cuts.back();
    if (cut > below) cuts.push_back(cut);
  }
  return cuts;
}

std::uint32_t range_partition(const std::vector<std::string>& cuts, std::string_view key) {
  return static_cast<std::uint32_t>(std::upper_bound(cuts.begin(), cuts.end(), key) - cuts.begin());
}
}  // namespace troupe::mapreduce

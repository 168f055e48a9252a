#include "patterns/mapreduce/splits.hpp"

#include <algorithm>
#include <utility>
namespace troupe::mapreduce {
std::uint64_t split_target(std::uint64_t bytes_total, std::uint32_t slots) {
  const auto share = bytes_total / (4 * std::uint64_t{std::max(slots, 1u)});
  return std::clamp<std::uint64_t>(share, 1 << 20, 64 << 20);
}

std::vector<split> plan_splits(std::vector<input_file> files, std::uint64_t target) {
  target = std::max<std::uint64_t>(target, 1);
  std::stable_sort(files.begin(), files.end(),
                   [](const auto& a, const auto& b) { return a.path < b.path; });
  std::vector<split> splits, large;
  split open;
  std::uint64_t weight = 0;  // of the open split
  for (auto& [path, size, changed] : files) {
    if (size == 0) continue;
    // a rest of less than half a target is shared out among the other parts
    const auto parts = size / target + (size % target >= target - target / 2 ? 1 : 0);
    if (parts > 1) {
      for (std::uint64_t i = 0, offset = 0; i < parts; ++i) {
        const auto length = size / parts + (i < size % parts ? 1 : 0);
        large.push_back({{{path, offset, length, size, changed}}, length});
        offset += length;
      }
      continue;
    }
    if (!open.pieces.empty() && weight + size + file_cost > target) {
      splits.push_back(std::exchange(open, {}));
      weight = 0;
    }
    weight += size + file_cost;
    open.bytes += size;
    open.pieces.push_back({std::move(path), 0, size, size, changed});
  }
  if (!open.pieces.empty()) splits.push_back(std::move(open));
  // large ones first: what is left for the end is small
  large.insert(large.end(), std::make_move_iterator(splits.begin()),
               std::make_move_iterator(splits.end()));
  return large;
}

std::string_view records_in(std::string_view text, std::uint64_t offset, std::uint64_t length) {
  const auto first_from = [&](std::uint64_t at) -> std::uint64_t {  // the first line from `at` on
    if (at == 0) return 0;
    if (at >= text.size()) return text.size();
    const auto newline = text.find('\n', at - 1);
    return newline == std::string_view::npos ? text.size() : newline + 1;
  };
  const auto begin = first_from(offset), end = first_from(offset + length);
  return text.substr(begin, end - begin);
}
}  // namespace troupe::mapreduce

#include "cluster/program/numbers.hpp"

#include <charconv>

namespace troupe::program {
std::optional<std::vector<std::uint32_t>> numbers_in(std::string_view text, std::uint32_t least, std::uint32_t most) {
  std::vector<std::uint32_t> all;
  const auto* at = text.data();
  const auto* const end = at + text.size();
  while (true) {
    std::uint32_t n = 0;
    const auto read = std::from_chars(at, end, n);
    if (read.ec != std::errc{} || n < least || n > most) return std::nullopt;
    all.push_back(n);
    if (read.ptr == end) return all;
    if (*read.ptr != ',') return std::nullopt;
    at = read.ptr + 1;
  }
}
}  // namespace troupe::program

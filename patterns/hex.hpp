// Numbers as names: of clusters, lives, directories. Sixteen digits, so that they sort as they count.
#pragma once
#include <cstdint>
#include <string>
namespace troupe {
inline std::string hex(std::uint64_t number) {
  std::string text(16, '0');
  for (auto at = text.rbegin(); number != 0; ++at, number >>= 4)
    *at = "0123456789abcdef"[number & 15U];
  return text;
}
}  // namespace troupe

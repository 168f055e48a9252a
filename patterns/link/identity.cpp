#include "patterns/link/identity.hpp"

namespace troupe::link {
std::string to_string(const incarnation& life) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * life.bytes.size());
  for (const auto byte : life.bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}
}  // namespace troupe::link

#include "patterns/lock/paths.hpp"

#include <algorithm>
namespace troupe::lock {
namespace {
constexpr std::string_view digits = "0123456789ABCDEF";
bool plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

// A name that is empty, or of dots alone, would be no part of a path.
std::string part_of(std::string_view name) {
  if (name.empty()) return "%";
  const bool dots = std::all_of(name.begin(), name.end(), [](char c) { return c == '.'; });
  std::string out;
  for (const char c : name) {
    if (plain(c) && !dots) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', digits[byte >> 4U], digits[byte & 15U]};
  }
  return out;
}
}  // namespace

std::string path_of(std::string_view lock) {
  return std::string{path_of_all} + "/" + part_of(lock);
}
std::string path_of(std::string_view lock, std::string_view id) {
  return path_of(lock) + "/" + part_of(id);
}

std::optional<std::string> lock_of_part(std::string_view part) {
  std::string out;
  for (std::size_t i = 0; i < part.size() && part != "%"; ++i) {
    if (part[i] != '%') {
      out += part[i];
      continue;
    }
    const auto high = i + 2 < part.size() ? digits.find(part[i + 1]) : std::string_view::npos;
    const auto low = i + 2 < part.size() ? digits.find(part[i + 2]) : std::string_view::npos;
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  if (part_of(out) != part) return std::nullopt;  // written otherwise than we do
  return out;
}
}  // namespace troupe::lock

#include "patterns/lock/paths.hpp"

#include <algorithm>
namespace troupe::lock {
namespace {
constexpr std::string_view digits = "0123456789ABCDEF";
constexpr std::string_view digested = "%%";  // no name's beginning
bool plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

// A name that is empty, or of dots alone, would be no part of a path.
std::string escaped(std::string_view name) {
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

std::optional<std::string> unescaped(std::string_view part) {
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
  return out;
}
}  // namespace

std::string paths::of(std::string_view lock) const {
  return std::string{path_of_all} + "/" + part_of(lock, lock_part_max);
}
std::string paths::of(std::string_view lock, std::string_view id) const {
  return of(lock) + "/" + part_of(id, id_part_max);
}
std::string paths::data_of(std::string_view lock) const {
  return escaped(lock).size() > lock_part_max ? std::string{lock} : std::string{};
}

std::optional<std::string> paths::lock_in(std::string_view part, std::string_view data) const {
  auto name = part.starts_with(digested) ? std::string{data} : unescaped(part);
  if (!name || part_of(*name, lock_part_max) != part) return std::nullopt;  // not as we write it
  return name;
}

std::string paths::part_of(std::string_view name, std::size_t max) const {
  auto part = escaped(name);
  return part.size() <= max ? part : std::string{digested} + digest_(name);
}
}  // namespace troupe::lock

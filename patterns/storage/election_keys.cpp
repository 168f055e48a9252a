#include "patterns/storage/campaign.hpp"

#include <charconv>
namespace troupe::election {
namespace {
constexpr std::string_view room = "election/";

std::string escaped(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '/') {
      out += "%2F";
    } else if (c == '%') {
      out += "%25";
    } else {
      out += c;
    }
  }
  return out;
}

std::string unescaped(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto code = name.substr(i, 3);
    if (code == "%2F" || code == "%25") {
      out += code == "%2F" ? '/' : '%';
      i += 2;
    } else {
      out += name[i];
    }
  }
  return out;
}
}  // namespace

std::string keys_of(std::string_view election) {
  return std::string{room} + escaped(election) + "/";
}

std::string key_of(std::string_view election, std::string_view name, lease_id lease) {
  char hex[16];
  const auto end = std::to_chars(hex, hex + sizeof hex, lease, 16).ptr;
  return keys_of(election) + escaped(name) + "/" + std::string(hex, end);
}

std::optional<std::string> name_in(std::string_view key) {
  if (!key.starts_with(room)) return std::nullopt;
  key.remove_prefix(room.size());
  const auto first = key.find('/');
  const auto last = key.rfind('/');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  return unescaped(key.substr(first + 1, last - first - 1));
}
}  // namespace troupe::election

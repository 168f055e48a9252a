#include "patterns/storage/campaign.hpp"
#include "patterns/storage/key_part.hpp"

#include <charconv>
namespace troupe::election {
namespace {
constexpr std::string_view room = "election/";
}  // namespace

std::string keys_of(std::string_view election) {
  return std::string{room} + storage::key_part(election) + "/";
}

std::string key_of(std::string_view election, std::string_view name, lease_id lease) {
  char hex[16];
  const auto end = std::to_chars(hex, hex + sizeof hex, lease, 16).ptr;
  return keys_of(election) + storage::key_part(name) + "/" + std::string(hex, end);
}

std::optional<std::string> name_in(std::string_view key) {
  if (!key.starts_with(room)) return std::nullopt;
  key.remove_prefix(room.size());
  const auto first = key.find('/');
  const auto last = key.rfind('/');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  return storage::name_of_part(key.substr(first + 1, last - first - 1));
}
}  // namespace troupe::election

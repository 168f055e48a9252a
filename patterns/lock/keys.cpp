#include "patterns/lock/keys.hpp"

#include "patterns/storage/key_part.hpp"
namespace troupe::lock {
std::string keys_of(std::string_view lock) {
  return std::string{keys_of_all} + storage::key_part(lock) + "/";
}

std::string key_of(std::string_view lock, std::string_view id) {
  return keys_of(lock) + storage::key_part(id);
}

std::optional<std::string> lock_in(std::string_view key) {
  if (!key.starts_with(keys_of_all)) return std::nullopt;
  key.remove_prefix(keys_of_all.size());
  const auto slash = key.find('/');
  if (slash == std::string_view::npos || slash != key.rfind('/')) return std::nullopt;
  return storage::name_of_part(key.substr(0, slash));
}
}  // namespace troupe::lock

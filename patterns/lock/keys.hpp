// Where the places of a lock stand in the replicated map: /troupe/locks/NAME/ID. Slashes in names are escaped, so that no
// lock's places lie among another's.
#pragma once
#include <optional>
#include <string>
#include <string_view>
namespace troupe::lock {
constexpr std::string_view keys_of_all = "/troupe/locks/";
std::string keys_of(std::string_view lock);
std::string key_of(std::string_view lock, std::string_view id);
std::optional<std::string> lock_in(std::string_view key);  // nothing: no place's key
}  // namespace troupe::lock

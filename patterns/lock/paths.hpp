// Where the places of a lock stand in the coordination tree: /locks/NAME/ID. Whatever bytes a name has, its part of the
// path is letters, digits, '.', '_', '-' and percent signs.
#pragma once
#include <optional>
#include <string>
#include <string_view>
namespace troupe::lock {
constexpr std::string_view path_of_all = "/locks";
std::string path_of(std::string_view lock);
std::string path_of(std::string_view lock, std::string_view id);
std::optional<std::string> lock_of_part(std::string_view part);  // nothing: no lock's
}  // namespace troupe::lock

// The name that somebody probably meant.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>
namespace troupe::config {
// Insertions, deletions, replacements and swaps of neighbours that turn one into the other.
std::size_t edit_distance(std::string_view a, std::string_view b);
// Empty when nothing is near enough. A key is also near when its last part is right and its section wrong.
std::string nearest(std::string_view wrong, const std::vector<std::string>& known);
}  // namespace troupe::config

// Where the places of a lock stand in the coordination tree: /locks/NAME/ID. Whatever bytes a name has, its part of the
// path is letters, digits, '.', '_', '-' and percent signs. One that would be too long for a path is "%%" and a digest of it:
// of a lock, its node has the name as its data; of a place, the place has it.
//   Promises  paths are within the bounds of patterns/tree/path.hpp
//   Assumes   a digest that no two names share, of at most 90 letters and digits
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
namespace troupe::lock {
constexpr std::string_view path_of_all = "/locks";
constexpr std::size_t lock_part_max = 900, id_part_max = 100;  // of parts that are the name itself
using digest = std::string (*)(std::string_view name);

class paths {
 public:
  constexpr explicit paths(digest of) : digest_{of} {}
  std::string of(std::string_view lock) const;
  std::string of(std::string_view lock, std::string_view id) const;
  std::string data_of(std::string_view lock) const;  // of the lock's node
  // The lock whose node has this part and this data; nothing: no lock's.
  std::optional<std::string> lock_in(std::string_view part, std::string_view data) const;

 private:
  std::string part_of(std::string_view name, std::size_t max) const;
  digest digest_;
};
}  // namespace troupe::lock

#include "cluster/local_node.hpp"

#include <algorithm>
namespace troupe {
std::size_t member_list::up() const {
  return static_cast<std::size_t>(std::count_if(
      begin(), end(), [](const auto& m) { return m.state == "up" && m.reach != "unreachable"; }));
}

std::size_t member_list::reachable() const {
  return static_cast<std::size_t>(
      std::count_if(begin(), end(), [](const auto& m) { return m.reach != "unreachable"; }));
}

const management::member_row* member_list::find(std::string_view name) const {
  const auto found = std::find_if(begin(), end(), [&](const auto& m) { return m.name == name; });
  return found == end() ? nullptr : &*found;
}
}  // namespace troupe

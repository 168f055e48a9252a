// Paths of the coordination tree: "/", "/app", "/app/locks/x". Absolute, in one form only.
// Source: ZooKeeper 3.8, "The ZooKeeper Data Model", and its PathUtils.validatePath.
//   Departs   text is UTF-8 that is checked here; a path is bounded in length and depth
//   Promises  two paths that are accepted name one node if and only if their bytes are equal, and
//             each can be shown on a terminal and in JSON
#pragma once
#include "patterns/result.hpp"
#include "patterns/tree/messages.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
namespace troupe::tree {
constexpr std::size_t sequence_digits = 10;
constexpr std::uint64_t sequence_max = 9'999'999'999;

struct path_bounds {
  std::uint32_t bytes_max = 1024;
  std::uint32_t depth_max = 32;  // parts
};

// Of UTF-8 without control characters: the bytes of the character that text begins with; 0: none.
std::size_t character(std::string_view text);
result<void, refusal> check_path(std::string_view path, const path_bounds& within);

// Of a path that was checked.
inline std::string_view parent_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return path.substr(0, slash == 0 ? 1 : slash);
}
inline std::string_view name_in(std::string_view path) { return path.substr(path.rfind('/') + 1); }
// What all paths below this one begin with.
inline std::string below(std::string_view path) {
  return path == "/" ? std::string{path} : std::string{path} + '/';
}
inline bool covers(std::string_view root, std::string_view path) {
  return root == path || root == "/" ||
         (path.size() > root.size() && path.starts_with(root) && path[root.size()] == '/');
}
// The counter at the end of a sequential node's name.
inline std::string sequence_text(std::uint64_t counter) {
  auto digits = std::to_string(counter);
  return std::string(sequence_digits - digits.size(), '0') + digits;
}
}  // namespace troupe::tree

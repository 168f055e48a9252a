// The syntax of configuration files, a plain part of TOML. One setting a line:
//   # a comment
//   [membership]
//   probe-interval = 500ms          # membership.probe-interval
//   name = "quoted: # and \" stay"
//   seeds = ["a:4711", "b:4711"]    # or: seeds = a:4711, b:4711
//   Promises  any bytes are either understood or refused with the number of the line; nothing is guessed
//   Bounds    a file of 1 MiB; what is longer is refused
#pragma once
#include "patterns/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>
namespace troupe::config {
struct entry {
  std::string key{};  // with its section: membership.probe-interval
  std::vector<std::string> items{};
  bool list = false;  // written in [ ]; otherwise there is one item
  std::size_t line = 0;
  bool operator==(const entry&) const = default;
};
struct syntax_error {
  std::size_t line = 0;
  std::string sentence{};
  bool operator==(const syntax_error&) const = default;
};
inline constexpr std::size_t file_size_max = 1u << 20;

result<std::vector<entry>, syntax_error> parse_file(std::string_view text);
// A text that parses to these entries (but for their lines).
std::string write_file(const std::vector<entry>& entries);
// key: parts of a-z, 0-9, - and _, separated by dots
bool valid_key(std::string_view key);
}  // namespace troupe::config

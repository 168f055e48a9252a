// 3,5,9: numbers on a command line.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>
namespace troupe::program {
// Nothing: not that, or one of them is out of the range.
std::optional<std::vector<std::uint32_t>> numbers_in(std::string_view text, std::uint32_t least, std::uint32_t most);
}  // namespace troupe::program

// What a line of a store is kept for, by its name: "latch:NAME" is a latch's, "barrier:NAME" a barrier's, and each other a
// lock's. So no lock may be named like that: it would stand in their lines.
#pragma once
#include "patterns/message.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
namespace troupe::lock {
enum class line_kind : std::uint8_t { lock, latch, barrier };
TROUPE_ENUM(line_kind, lock, latch, barrier)

struct line_name {
  line_kind what{};
  std::string name{};
};
TROUPE_MESSAGE(line_name, what, name)

std::string line_of(const line_name& whose);
line_name whose_line(std::string_view line);
// Why nobody can take a lock of this name; nothing: it is one.
std::optional<std::string> lock_name_problem(std::string_view name);
}  // namespace troupe::lock

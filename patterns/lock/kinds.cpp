#include "patterns/lock/kinds.hpp"
namespace troupe::lock {
namespace {
std::string prefix_of(line_kind what) {
  return what == line_kind::lock ? std::string{} : std::string{name_of(what)} + ':';
}
}  // namespace

std::string line_of(const line_name& whose) { return prefix_of(whose.what) + whose.name; }

line_name whose_line(std::string_view line) {
  for (const auto what : {line_kind::latch, line_kind::barrier})
    if (const auto prefix = prefix_of(what); line.starts_with(prefix))
      return {what, std::string{line.substr(prefix.size())}};
  return {line_kind::lock, std::string{line}};
}

std::optional<std::string> lock_name_problem(std::string_view name) {
  if (name.empty()) return "a lock needs a name";
  const auto what = whose_line(name).what;
  if (what == line_kind::lock) return std::nullopt;
  return "'" + std::string{name} + "' is the line of a " + std::string{name_of(what)} +
         ": a lock's name does not begin with '" + prefix_of(what) + "'";
}
}  // namespace troupe::lock

// What every checker answers.
#pragma once
#include "patterns/checking/model.hpp"
namespace troupe::checking {
struct report {
  verdict what = verdict::consistent;
  std::string sentence{};     // why, where it is not consistent
  operations smallest{};      // violated: what still fails; a part of the history
  std::size_t checked = 0;    // operations
  std::uint64_t steps = 0;    // of search, that of the smallest part included
  std::vector<value> keys{};  // violated: all keys of which it is certain
};
}  // namespace troupe::checking

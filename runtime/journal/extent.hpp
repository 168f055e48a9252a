// Which records a journal has, and whether a batch fits them: the one rule for every implementation, disk and memory.
//   Promises  records are empty, or run from base + 1 or before it to base or behind it, without a gap
#pragma once
#include "runtime/journal/journal.hpp"

#include <cstdint>
#include <optional>
namespace troupe::journal {
struct extent {
  std::uint64_t base = 0;   // the snapshot's index; 0: there is none
  std::uint64_t first = 1;  // of the records; with none, first == last + 1
  std::uint64_t last = 0;

  bool empty() const { return first > last; }
  // The extent after the batch; the reason why it does not fit.
  result<extent, failure> after(const batch& what) const;
  bool operator==(const extent&) const = default;
};
// Of what was read; why it is corrupted.
result<extent, failure> extent_of(const content& found, const std::string& group);

// What the batch, which fits, leaves of it.
void apply(content& to, const batch& what);
}  // namespace troupe::journal

// One key's versions, oldest first: the newest, and those that history still reaches.
//   Costs  O(log n) to find the one at a revision; forgetting the oldest is O(1) over time
#pragma once
#include "patterns/storage/map_messages.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>
#include <vector>
namespace troupe::storage {
struct version {
  revision create = 0;
  revision mod = 0;
  std::uint32_t place = 0;   // among the changes of its revision
  std::uint64_t number = 0;  // puts since it was created; 0 is a deletion
  lease_id lease = 0;
  std::string value{};
  bool erased() const { return number == 0; }
};
TROUPE_MESSAGE(version, create, mod, place, number, lease, value)

class versions {
 public:
  bool empty() const { return first_ == all_.size(); }
  std::size_t size() const { return all_.size() - first_; }
  auto begin() const { return all_.begin() + static_cast<std::ptrdiff_t>(first_); }
  auto end() const { return all_.end(); }
  const version& newest() const { return all_.back(); }
  // The one that was valid at a revision; null before the first.
  const version* at(revision r) const {
    const auto after =
        std::upper_bound(begin(), end(), r, [](revision x, const version& v) { return x < v.mod; });
    return after == begin() ? nullptr : &*std::prev(after);
  }
  // The one before `v`; null if there is none.
  const version* before(const version& v) const { return at(v.mod - 1); }
  void push(version v) { all_.push_back(std::move(v)); }
  version take_oldest() {
    assert(!empty());
    auto oldest = std::move(all_[first_++]);
    if (first_ * 2 >= all_.size()) {
      all_.erase(all_.begin(), all_.begin() + static_cast<std::ptrdiff_t>(first_));
      first_ = 0;
    }
    return oldest;
  }

 private:
  std::vector<version> all_;
  std::size_t first_ = 0;  // those before are forgotten
};
}  // namespace troupe::storage

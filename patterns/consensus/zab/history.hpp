// A server's transactions, in memory: what follows its snapshot, by rising zxid.
//   Promises  append-only but for `cut` and `restart`
#pragma once
#include "patterns/consensus/zab/types.hpp"

#include <cassert>
#include <deque>
namespace troupe::zab {
class history {
 public:
  zxid base() const { return base_; }
  zxid last() const { return all_.empty() ? base_ : all_.back().at; }
  std::size_t size() const { return all_.size(); }
  const transaction& operator[](std::size_t i) const { return all_[i]; }
  std::size_t after(zxid z) const {  // the place of the first that is later
    const auto found = std::upper_bound(all_.begin(), all_.end(), z,
                                        [](zxid a, const transaction& t) { return a < t.at; });
    return static_cast<std::size_t>(found - all_.begin());
  }
  // The last up to z. z is not before the base.
  zxid last_not_above(zxid z) const {
    assert(z >= base_);
    const auto i = after(z);
    return i == 0 ? base_ : all_[i - 1].at;
  }
  bool has(zxid z) const { return z >= base_ && last_not_above(z) == z; }
  // As many as fit, one at least.
  std::vector<transaction> slice(zxid from, std::uint64_t bytes_max) const {
    std::vector<transaction> found;
    std::uint64_t size = 0;
    for (auto i = after(from); i < all_.size(); ++i) {
      size += all_[i].bytes.size() + 16;
      if (size > bytes_max && !found.empty()) break;
      found.push_back(all_[i]);
    }
    return found;
  }

  void append(transaction t) {
    assert(t.at > last());
    all_.push_back(std::move(t));
  }
  void cut(zxid upto) {  // what is after it
    while (!all_.empty() && all_.back().at > upto) all_.pop_back();
  }
  void compact(zxid upto) {  // into the snapshot
    while (!all_.empty() && all_.front().at <= upto) all_.pop_front();
    base_ = std::max(base_, upto);
  }
  void restart(zxid base) {
    all_.clear();
    base_ = base;
  }

 private:
  zxid base_{};
  std::deque<transaction> all_;
};
}  // namespace troupe::zab

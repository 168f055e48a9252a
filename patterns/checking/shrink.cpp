#include "patterns/checking/shrink.hpp"

#include <algorithm>
#include <map>

namespace troupe::checking {
namespace {
class shrinker {
 public:
  shrinker(const operations& ops, const std::vector<tied>& ties,
           const std::function<bool(const operations&)>& fails)
      : ops_{ops}, ties_{ties}, fails_{fails}, stays_(ops.size(), true), left_{ops.size()} {
    for (std::size_t i = 0; i < ops.size(); ++i)
      for (const auto& v : ties[i].seen) seen_by_[{ops[i].key, v}].push_back(i);
  }

  operations run() {
    for (auto chunk = std::max<std::size_t>(left_ / 2, 1);;
         chunk = std::max<std::size_t>(chunk / 2, 1)) {
      const bool less = pass(chunk);
      if (chunk == 1 && !less) break;
    }
    return chosen(stays_);
  }

 private:
  // From the end, since what came last is seen by the fewest.
  bool pass(std::size_t chunk) {
    bool less = false;
    for (auto end = ops_.size(); end > 0;) {
      auto trial = stays_;
      std::size_t taken = 0;
      while (end > 0 && taken < chunk)
        if (trial[--end]) taken += leave_out(trial, end);
      if (taken == 0 || taken == left_ || !fails_(chosen(trial))) continue;
      stays_ = std::move(trial);
      left_ -= taken;
      less = true;
    }
    return less;
  }

  std::size_t leave_out(std::vector<bool>& trial, std::size_t first) const {
    std::vector<std::size_t> pending{first};
    std::size_t count = 0;
    while (!pending.empty()) {
      const auto i = pending.back();
      pending.pop_back();
      if (!trial[i]) continue;
      trial[i] = false;
      ++count;
      for (const auto& v : ties_[i].made)
        if (const auto at = seen_by_.find({ops_[i].key, v}); at != seen_by_.end())
          pending.insert(pending.end(), at->second.begin(), at->second.end());
    }
    return count;
  }

  operations chosen(const std::vector<bool>& which) const {
    operations some;
    for (std::size_t i = 0; i < ops_.size(); ++i)
      if (which[i]) some.push_back(ops_[i]);
    return some;
  }

  const operations& ops_;
  const std::vector<tied>& ties_;
  const std::function<bool(const operations&)>& fails_;
  std::vector<bool> stays_;
  std::size_t left_;
  std::map<std::pair<value, value>, std::vector<std::size_t>> seen_by_{};
};
}  // namespace

operations shrunk(const operations& ops, const std::vector<tied>& ties,
                  const std::function<bool(const operations&)>& fails) {
  return shrinker{ops, ties, fails}.run();
}
}  // namespace troupe::checking

// Merges sorted runs into one sorted sequence with a tree of losers.
// Source: D. Knuth, The Art of Computer Programming, vol. 3, 5.4.1 (replacement by a loser tree)
//   Promises  stable: equal heads come in the order of their runs
//   Assumes   each run is sorted by `less`
//   Costs     log2(k) comparisons a record, half of what a heap takes
// A run offers: bool done() const; head() const, while not done; void next().
//   loser_tree<run, by_key> merge{std::move(runs)};
//   for (; !merge.done(); merge.next()) use(merge.top().head());
#pragma once
#include <cassert>
#include <cstddef>
#include <utility>
#include <vector>
namespace troupe::mapreduce {
template <class Run, class Less>
class loser_tree {
 public:
  explicit loser_tree(std::vector<Run> runs, Less less = {})
      : runs_(std::move(runs)), losers_(runs_.size()), less_(std::move(less)) {
    if (!runs_.empty()) winner_ = play(1);
  }

  bool done() const { return runs_.empty() || runs_[winner_].done(); }
  Run& top() { return runs_[winner_]; }
  const Run& top() const { return runs_[winner_]; }
  std::size_t top_index() const { return winner_; }
  void next() {
    assert(!done());
    runs_[winner_].next();
    // up from its leaf: whoever loses stays in the node, whoever wins goes on
    for (auto node = (winner_ + runs_.size()) / 2; node > 0; node /= 2)
      if (before(losers_[node], winner_)) std::swap(losers_[node], winner_);
  }
  std::vector<Run>& runs() { return runs_; }

 private:
  // Leaves are the nodes from runs_.size() on; inner nodes are 1 to runs_.size() - 1.
  std::size_t play(std::size_t node) {
    if (node >= runs_.size()) return node - runs_.size();
    const auto left = play(2 * node), right = play(2 * node + 1);
    const auto first = before(left, right) ? left : right;
    losers_[node] = first == left ? right : left;
    return first;
  }
  bool before(std::size_t a, std::size_t b) const {
    if (runs_[a].done() || runs_[b].done()) return !runs_[a].done();
    return a < b ? !less_(runs_[b].head(), runs_[a].head())
                 : less_(runs_[a].head(), runs_[b].head());
  }
  std::vector<Run> runs_;
  std::vector<std::size_t> losers_;
  Less less_;
  std::size_t winner_ = 0;
};
}  // namespace troupe::mapreduce

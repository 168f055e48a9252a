// A server's log, in memory: what follows its snapshot. Which of it is durable is the journal's to
// say, by `persisted` (raft.hpp).
//   Promises  append-only but for `cut`, which the caller uses on a conflict alone (5.3)
//   Costs     each entry is kept until the next snapshot: options::log_bytes says when one is due
#pragma once
#include "patterns/consensus/raft/types.hpp"

#include <deque>
#include <optional>
namespace troupe::raft {
class log {
 public:
  std::uint64_t first() const { return base_ + 1; }
  std::uint64_t last() const { return base_ + entries_.size(); }
  std::uint64_t last_term() const { return entries_.empty() ? base_term_ : entries_.back().term; }
  std::uint64_t base() const { return base_; }
  std::uint64_t base_term() const { return base_term_; }
  // Nothing: it is not there any more, or not yet.
  std::optional<std::uint64_t> term(std::uint64_t index) const {
    if (index == base_) return base_term_;
    if (index < base_ || index > last()) return std::nullopt;
    return at(index).term;
  }
  const entry& at(std::uint64_t index) const {
    return entries_[static_cast<std::size_t>(index - base_ - 1)];
  }
  std::uint64_t bytes() const { return bytes_; }

  void append(entry e);
  void cut(std::uint64_t from);                               // this one and what follows
  void compact(std::uint64_t upto);                           // into the snapshot; upto <= last()
  void restart(std::uint64_t base, std::uint64_t base_term);  // nothing is left
  // How far it may be compacted so that as much is left before `index`.
  std::uint64_t tail(std::uint64_t index, std::uint64_t bytes) const;
  // As many from `from` on as fit, one at least.
  std::vector<entry> slice(std::uint64_t from, std::uint64_t bytes_max) const;
  // 5.3, end: the last index up to `index` whose term is not above `term`.
  std::uint64_t last_not_above(std::uint64_t term, std::uint64_t index) const;
  bool up_to_date(std::uint64_t last_term, std::uint64_t last_index) const {  // 5.4.1
    return last_term > this->last_term() ||
           (last_term == this->last_term() && last_index >= last());
  }

 private:
  static std::uint64_t cost(const entry& e) { return e.bytes.size() + 64; }
  std::uint64_t base_ = 0, base_term_ = 0;
  std::deque<entry> entries_;
  std::uint64_t bytes_ = 0;
};
}  // namespace troupe::raft

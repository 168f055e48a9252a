// Reads that wait for a majority to confirm that this leader still is one (dissertation, 6.4), and
// the rounds in which they do.
//   Promises  a read is confirmed by a round that was sent after it came
//   Costs     one round for all reads that came while the last one was under way
#pragma once
#include "patterns/consensus/raft/types.hpp"

#include <deque>
#include <optional>
namespace troupe::raft {
class rounds {
 public:
  std::uint64_t current() const { return current_; }
  std::uint64_t begin(instant now) {
    sent_.push_back(now);
    if (sent_.size() > kept) sent_.pop_front();
    return ++current_;
  }
  // When it was sent; nothing: so long ago that it does not matter, or never.
  std::optional<instant> sent_at(std::uint64_t round) const {
    if (round > current_ || current_ - round >= sent_.size()) return std::nullopt;
    return sent_[sent_.size() - 1 - static_cast<std::size_t>(current_ - round)];
  }
  // A majority has answered this one, and so all before.
  void confirmed(std::uint64_t round) {
    if (round > confirmed_) confirmed_ = round;
  }
  std::uint64_t last_confirmed() const { return confirmed_; }
  bool under_way() const { return confirmed_ < current_; }

  struct waiting {
    std::uint64_t cookie = 0, index = 0, round = 0;
  };
  std::deque<waiting> reads{};

 private:
  static constexpr std::size_t kept = 1'024;
  std::uint64_t current_ = 0, confirmed_ = 0;
  std::deque<instant> sent_;
};
}  // namespace troupe::raft

#include "patterns/consensus/raft/progress.hpp"

#include <algorithm>
namespace troupe::raft {
void progress::sent(std::uint64_t last, std::uint64_t count, std::uint64_t bytes) {
  if (how_ == way::probing) {
    waiting_ = true;
    return;
  }
  if (count == 0) return;
  next_ = last + 1;
  flights_.push_back({last, bytes});
  flying_ += bytes;
}

void progress::accepted(std::uint64_t upto) {
  match_ = std::max(match_, upto);
  next_ = std::max(next_, match_ + 1);
  while (!flights_.empty() && flights_.front().last <= match_) {
    flying_ -= flights_.front().bytes;
    flights_.pop_front();
  }
  if (how_ == way::probing) {
    how_ = way::replicating;
    waiting_ = false;
  }
}

bool progress::refused(std::uint64_t prev, std::uint64_t retry_at) {
  if (how_ == way::installing) return false;
  if (how_ == way::replicating) {
    if (prev <= match_) return false;
  } else if (prev + 1 != next_) {
    return false;
  }
  next_ = std::max(match_ + 1, std::min(prev, retry_at + 1));
  told = 0;
  how_ = way::probing;
  waiting_ = false;
  flights_.clear();
  flying_ = 0;
  return true;
}

void progress::may_retry(const window& w) {
  waiting_ = false;
  if (how_ != way::replicating || may_send(w) || flights_.empty()) return;
  flying_ -= flights_.front().bytes;
  flights_.pop_front();
}

void progress::install(snapshot s) {
  how_ = way::installing;
  flights_.clear();
  flying_ = 0;
  sending = transfer{std::move(s), 0, false};
}

void progress::installed(std::uint64_t upto) {
  sending.reset();
  how_ = way::probing;
  waiting_ = false;
  match_ = std::max(match_, upto);
  next_ = match_ + 1;
}
}  // namespace troupe::raft

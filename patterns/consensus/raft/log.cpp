#include "patterns/consensus/raft/log.hpp"

#include <algorithm>
#include <cassert>
namespace troupe::raft {
void log::append(entry e) {
  bytes_ += cost(e);
  entries_.push_back(std::move(e));
}

void log::cut(std::uint64_t from) {
  assert(from > base_);
  while (last() >= from) {
    bytes_ -= cost(entries_.back());
    entries_.pop_back();
  }
}

void log::compact(std::uint64_t upto) {
  assert(upto <= last());
  if (upto <= base_) return;
  base_term_ = at(upto).term;
  while (base_ < upto) {
    bytes_ -= cost(entries_.front());
    entries_.pop_front();
    ++base_;
  }
}

void log::restart(std::uint64_t base, std::uint64_t base_term) {
  entries_.clear();
  bytes_ = 0;
  base_ = base;
  base_term_ = base_term;
}

std::uint64_t log::tail(std::uint64_t index, std::uint64_t bytes) const {
  index = std::min(index, last());
  for (std::uint64_t size = 0; index > base_; --index) {
    size += cost(at(index));
    if (size > bytes) break;
  }
  return index;
}

std::vector<entry> log::slice(std::uint64_t from, std::uint64_t bytes_max) const {
  std::vector<entry> found;
  std::uint64_t size = 0;
  for (auto i = std::max(from, first()); i <= last(); ++i) {
    size += cost(at(i));
    if (size > bytes_max && !found.empty()) break;
    found.push_back(at(i));
  }
  return found;
}

std::uint64_t log::last_not_above(std::uint64_t term, std::uint64_t index) const {
  index = std::min(index, last());
  while (index > base_ && at(index).term > term) --index;
  return index;
}
}  // namespace troupe::raft

// What is going to happen, in order: by time, and what was asked for first where times are equal.
// A 4-ary heap of small entries (D. B. Johnson, "Priority queues with update and finding minimum
// spanning trees", 1975); payloads lie in a pool beside it and are not moved by the heap, nor
// allocated for each event.
//   Costs     O(log n) an event, four children to two cache lines
#pragma once
#include "patterns/simulation/random.hpp"

#include <cassert>
#include <cstddef>
#include <utility>
#include <vector>
namespace troupe::simulation {
struct happening {
  instant at{};
  std::uint64_t order = 0;
  std::uint32_t whom = 0;
  std::uint32_t payload = 0;  // in its pool, or a number of the kind's own
  std::uint32_t ticket = 0;   // tells a happening that was called off from one that counts
  std::uint8_t kind = 0;
};

class event_queue {
 public:
  void push(instant at, std::uint8_t kind, std::uint32_t whom, std::uint32_t payload = 0,
            std::uint32_t ticket = 0) {
    heap_.push_back({at, ++order_, whom, payload, ticket, kind});
    std::size_t i = heap_.size() - 1;
    const happening risen = heap_[i];
    while (i > 0 && before(risen, heap_[(i - 1) / 4])) {
      heap_[i] = heap_[(i - 1) / 4];
      i = (i - 1) / 4;
    }
    heap_[i] = risen;
  }
  happening pop() {
    assert(!heap_.empty());
    const happening first = heap_.front();
    const happening sunk = heap_.back();
    heap_.pop_back();
    const std::size_t n = heap_.size();
    if (n == 0) return first;
    std::size_t i = 0;
    for (std::size_t child = 1; child < n; child = 4 * i + 1) {
      std::size_t least = child;
      for (std::size_t c = child + 1; c < child + 4 && c < n; ++c) {
        if (before(heap_[c], heap_[least])) least = c;
      }
      if (!before(heap_[least], sunk)) break;
      heap_[i] = heap_[least];
      i = least;
    }
    heap_[i] = sunk;
    return first;
  }
  const happening& top() const { return heap_.front(); }
  bool empty() const { return heap_.empty(); }
  std::size_t size() const { return heap_.size(); }

 private:
  static bool before(const happening& a, const happening& b) {
    return a.at != b.at ? a.at < b.at : a.order < b.order;
  }
  std::vector<happening> heap_;
  std::uint64_t order_ = 0;
};

// Places that are used again, so that a long run does not allocate.
template <class T>
class pool {
 public:
  std::uint32_t put(T&& x) {
    if (free_.empty()) {
      all_.push_back(std::move(x));
      return static_cast<std::uint32_t>(all_.size() - 1);
    }
    const std::uint32_t at = free_.back();
    free_.pop_back();
    all_[at] = std::move(x);
    return at;
  }
  T take(std::uint32_t at) {
    free_.push_back(at);
    return std::move(all_[at]);
  }
  std::size_t used() const { return all_.size() - free_.size(); }

 private:
  std::vector<T> all_;
  std::vector<std::uint32_t> free_;
};
}  // namespace troupe::simulation

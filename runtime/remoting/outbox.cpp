#include "runtime/remoting/outbox.hpp"

#include <utility>

namespace troupe::remoting {
bool outbox::full(link::lane on, unsigned marks) const {
  if (marks == 0) return false;
  const auto at = index(on);
  return lanes_[at].bytes.load(std::memory_order_relaxed) +
             elsewhere_[at].load(std::memory_order_relaxed) >=
         marks * high_mark_.load(std::memory_order_relaxed);
}

outbox::verdict outbox::append(link::lane on, link::buffer& bytes, unsigned marks) {
  std::lock_guard guard{mutex_};
  if (closed_) return verdict::closed;
  if (full(on, marks)) return verdict::overloaded;
  auto& lane = lanes_[index(on)];
  lane.bytes.fetch_add(bytes.size(), std::memory_order_relaxed);
  if (bytes.size() > batch_ / 2) {
    lane.batches.push_back(std::move(bytes));
    bytes.clear();
  } else if (lane.batches.empty() || lane.batches.back().size() + bytes.size() > batch_) {
    lane.batches.emplace_back(bytes.begin(), bytes.end());
  } else {
    link::put_bytes(lane.batches.back(), bytes);
  }
  return std::exchange(lane.attended, true) ? verdict::queued : verdict::wake;
}

bool outbox::take(link::lane on, link::buffer& batch) {
  std::lock_guard guard{mutex_};
  auto& lane = lanes_[index(on)];
  if (lane.batches.empty()) return false;
  batch = std::move(lane.batches.front());
  lane.batches.pop_front();
  lane.bytes.fetch_sub(batch.size(), std::memory_order_relaxed);
  return true;
}

bool outbox::sleep(const std::array<bool, link::lane_count>& waits) {
  std::lock_guard guard{mutex_};
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    if (!lanes_[i].batches.empty() && !waits[i]) return false;
  }
  for (auto& lane : lanes_) lane.attended = !lane.batches.empty();
  return true;
}

std::vector<link::buffer> outbox::close() {
  std::vector<link::buffer> left;
  std::lock_guard guard{mutex_};
  closed_ = true;
  for (auto& lane : lanes_) {
    for (auto& batch : lane.batches) left.push_back(std::move(batch));
    lane.batches.clear();
    lane.bytes.store(0, std::memory_order_relaxed);
  }
  return left;
}
}  // namespace troupe::remoting

// What has been written to a peer and not yet handed to the session, lane by lane: records gathered into batches by the
// senders' threads, taken batch by batch by the broker.
//   Promises  records of one thread leave in the order they came; once closed, nothing gets in
//   Assumes   one taker
//   Costs     one copy of a small record, none of one larger than half a batch
#pragma once
#include "patterns/link/bytes.hpp"
#include "patterns/link/frame.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

namespace troupe::remoting {
class outbox {
 public:
  enum class verdict : std::uint8_t {
    queued,
    wake,
    overloaded,
    closed
  };  // wake: queued, and the taker sleeps
  explicit outbox(std::size_t batch) : batch_{batch} {}

  void high_mark(std::size_t bytes) { high_mark_.store(bytes, std::memory_order_relaxed); }
  // Refused where the lane holds `marks` times the high mark; 0: never. `bytes` is left empty if it was moved from.
  verdict append(link::lane on, link::buffer& bytes, unsigned marks);
  bool full(link::lane on, unsigned marks) const;
  // The next batch of a lane; false: it is empty.
  bool take(link::lane on, link::buffer& batch);
  // The taker goes to sleep: false if meanwhile something came. Of the lanes that wait for the peer anyway nothing more
  // needs to wake it, of the others the next record.
  bool sleep(const std::array<bool, link::lane_count>& waits);
  std::vector<link::buffer> close();  // what was in it, lane by lane
  std::size_t queued(link::lane on) const {
    return lanes_[index(on)].bytes.load(std::memory_order_relaxed);
  }
  // What the taker has put elsewhere and not sent: it counts towards the high mark.
  void also_queued(link::lane on, std::size_t bytes) {
    elsewhere_[index(on)].store(bytes, std::memory_order_relaxed);
  }

 private:
  struct queue {
    std::deque<link::buffer> batches;
    std::atomic<std::size_t> bytes{0};
    bool attended = false;  // by a taker that is awake, or will be woken by the peer
  };
  static std::size_t index(link::lane on) { return static_cast<std::size_t>(on); }

  const std::size_t batch_;
  std::atomic<std::size_t> high_mark_{16u << 20};
  mutable std::mutex mutex_;
  std::array<queue, link::lane_count> lanes_;
  std::array<std::atomic<std::size_t>, link::lane_count> elsewhere_{};
  bool closed_ = false;
};
}  // namespace troupe::remoting

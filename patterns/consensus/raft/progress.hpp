// What a leader knows of one of its followers, and how fast it sends (dissertation, 10.2.1;
// the three ways are etcd's).
//   probing      where the logs meet is not known: one request at a time, again with each heartbeat
//   replicating  it follows: requests are sent ahead of their answers, as many as the window holds
//   installing   it is behind what the log still has: a snapshot goes, part by part
#pragma once
#include "patterns/consensus/raft/types.hpp"

#include <deque>
#include <optional>
namespace troupe::raft {
struct window {
  std::uint32_t requests = 32;
  std::uint64_t bytes = 8U << 20U;
};

class progress {
 public:
  enum class way : std::uint8_t { probing, replicating, installing };
  explicit progress(std::uint64_t next = 1) : next_{next} {}

  std::uint64_t match() const { return match_; }  // up to here it has, durably, what the leader has
  std::uint64_t next() const { return next_; }
  way how() const { return how_; }
  bool may_send(const window& w) const {
    switch (how_) {
      case way::probing:
        return !waiting_;
      case way::replicating:
        return flights_.size() < w.requests && flying_ < w.bytes;
      case way::installing:
        return false;
    }
    return false;
  }
  void sent(std::uint64_t last, std::uint64_t count, std::uint64_t bytes);
  void accepted(std::uint64_t upto);
  // False: old news.
  bool refused(std::uint64_t prev, std::uint64_t retry_at);
  // A heartbeat came back: what was sent before and has no answer may be lost. A window that is full
  // of that would stay so for ever: one more may go, and its refusal tells where the logs meet.
  void may_retry(const window& w);

  struct transfer {
    snapshot what{};
    std::uint64_t offset = 0;
    bool waiting = false;
  };
  void install(snapshot s);
  void installed(std::uint64_t upto);
  std::optional<transfer> sending{};  // while installing

  std::uint64_t told = 0;   // of the commit index, last
  instant heard{};          // anything, last
  instant confirmed{};      // when the newest round that it has answered was sent
  std::uint64_t round = 0;  // that one
  void answered(std::uint64_t r, instant sent_at) {
    if (r <= round) return;
    round = r;
    confirmed = sent_at;
  }

 private:
  struct flight {
    std::uint64_t last = 0, bytes = 0;
  };
  std::uint64_t match_ = 0, next_ = 1;
  way how_ = way::probing;
  bool waiting_ = false;
  std::deque<flight> flights_;
  std::uint64_t flying_ = 0;
};
}  // namespace troupe::raft

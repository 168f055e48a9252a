// What is going to happen in a simulated cluster, under one virtual time: closures in the order of their instants, and
// in the order they were put down where these are equal.
#pragma once
#include "patterns/simulation/event_queue.hpp"

#include <functional>
#include <optional>
#include <utility>
namespace troupe::laboratory {
using simulation::duration;
using simulation::instant;

class agenda {
 public:
  instant now() const { return now_; }
  void at(instant when, std::function<void()> what) {
    queue_.push(std::max(when, now_), 0, 0, waiting_.put(std::move(what)));
  }
  void after(duration d, std::function<void()> what) { at(now_ + d, std::move(what)); }
  std::optional<instant> next() const {
    if (queue_.empty()) return std::nullopt;
    return queue_.top().at;
  }
  void advance(instant to) { now_ = std::max(now_, to); }
  // The next one, at its instant.
  void happen() {
    const auto first = queue_.pop();
    advance(first.at);
    waiting_.take(first.payload)();
  }

 private:
  instant now_{};
  simulation::event_queue queue_;
  simulation::pool<std::function<void()>> waiting_;
};
}  // namespace troupe::laboratory

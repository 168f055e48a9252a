#include "runtime/simulator/conductor.hpp"

#include <algorithm>
namespace troupe::laboratory {
namespace {
constexpr std::uint64_t steps_at_once_max = 2'000'000;
constexpr std::size_t recent_max = 200;
}  // namespace

conductor::conductor(std::uint64_t seed, wire_conditions usual)
    : seed_{seed},
      wires_{agenda_, simulation::derived(seed, 1), usual},
      chance_{simulation::derived(seed, 2)} {}

machine& conductor::add(std::string name) {
  const auto here = static_cast<host_id>(machines_.size());
  machines_.push_back(std::make_unique<machine>(agenda_, wires_, here, std::move(name),
                                                simulation::derived(seed_, 100 + here)));
  return *machines_.back();
}

void conductor::complain(std::string what) {
  if (std::find(complaints_.begin(), complaints_.end(), what) == complaints_.end())
    complaints_.push_back(std::move(what));
}

bool conductor::step() {
  ready_.clear();
  for (const auto& m : machines_)
    if (m->ready()) ready_.push_back(m.get());
  if (ready_.empty()) return false;
  auto& next = *ready_[static_cast<std::size_t>(chance_.below(ready_.size()))];
  next.step(chance_, trace_, verbose_ ? &recent_ : nullptr);
  ++steps_;
  if (recent_.size() > recent_max) recent_.pop_front();
  last_ = &next;
  if (next.detached() > 0 && !std::exchange(next.complained, true))
    complain("actor '" + next.last() + "' of " + next.name() +
             " has spawned an actor with a thread of its own (detached or blocking): it runs outside of virtual time; "
             "spawn it by troupe::spawn_blocking");
  return true;
}

void conductor::settle() {
  for (std::uint64_t here = 0; step(); ++here) {
    if (here < steps_at_once_max) continue;
    complain("actor '" + last_->last() + "' of " + last_->name() +
             " is among those that send messages for ever without letting time go on: delay some");
    endless_ = true;
    return;
  }
}

void conductor::run_to(instant end) {
  while (!stopped_) {
    settle();
    if (after_each_) after_each_();
    if (stopped_ || endless_) break;
    machine* first = nullptr;
    auto at = agenda_.next();
    for (const auto& m : machines_) {
      const auto due = m->due();
      if (!due || (at && *due >= *at)) continue;
      at = due;
      first = m.get();
    }
    if (!at || *at > end) break;
    if (first) {
      agenda_.advance(*at);
      first->tick();
    } else {
      agenda_.happen();
    }
  }
  if (!stopped_) agenda_.advance(end);
}
}  // namespace troupe::laboratory

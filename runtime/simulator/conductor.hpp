// Runs simulated machines and the network between them, under one virtual time: which of the actors that have something
// to do goes next, is drawn from the seed; time goes on when none has.
//   Promises  the same seed and the same calls give the same run, to the last message: see `digest`
//   Assumes   the actors' own part of it: no clock but the system's, no chance but fresh_seed's, no threads
#pragma once
#include "runtime/simulator/machine.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <vector>
namespace troupe::laboratory {
class conductor {
 public:
  explicit conductor(std::uint64_t seed, wire_conditions usual = {});
  conductor(const conductor&) = delete;
  conductor& operator=(const conductor&) = delete;

  machine& add(std::string name);
  machine& at(host_id which) { return *machines_.at(which); }
  std::size_t size() const { return machines_.size(); }

  agenda& when() { return agenda_; }
  wires& net() { return wires_; }
  simulation::trace& log() { return trace_; }
  const simulation::trace& log() const { return trace_; }
  void keep_steps(bool yes) { verbose_ = yes; }  // as lines, one for each message
  simulation::generator& chance() { return chance_; }

  // Returns early after `stop`.
  void run_to(instant end);
  void stop() { stopped_ = true; }
  instant now() const { return agenda_.now(); }
  // Called when all is done that could be done at an instant.
  void after_each(std::function<void()> what) { after_each_ = std::move(what); }
  bool step();    // one message
  void settle();  // what can be done without time going on
  std::uint64_t steps() const { return steps_; }
  std::uint64_t digest() const { return trace_.digest() ^ wires_.digest(); }
  // What keeps the run from being one that repeats itself, or from ever ending: sentences.
  const std::vector<std::string>& complaints() const { return complaints_; }
  void complain(std::string what);
  // While steps are kept: the last messages to users' actors.
  const std::deque<std::string>& recent() const { return recent_; }

 private:
  const std::uint64_t seed_;
  agenda agenda_;
  wires wires_;
  simulation::generator chance_;
  simulation::trace trace_;
  std::vector<std::unique_ptr<machine>> machines_;
  std::vector<machine*> ready_;
  machine* last_ = nullptr;  // that took a step
  std::uint64_t steps_ = 0;
  bool stopped_ = false, endless_ = false;
  std::function<void()> after_each_;
  std::deque<std::string> recent_;
  bool verbose_ = false;
  std::vector<std::string> complaints_;
};
}  // namespace troupe::laboratory

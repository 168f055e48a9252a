// Anybody's actors under virtual time, in one system and one thread: a seed picks which of those that have something to
// do goes next; time goes on when none has. A whole cluster: cluster/simulator.hpp.
//   laboratory::simulator sim{42};
//   auto a = sim.spawn(my_actor);
//   sim.run_for(1s);
//   auto answer = sim.ask<int>(a, caf::get_atom_v);   // caf::expected<int>
//   auto p = sim.watch();                              // a probe (simulator/probe.hpp)
//   Promises  the same seed and calls give the same run: see `digest`
//   Assumes   actors that take time from clock() and chance from fresh_seed, and have no threads of their own: see
//             `complaints`
#pragma once
#include "runtime/simulator/conductor.hpp"
#include "runtime/simulator/probe.hpp"

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>
namespace troupe::laboratory {
class simulator : public clockwork {
 public:
  using configure = std::function<void(caf::actor_system_config&)>;
  explicit simulator(std::uint64_t seed = 1, const configure& more = {});
  ~simulator() override;
  simulator(const simulator&) = delete;
  simulator& operator=(const simulator&) = delete;

  template <class... Args>
  caf::actor spawn(Args&&... args) {
    actors_.push_back(caf::actor_cast<caf::actor>(system.spawn(std::forward<Args>(args)...)));
    return actors_.back();
  }
  void adopt(caf::actor actor) { actors_.push_back(std::move(actor)); }  // keeps it alive

  bool step() { return world_.step(); }  // one message, to one ready actor chosen by the seed
  void settle() { world_.settle(); }
  void run_for(duration d) { world_.run_to(world_.now() + d); }
  instant now() override { return world_.now(); }
  bool run_until(condition holds, duration limit,
                 duration stride = std::chrono::milliseconds{10}) override;
  // Sends a request and runs the world, without letting time go on, until its answer is there.
  template <class T, class Handle, class... Args>
  caf::expected<T> ask(const Handle& handle, Args&&... args) {
    return laboratory::ask<T>(*this, system, caf::actor_cast<caf::actor>(handle), {}, std::forward<Args>(args)...);
  }
  probe watch() { return probe{*this, system}; }

  std::uint64_t digest() const { return world_.digest(); }
  const std::vector<std::string>& complaints() const { return world_.complaints(); }

 private:
  struct config : caf::actor_system_config {
    config(std::uint64_t seed, const configure& more);
  };
  conductor world_;
  machine& here_;
  config config_;
  std::vector<caf::actor> actors_;

 public:
  caf::actor_system system;
};
}  // namespace troupe::laboratory

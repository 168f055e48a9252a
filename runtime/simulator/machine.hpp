// One simulated machine: a clock of its own, a place in the network, and at times an actor system that runs under CAF's
// test coordinator, one message after the other.
//   Promises  an actor system that was taken in is gone, with all of its actors, when `end` returns
//   Assumes   one thread; the system was made with `environment()` and a testing scheduler
#pragma once
#include "patterns/simulation/clock.hpp"
#include "patterns/simulation/trace.hpp"
#include "runtime/simulator/environment.hpp"

#include <deque>
#include <map>
#include <string>
#include <vector>

#include <caf/actor_addr.hpp>
#include <caf/actor_system.hpp>
#include <caf/scheduler/test_coordinator.hpp>
namespace troupe::laboratory {
class machine {
 public:
  machine(agenda& when, wires& net, host_id here, std::string name, std::uint64_t seed)
      : agenda_{when}, net_{net}, here_{here}, name_{std::move(name)}, seed_{seed} {}
  machine(const machine&) = delete;
  machine& operator=(const machine&) = delete;

  // For the next system: another one for each, with other chance.
  std::shared_ptr<virtual_environment> environment();
  std::uint64_t seed() const;  // of this life
  void take(caf::actor_system& system, std::shared_ptr<virtual_environment> world);
  // Without remoting.
  void take(caf::actor_system& system) { take(system, nullptr); }
  // Ends all actors, at once and unheard by anybody. False: some of them cannot be ended.
  bool end();
  bool running() const { return system_ != nullptr; }

  bool ready() const;
  void step(simulation::generator& chance, simulation::trace& log, std::deque<std::string>* verbose);
  std::optional<instant> due() const;  // of the next timer, in the world's time
  void tick();                         // those that are due
  void freeze(bool yes);
  bool frozen() const { return frozen_ > 0; }
  void drift(std::int64_t of_a_million) { clock_.drift(agenda_.now(), of_a_million); }
  instant local() const { return clock_.local(agenda_.now()); }

  const std::string& name() const { return name_; }
  host_id here() const { return here_; }
  const std::string& last() const { return last_; }  // who ran last
  void users_from_here();  // actors spawned from now on are the user's
  std::size_t detached();  // actors with threads of their own: not simulated
  bool complained = false;  // about these

 private:
  caf::scheduler::test_coordinator& jobs() const;
  void set_clock();
  void note(caf::resumable* next, simulation::trace& log, std::deque<std::string>* verbose);

  agenda& agenda_;
  wires& net_;
  const host_id here_;
  const std::string name_;
  const std::uint64_t seed_;
  std::uint64_t lives_ = 0;
  simulation::drifting_clock clock_;
  caf::actor_system* system_ = nullptr;
  std::shared_ptr<virtual_environment> world_;
  std::map<caf::actor_id, caf::actor_addr> seen_;
  std::size_t prune_at_ = 4096;
  int frozen_ = 0;
  caf::actor_id users_ = 0;
  std::string last_;
};
}  // namespace troupe::laboratory

// Work that may block, such as reading files and waiting for what comes: in a thread of its own, where the scheduler has
// threads at all. Under a scheduler without (CAF's test coordinator, the simulator) it takes turns with all actors: one
// that reads is one of them, and one that waits is a thread that runs while the others stand still (lockstep).
#pragma once
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <caf/spawn_options.hpp>
namespace troupe {
inline bool has_threads(caf::actor_system& system) {
  return system.scheduler().detaches_utility_actors();
}

// Actors that may block, and wait for nobody.
template <class Actor, class... Args>
caf::actor spawn_blocking(caf::actor_system& system, Args&&... args) {
  if (has_threads(system)) return system.spawn<Actor, caf::detached>(std::forward<Args>(args)...);
  return system.spawn<Actor>(std::forward<Args>(args)...);
}
template <class F, class... Args>
caf::actor spawn_blocking_function(caf::actor_system& system, F f, Args&&... args) {
  if (has_threads(system)) return system.spawn<caf::detached>(f, std::forward<Args>(args)...);
  return system.spawn(f, std::forward<Args>(args)...);
}

// A thread that runs only within `go_on`, to its end or to where it has to wait.
class lockstep {
 public:
  explicit lockstep(std::function<void()> work);
  lockstep(const lockstep&) = delete;
  lockstep& operator=(const lockstep&) = delete;
  ~lockstep();  // it waits no longer: there an exception ends it

  bool go_on();  // false: it has ended
  static lockstep* current();  // of the calling thread; null: it is none of these
  void pause();

 private:
  struct abandoned {};
  std::mutex mutex_;
  std::condition_variable turn_;
  bool its_turn_ = false, ended_ = false, abandoned_ = false;
  std::thread thread_;
};

// Waits as such a thread may: `ready` is asked under the lock.
template <class Ready>
void wait_for_turn(std::condition_variable& some, std::unique_lock<std::mutex>& lock, Ready ready) {
  while (!ready()) {
    if (auto* const step = lockstep::current()) {
      lock.unlock();
      step->pause();
      lock.lock();
    } else {
      some.wait(lock);
    }
  }
}

// Runs it in a thread that may wait; ends with the system's actors where that is in lockstep.
void run_blocking(caf::actor_system& system, std::function<void()> work);
}  // namespace troupe

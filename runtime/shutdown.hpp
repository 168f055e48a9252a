// The orderly end of a node, on SIGTERM, SIGINT, SIGHUP or its own wish, within a bound.
//   int main() {
//     troupe::shutdown stop{10s};                     // first of all: before any thread
//     caf::actor_system system{config};
//     stop.add("actors", 5s, [&](const patience& p) { return stop_actor(system, root, p); });
//     log::info("node", "stopping", {{"why", stop.wait()}});
//     return stop.run() ? 0 : 1;
//   }
//   Promises  steps run in the reverse order of adding, each for as long as its time-out at most; the whole takes no
//             longer than the limit from then on, destructors of main's locals included: whoever is stuck is named in
//             the log, and the process ends with exit code 1. A second signal makes every step hurry, a third one ends the process
//   Beware    signals stay blocked in threads and in children: a child process calls `unblock_signals` before exec
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <caf/fwd.hpp>
namespace troupe {
// What a step may still take.
class patience {
 public:
  using instant = std::chrono::steady_clock::time_point;
  patience(instant end, const std::atomic<bool>* hurry = nullptr) : end_(end), hurry_(hurry) {}
  bool over() const { return (hurry_ && *hurry_) || std::chrono::steady_clock::now() >= end_; }
  std::chrono::nanoseconds left() const;  // zero when it is over

 private:
  instant end_;
  const std::atomic<bool>* hurry_;
};

class shutdown {
 public:
  using nanoseconds = std::chrono::nanoseconds;
  using step =
      std::function<bool(const patience&)>;  // false: not all that it wanted to stop has stopped

  explicit shutdown(nanoseconds limit);
  ~shutdown();
  shutdown(const shutdown&) = delete;
  shutdown& operator=(const shutdown&) = delete;

  void add(std::string name, nanoseconds limit, step stop);
  // From any thread: as if a signal had come. The first wish counts.
  void request(const std::string& why);
  // The signal's name or the wish.
  std::string wait();
  std::optional<std::string> wait_for(nanoseconds limit);
  // True if every step has done its work in time; then the destructors have what is left of the limit.
  bool run();

 private:
  struct named_step {
    std::string name;
    nanoseconds limit;
    step stop;
  };
  struct shared;  // outlives us in threads that are stuck
  bool run_step(const named_step& s);
  void watch_destructors();
  nanoseconds limit_;
  std::vector<named_step> steps_;
  std::shared_ptr<shared> shared_;
  std::chrono::steady_clock::time_point end_{};
  int signals_ = -1;
};

// Ends the process with exit code 1 if it is not destroyed in time; the log then names what was stuck.
class watchdog {
 public:
  watchdog(std::string what, std::chrono::nanoseconds limit);
  ~watchdog();
  watchdog(const watchdog&) = delete;
  watchdog& operator=(const watchdog&) = delete;

 private:
  struct shared;
  std::shared_ptr<shared> shared_;
};

void unblock_signals();

// Sends the exit, waits, and kills whoever has not ended when patience is over. True if it has ended in time.
bool stop_actor(caf::actor_system& system, const caf::actor& whom, const patience& p);
// Until no actor runs any more; false if some still do when patience is over.
bool await_actors(caf::actor_system& system, const patience& p);
}  // namespace troupe

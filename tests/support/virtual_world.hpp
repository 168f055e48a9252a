// One actor system under CAF's test coordinator: virtual time, and a seed that picks which ready
// actor runs next.
//   test::virtual_world w{42};
//   auto a = w.spawn(my_actor);
//   w.run_for(1s);
//   auto answer = w.ask<int>(a, caf::get_atom_v);   // caf::expected<int>
#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <random>
#include <type_traits>
#include <utility>
#include <vector>

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>
namespace troupe::test {
struct virtual_config : caf::actor_system_config {
  explicit virtual_config(const std::function<void(caf::actor_system_config&)>& more) {
    set("scheduler.policy", caf::atom("testing"));
    if (more) more(*this);
  }
};

class virtual_world {
 public:
  explicit virtual_world(std::uint64_t seed = 1,
                         const std::function<void(caf::actor_system_config&)>& more = {})
      : config_{more}, system{config_}, chance_{seed} {}
  // Kill first: the system's destructor fires all timers until none is left, so one that re-arms
  // would loop for ever.
  ~virtual_world() {
    for (auto& actor : actors_) caf::anon_send_exit(actor, caf::exit_reason::kill);
    actors_.clear();
    scheduler.run();
  }
  virtual_world(const virtual_world&) = delete;
  virtual_world& operator=(const virtual_world&) = delete;

  template <class... Args>
  caf::actor spawn(Args&&... args) {
    actors_.push_back(caf::actor_cast<caf::actor>(system.spawn(std::forward<Args>(args)...)));
    return actors_.back();
  }
  void adopt(caf::actor actor) { actors_.push_back(std::move(actor)); }

  // One message, to one ready actor chosen by the seed.
  bool step() {
    if (scheduler.jobs.empty()) return false;
    const auto chosen =
        scheduler.jobs.begin() + static_cast<std::ptrdiff_t>(chance_() % scheduler.jobs.size());
    std::rotate(scheduler.jobs.begin(), chosen, chosen + 1);
    return scheduler.try_run_once();
  }
  void settle() {
    while (step()) {
    }
  }
  // Runs what is ready, jumps to the next timer, and so on until the time is up.
  void run_for(caf::timespan duration) {
    const auto end = scheduler.clock().now() + duration;
    for (;;) {
      settle();
      auto& timers = scheduler.clock().schedule();
      if (timers.empty() || timers.begin()->first > end) break;
      scheduler.trigger_timeout();
    }
    if (scheduler.clock().now() < end) scheduler.advance_time(end - scheduler.clock().now());
    settle();
  }
  template <class Condition>
  bool run_until(Condition&& holds, caf::timespan limit,
                 caf::timespan stride = std::chrono::milliseconds{10}) {
    for (caf::timespan gone{0}; !holds(); gone += stride) {
      if (gone >= limit) return false;
      run_for(stride);
    }
    return true;
  }
  // Sends a request and runs the world until its answer is there.
  template <class T, class Handle, class... Args>
  caf::expected<T> ask(const Handle& handle, Args&&... args) {
    caf::scoped_actor self{system};
    auto pending = self->request(handle, caf::infinite, std::forward<Args>(args)...);
    settle();
    caf::expected<T> answer{caf::error{caf::sec::request_timeout}};
    if (self->mailbox().empty()) return answer;  // nobody answered
    const auto failed = [&](caf::error& error) { answer = std::move(error); };
    if constexpr (std::is_void_v<T>)
      pending.receive([&] { answer = caf::expected<void>{caf::unit}; }, failed);
    else
      pending.receive([&](T& value) { answer = std::move(value); }, failed);
    return answer;
  }

 private:
  virtual_config config_;
  std::vector<caf::actor> actors_;

 public:
  caf::actor_system system;
  caf::scheduler::test_coordinator& scheduler =
      dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());

 private:
  std::mt19937_64 chance_;
};
}  // namespace troupe::test

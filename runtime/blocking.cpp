#include "runtime/blocking.hpp"

#include <chrono>

#include <caf/all.hpp>
namespace troupe {
namespace {
using look_atom = caf::atom_constant<caf::atom("look")>;
constexpr std::chrono::milliseconds look_again{5};
thread_local lockstep* running = nullptr;
}  // namespace

lockstep::lockstep(std::function<void()> work)
    : thread_{[this, work = std::move(work)]() mutable {
        running = this;
        {
          std::unique_lock lock{mutex_};
          turn_.wait(lock, [this] { return its_turn_; });
        }
        try {
          if (!abandoned_) work();
        } catch (const abandoned&) {
        }
        work = nullptr;  // what it holds ends in its turn, too
        const std::lock_guard lock{mutex_};
        ended_ = true;
        its_turn_ = false;
        turn_.notify_all();
      }} {}

lockstep::~lockstep() {
  abandoned_ = true;
  while (go_on()) {
  }
  thread_.join();
}

bool lockstep::go_on() {
  std::unique_lock lock{mutex_};
  if (ended_) return false;
  its_turn_ = true;
  turn_.notify_all();
  turn_.wait(lock, [this] { return !its_turn_; });
  return !ended_;
}

lockstep* lockstep::current() { return running; }

void lockstep::pause() {
  std::unique_lock lock{mutex_};
  its_turn_ = false;
  turn_.notify_all();
  turn_.wait(lock, [this] { return its_turn_; });
  if (abandoned_) throw abandoned{};
}

void run_blocking(caf::actor_system& system, std::function<void()> work) {
  if (has_threads(system)) {
    system.spawn<caf::detached>([work = std::move(work)](caf::blocking_actor*) { work(); });
    return;
  }
  system.spawn([thread = std::make_shared<lockstep>(std::move(work))](
                   caf::event_based_actor* self) -> caf::behavior {
    self->send(self, look_atom::value);
    return {[=](look_atom) {
      if (!thread->go_on()) return self->quit();
      self->delayed_send(self, look_again, look_atom::value);
    }};
  });
}
}  // namespace troupe

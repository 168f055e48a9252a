#include "runtime/remoting/inlet.hpp"

#include "runtime/remoting/association.hpp"
#include "runtime/remoting/hub.hpp"

#include <caf/actor_system.hpp>

namespace troupe::remoting {
void inlet::take(std::shared_ptr<association> from, link::batch what, callback done) {
  std::lock_guard guard{mutex_};
  if (stopped_) return;
  waiting_.push_back({std::move(from), std::move(what), std::move(done)});
  if (!thread_.joinable()) thread_ = std::thread{[this] { work(); }};
  wake_.notify_one();
}

void inlet::stop() {
  {
    std::lock_guard guard{mutex_};
    stopped_ = true;
    waiting_.clear();
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void inlet::work() {
  home_.system().thread_started();
  for (;;) {
    job next;
    {
      std::unique_lock guard{mutex_};
      wake_.wait(guard, [this] { return stopped_ || !waiting_.empty(); });
      if (stopped_) break;
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    if (next.from->closed()) continue;
    const auto on = next.what.on;
    const auto bytes = link::join(std::move(next.what));
    next.done(receiver_.take(*next.from, on, bytes));
  }
  home_.system().thread_terminates();
}
}  // namespace troupe::remoting

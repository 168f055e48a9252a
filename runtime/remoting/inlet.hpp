// Where large batches are decoded: a thread of its own, which starts with the first of them, so that a message of a
// hundred megabytes keeps neither heartbeats nor other peers waiting.
//   Promises  batches come out in the order they were given; `done` is called in the inlet's thread, once for each
//   Assumes   who gives one gives all of its lane that follow, until that one is done
//   Beware    stop waits for the batch that is being decoded; what waits behind it is dropped
#pragma once
#include "patterns/link/session.hpp"
#include "runtime/remoting/receiver.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace troupe::remoting {
class inlet {
 public:
  using callback = std::function<void(receiver::result)>;
  explicit inlet(hub& home) : home_{home}, receiver_{home} {}
  inlet(const inlet&) = delete;
  inlet& operator=(const inlet&) = delete;
  ~inlet() { stop(); }

  void take(std::shared_ptr<association> from, link::batch what, callback done);
  void stop();

 private:
  struct job {
    std::shared_ptr<association> from;
    link::batch what;
    callback done;
  };
  void work();

  hub& home_;
  receiver receiver_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<job> waiting_;
  bool stopped_ = false;
  std::thread thread_;
};
}  // namespace troupe::remoting

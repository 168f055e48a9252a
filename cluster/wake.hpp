// What a thread waits for that runs a node: SIGTERM and SIGINT of the process, or a number raised by any thread.
#pragma once
#include <chrono>
#include <optional>

namespace troupe {
class wake {
 public:
  // Blocks the two signals in this thread, so that the threads it starts leave them to `wait`.
  wake();
  wake(const wake&) = delete;
  wake& operator=(const wake&) = delete;
  ~wake();

  void raise(int what);  // any thread; never blocks
  void forget();         // what was raised; signals stay
  // 0 for a signal, else what was raised, in order.
  int wait();
  std::optional<int> wait_for(std::chrono::milliseconds time);

 private:
  std::optional<int> poll(int milliseconds);
  int signals_ = -1;
  int raised_ = -1;
  int raiser_ = -1;
};
}  // namespace troupe

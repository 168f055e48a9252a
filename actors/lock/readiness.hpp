// Tells when a file descriptor can be read: once for each time that it is asked to.
//   Costs     a thread that sleeps
#pragma once
#include <functional>
#include <thread>
namespace troupe::lock {
class readiness {
 public:
  explicit readiness(std::function<void()> readable);  // called by a thread of its own
  ~readiness();
  readiness(const readiness&) = delete;
  readiness& operator=(const readiness&) = delete;

  void watch(
      int fd);  // instead of what was watched; below 0: nothing. Before it is closed, watch another

 private:
  void run();
  std::function<void()> readable_;
  int poll_ = -1, stop_ = -1, watched_ = -1;
  std::thread thread_;
};
}  // namespace troupe::lock

// Waits for a condition instead of sleeping: true as soon as it holds, false when the time is up.
//   REQUIRE(test::wait_until([&] { return node.members() == 3; }, 5s));
#pragma once
#include <chrono>
#include <thread>
namespace troupe::test {
template <class Condition>
bool wait_until(Condition&& holds, std::chrono::milliseconds limit = std::chrono::seconds{10}) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() >= end) return holds();
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  return true;
}
}  // namespace troupe::test

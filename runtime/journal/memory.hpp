// A store in memory: for tests, and for the laboratory on a disk that fails (memory_disk.hpp).
//   auto disk = std::make_shared<memory_disk>();
//   auto store = open_memory_store(disk, {.node = "a", .syncing = [&](auto ends) { at(now + 2ms, ends); }});
//   Promises  those of every store (journal.hpp), with group commit; no thread, no clock, no chance of its own
//   Assumes   the disk is given to one living store at a time; `syncing` calls what it is given once, later or at once,
//             or never when the machine has crashed by then
#pragma once
#include "runtime/journal/journal.hpp"
#include "runtime/journal/memory_disk.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
namespace troupe::journal {
struct memory_options {
  std::string node{};
  std::string cluster{};   // empty: any
  std::uint64_t life = 1;  // of a disk that has none yet
  // A sync begins; what ends it is put on the simulator's agenda. Empty: it ends at once, within `submit`.
  std::function<void(std::function<void()> ends)> syncing{};
};
result<store_ptr, failure> open_memory_store(std::shared_ptr<memory_disk> disk,
                                             memory_options options = {});

// Whose store it is, and who asks; what every implementation refuses alike.
result<void, failure> check_owner(const identity& found, const std::string& node,
                                  const std::string& cluster, const std::string& where);
}  // namespace troupe::journal

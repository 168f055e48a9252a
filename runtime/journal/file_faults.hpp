// What goes wrong with the files below RocksDB, for tests: set at any time, from any thread.
//   Beware    for files that are opened for writing through it; reading is untouched
#pragma once
#include <atomic>
#include <cstdint>
namespace troupe::journal {
struct file_faults {
  std::atomic<bool> sync_fails = false;   // EIO
  std::atomic<bool> write_fails = false;  // EIO
  std::atomic<std::int64_t> room =
      -1;  // bytes until ENOSPC: the write that does not fit is cut short; -1: no end
  std::atomic<std::uint64_t> syncs = 0, writes = 0;  // that were tried
};
}  // namespace troupe::journal

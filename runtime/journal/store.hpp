// A node's store on disk (RocksDB).
//   Promises  those of every store (journal.hpp). Refused with a sentence that says what to do: a directory of another
//             node, another cluster, another format, of no journal at all, held by another process, not writable, full,
//             with a file missing or with bytes that are not what was written
//             a tail that a crash tore is cut (and a log line says so) where nothing of it was ever acknowledged; damage
//             anywhere else, in the last acknowledged record too, is refused
//   Beware    after a power cut the mark that tells the two apart may be older than the log: a last write whose bytes rot
//             in the same moment is taken for torn then. Not after the death of the process alone
//   Costs     a thread, which waits where nothing is submitted; one write and one fdatasync a group commit; up to four
//             write buffers of memory a kind of value, and of log to be read by the next start
//   Failpoints  journal.write, journal.sync, journal.synced
#pragma once
#include "runtime/journal/journal.hpp"

#include <cstdint>
#include <memory>
#include <string>
namespace troupe::journal {
struct file_faults;
struct store_options {
  std::string directory{};  // of the journal alone; made where it does not exist
  std::string node{};
  std::string cluster{};  // empty: any, or not yet known
  std::uint64_t write_buffer = std::uint64_t{32} << 20;
  std::shared_ptr<file_faults> faults{};  // tests
};
// Blocks: it reads the logs.
result<store_ptr, failure> open_store(const store_options& options);
}  // namespace troupe::journal

// The journal: what must be there again after a crash, of many replicated groups, in one store a node.
// A group's journal is a small state (a Raft term and vote), a snapshot, and the records behind it.
//   auto log = store->open("map");
//   const auto found = log->load();
//   log->submit({.state = vote, .append = {{.index = 8, .term = 3, .bytes = "..."}}}, answer);
//   Implementations  open_store (store.hpp: RocksDB); memory_store (memory.hpp: the laboratory's disk)
//   Promises  a batch is there whole or not at all; `done` is called once, in the order of submission, and with success
//             only after the batch is on disk, with all that was submitted before it to the same store
//             after a failed write or sync the store is broken for good: every later batch fails with the same reason,
//             and only a start from disk tells what is there (A. Rebello et al., "Can Applications Recover from fsync
//             Failures?", USENIX ATC 2020)
//             what is read back is what was written: a record whose checksum, index or neighbour is wrong is
//             `corrupted`, told with its place, and nothing of that journal is handed out
//   Beware    a batch that ends with `broken` or `full` may be found after the next start, or not
//             a store that goes away before its batches are done still writes them and calls their `done`; one on a
//             disk that has crashed does neither
//   Costs     one sync for all that was submitted, to any journal of the store, while the one before it ran
//   Assumes   who submits bounds what is in flight: the queue takes everything
#pragma once
#include "patterns/result.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
namespace troupe::journal {
struct record {
  std::uint64_t index = 0;  // the first one of a journal without a snapshot is 1
  std::uint64_t term = 0;
  std::string bytes{};
  bool operator==(const record&) const = default;
};
struct snapshot {
  std::uint64_t index = 0;  // the last record that it covers
  std::uint64_t term = 0;
  std::string bytes{};
  bool operator==(const snapshot&) const = default;
};

// Done in this order, all of it or nothing. What would leave a gap is refused: `append` continues what is left by then,
// no record that a snapshot covers is cut, and none is dropped that it does not cover.
struct batch {
  std::optional<std::string> state{};       // replaces the state
  std::optional<std::uint64_t> cut_from{};  // a conflict: the records from this index on go
  // Takes the place of an older one. Records up to its index go, unless drop_upto says how far.
  std::optional<snapshot> replace{};
  bool restart = false;                      // with it: all records go, another history's
  std::optional<std::uint64_t> drop_upto{};  // compaction: records up to this index go
  std::vector<record> append{};              // consecutive
  bool operator==(const batch&) const = default;
};

struct content {
  std::string state{};
  std::optional<snapshot> base{};
  std::vector<record> records{};  // from base.index + 1 at the latest, without a gap
  bool operator==(const content&) const = default;
};

// Of a record, a snapshot, a state.
inline constexpr std::uint64_t value_max = std::uint64_t{1} << 30;

enum class cause : std::uint8_t {
  gap,            // the batch does not fit what is there: nothing of it was written
  too_large,      // as `gap`: a value above value_max
  full,           // no space: the store is broken
  broken,         // a write or a sync failed, now or before
  corrupted,      // what is there is not what was written
  missing,        // a file is not there
  foreign,        // the directory is no journal's
  other_node,     // another node's
  other_cluster,  // another cluster's
  other_format,   // an older or newer version's
  locked,         // another process has it
  read_only,      // nothing can be written there
  closed,         // this journal was opened anew, or its store is gone
};
std::string_view to_string(cause c);

struct failure {
  cause why{};
  std::string sentence{};  // what is wrong, where, and what to do
  bool operator==(const failure&) const = default;
};
using answer = std::function<void(const result<void, failure>&)>;

// One group's. Any thread, though the order is that of the calls.
class journal {
 public:
  virtual ~journal() = default;
  // All that was submitted, through whichever handle. Once, before the first `submit`; it blocks on the disk.
  virtual result<content, failure> load() = 0;
  // Never blocks on the disk. `done` runs in the store's thread: hand it on from there. It is also how a batch that does
  // not fit is refused.
  virtual void submit(batch what, answer done) = 0;
};

struct identity {
  std::string node{};
  std::string cluster{};  // empty until it is known
  // Random, minted with the store and again by a repair: another one has another memory, and must not vote as if it
  // were the one that others know.
  std::uint64_t life = 0;
  std::uint32_t format = 1;
  bool operator==(const identity&) const = default;
};

class store {
 public:
  virtual ~store() = default;
  virtual identity who() const = 0;
  // Once: with another cluster's it is refused. Durable when it returns.
  virtual result<void, failure> enter(const std::string& cluster) = 0;
  // A group opened before is taken over: what its older handle submits from now on is refused as `closed`.
  virtual std::shared_ptr<journal> open(const std::string& group) = 0;
  // Of which anything was ever written.
  virtual result<std::vector<std::string>, failure> groups() const = 0;
};
using store_ptr = std::shared_ptr<store>;
}  // namespace troupe::journal

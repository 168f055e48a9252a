// RocksDB below a store: keys, values and column families; no thread of its own making, no directory but the one given.
//   records    group's length (2, big-endian), group, index (8, big-endian)  ->  codec.hpp
//   snapshots  group's length, group  ->  codec.hpp
//   states     group's length, group  ->  codec.hpp
//   extents    group's length, group  ->  codec.hpp, the first record as its index, the last as its term: a table whose
//              range deletions cannot be read is used by RocksDB without them, and what was dropped is there again
//   Promises  one column family a kind, whatever the number of groups
//   Beware    one writing thread at a time
#pragma once
#include "runtime/journal/extent.hpp"
#include "runtime/journal/file_faults.hpp"
#include "runtime/journal/journal.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>
namespace troupe::journal {
struct addressed {
  std::string group{};
  batch what{};
  extent then{};  // of the journal with it
};

class database {
 public:
  enum class purpose : std::uint8_t { make, use, look };
  struct settings {
    std::filesystem::path directory{};  // of the journal, for sentences; RocksDB's is below it
    std::uint64_t write_buffer = std::uint64_t{32} << 20;
    std::shared_ptr<file_faults> faults{};
  };
  static result<std::unique_ptr<database>, failure> open(const settings& wanted, purpose why);
  // Brings back what it can from tables whose list is gone. Blocks, and changes what is there.
  static result<void, failure> rebuild(const settings& wanted);
  ~database();

  // All of them or none, and durable after the sync.
  result<void, failure> write(std::span<const addressed> all);
  result<void, failure> sync();
  std::uint64_t last() const;  // the number of the last change, which only rises
  // The number of the first log file that is not in tables yet; 0: unknown.
  std::uint64_t oldest_log() const;

  result<content, failure> read(const std::string& group) const;
  result<std::vector<std::string>, failure> groups() const;

  // One value as it lies there.
  struct value {
    enum class kind : std::uint8_t { state, snapshot, extent, record } what{};
    std::uint64_t index = 0;  // by its key, of records
    std::string encoded{};
  };
  // State, snapshot, extent and records of a group, in this order; until `seen` says false. Of what cannot be read: why, and on
  // with the rest.
  void visit(const std::string& group, const std::function<bool(const value&)>& seen,
             const std::function<void(const failure&)>& unreadable) const;
  // Reads every table's every block.
  result<void, failure> check_tables() const;

 private:
  struct parts;
  explicit database(std::unique_ptr<parts> all);
  std::unique_ptr<parts> parts_;
};
}  // namespace troupe::journal

// What a person does with a journal that no node has open: look, judge, repair.
//   Promises  `verify` and `show` change nothing; `repair` copies the directory before it changes anything, and what it
//             leaves is the longest sound beginning of each group, in a store of a new life
//   Beware    a repaired journal may have forgotten what it acknowledged, votes too: its node is not the voter that it was
//             where RocksDB's list of its tables is gone (CURRENT, MANIFEST) a repair may lose what the logs alone hold,
//             though the logs are sound: as much as max_total_wal_size (database.cpp). The copy still has it
//   Costs     they read everything; `repair` needs room for two more copies
#pragma once
#include "runtime/journal/directory.hpp"
#include "runtime/journal/extent.hpp"
#include "runtime/journal/journal.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>
namespace troupe::journal {
// DIR itself, or DIR/journal where a node's data directory was given.
std::filesystem::path journal_directory(const std::filesystem::path& given);

struct group_report {
  std::string name{};
  bool state = false;
  extent records{};  // the sound ones, and the snapshot's index
  std::uint64_t base_term = 0, last_term = 0;
  std::uint64_t bytes = 0;  // of state, snapshot and records
  std::string wrong{};      // empty: it is sound
};
struct report {
  std::filesystem::path directory{};
  std::optional<identity> of{};
  std::vector<group_report> groups{};
  std::vector<std::string> notes{};  // such as a torn tail that the next start will cut
  std::vector<std::string> wrong{};  // of the whole; empty, and no group's: it is sound
  bool sound() const;
};
result<report, failure> verify(const std::filesystem::path& directory);

struct shown {
  std::string group{};
  enum class kind : std::uint8_t { state, snapshot, record } what{};
  std::uint64_t index = 0, term = 0;
  std::string bytes{};
  std::string wrong{};  // why it cannot be read; then it has no term and no bytes
};
// Of one group, or of all; records from an index on; until `each` says false.
result<void, failure> show(const std::filesystem::path& directory, const std::string& group,
                           std::uint64_t from, const std::function<bool(const shown&)>& each);

struct repair_options {
  std::string node{};  // whose it is, where the file that says so is gone
  std::function<void(const std::string&)> say{};  // each step, before it is done
};
struct repaired {
  std::filesystem::path copy{};  // empty: nothing was wrong, nothing was done
  std::uint64_t life = 0;
  std::vector<group_report> groups{};  // what was kept, and why not all
};
result<repaired, failure> repair(const std::filesystem::path& directory,
                                 const repair_options& options);
}  // namespace troupe::journal

// From a directory to a database that may be written to: what a start checks before it believes what it finds.
#pragma once
#include "runtime/journal/database.hpp"
#include "runtime/journal/directory.hpp"
#include "runtime/journal/log_files.hpp"
#include "runtime/journal/store.hpp"

#include <memory>
#include <optional>
namespace troupe::journal {
struct recovered {
  directory place;
  identity of{};
  std::unique_ptr<database> data{};
};
result<recovered, failure> recover(const store_options& options);

std::uint64_t fresh_life();

// The logs that RocksDB still reads. It deletes the others in no order, and a process that dies among that leaves some.
result<log_scan, std::string> scan_kept_logs(const directory& place);
// Room that logs have left, as after a kill: RocksDB takes zeros for damage where it is strict.
result<void, failure> cut_room(const log_scan& logs);
// Why these logs are not to be opened as they are; none for a torn tail that may be cut. `last`: of what is there in all.
std::optional<failure> damage_of(const directory& place, const log_scan& logs);
std::optional<failure> end_is_missing(const directory& place, const identity& of,
                                      std::uint64_t last);
}  // namespace troupe::journal

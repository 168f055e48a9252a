// RocksDB's surroundings as the journal wants them: its log lines in ours, room in its logs, and files with faults.
#pragma once
#include "runtime/journal/file_faults.hpp"

#include <memory>
namespace rocksdb {
class Env;
class Logger;
}  // namespace rocksdb
namespace troupe::journal {
std::shared_ptr<rocksdb::Logger> rocks_logger();  // warnings and errors
std::unique_ptr<rocksdb::Env> rocks_env(std::shared_ptr<file_faults> faults);  // null: none
}  // namespace troupe::journal

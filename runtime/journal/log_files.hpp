// Reads RocksDB's write-ahead logs (NNNNNN.log) before RocksDB does, to tell a torn tail from damage: its own recovery
// either refuses every tail that a power cut tore, or cuts acknowledged records with one.
//   Source    RocksDB's log format (db/log_format.h, as LevelDB's): blocks of 32 KiB; a piece is a masked CRC-32C (4), a
//             length (2), a kind (1: whole, first, middle, last) and the bytes; a write begins with its number (8) and the
//             count of its changes (4)
//   Promises  one writer syncs each write before the next: what is bad, with the beginning of no later write behind it,
//             is the last one, torn, and never acknowledged unless the mark (directory.hpp) says so; anything else that
//             is bad is damage
//   Costs     it reads the logs once more: those that RocksDB has not yet put into tables, 128 MB at most
#pragma once
#include "patterns/result.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
namespace troupe::journal {
enum class log_end : std::uint8_t {
  whole,
  torn,     // a tail that is to be cut at the place
  damaged,  // a bad place with a good write behind it
};
struct log_scan {
  std::uint64_t last = 0;  // the number of the last change in a whole write; 0: there is no write
  log_end end = log_end::whole;
  std::filesystem::path file{};  // of the bad place
  std::uint64_t offset = 0;
  std::uint64_t behind = 0;  // bytes of the file from there on
  std::string why{};
  // Where zeros begin that no write has come to, by file.
  std::map<std::filesystem::path, std::uint64_t> room{};
};

// What one log file holds up to its first bad place.
struct log_file_scan {
  std::uint64_t good_end = 0;  // where the last whole write ends
  std::uint64_t
      first = 0,
      next = 0;       // the number of the first change, and of the one behind the last; 0: no write
  std::string why{};  // of the bad place at good_end; empty: all is good
  // Zeros behind good_end, to the end: given ahead of writes (rocks_files.hpp).
  std::uint64_t room = 0;
  bool more = false;  // a later write begins behind it
};
// `expected`: the number that the first write has to have; 0: any.
log_file_scan scan_log(std::string_view bytes, std::uint64_t expected = 0);

// Files with a lower number than `from` are left out.
result<log_scan, std::string> scan_logs(const std::filesystem::path& database,
                                        std::uint64_t from = 0);
}  // namespace troupe::journal

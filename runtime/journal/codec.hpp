// How a record, a snapshot and a state lie on disk: with their own checksum, length, index and term, whatever stands
// below lets through.
//   crc32c of the rest and of `place` (4) | length of the bytes (4) | index (8) | term (8) | bytes     little-endian
//   Promises  bytes are read whole or refused; what was written for another place (a group, a kind) is refused there
//   Source    RFC 3720's CRC (patterns/link/crc32c.hpp)
#pragma once
#include "patterns/result.hpp"
#include "runtime/journal/journal.hpp"

#include <cstdint>
#include <string>
#include <string_view>
namespace troupe::journal {
enum class flaw : std::uint8_t { truncated, trailing, checksum, index };
std::string_view to_string(flaw f);

inline constexpr std::size_t record_head = 24;
std::string encode(std::string_view place, std::uint64_t index, std::uint64_t term,
                   std::string_view bytes);
result<record, flaw> decode(std::string_view place, std::string_view encoded);
// One that has to have this index.
result<record, flaw> decode(std::string_view place, std::string_view encoded, std::uint64_t index);

// The places of a group's values.
std::string record_place(const std::string& group);
std::string snapshot_place(const std::string& group);
std::string state_place(const std::string& group);
std::string extent_place(const std::string& group);
}  // namespace troupe::journal

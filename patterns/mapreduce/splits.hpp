// Cuts a job's input into splits, one for each map task: large files into parts of about equal
// length, many small files gathered into one.
// Source: Dean & Ghemawat 2004, 3.1; gathering as Hadoop's CombineFileInputFormat does it
//   Records   a cut falls where it falls, since nobody reads the files to plan. A record belongs to
//             the piece in which its first byte lies: who reads [offset, offset + length) with
//             offset > 0 looks for the first line that starts at offset or later, which is behind
//             the first newline at offset - 1 or later, and reads lines as long as they start
//             before offset + length, the last of them to its end. So each record is read once,
//             wherever the cuts are (records_in is this rule, to test readers against)
//   Promises  every byte of every file in one piece; no split of no bytes; the same splits for the
//             same files, in whatever order they were listed
//   Costs     a small file counts file_cost more than its bytes, since to open one takes time too
#pragma once
#include "patterns/mapreduce/messages.hpp"

#include <cstdint>
#include <string_view>
#include <vector>
namespace troupe::mapreduce {
inline constexpr std::uint64_t file_cost = 4096;

// Some four splits a slot, so that slots finish together, between 1 and 64 MiB.
std::uint64_t split_target(std::uint64_t bytes_total, std::uint32_t slots);

std::vector<split> plan_splits(std::vector<input_file> files, std::uint64_t target);

// The lines of `text` that start in [offset, offset + length), with their newlines.
std::string_view records_in(std::string_view text, std::uint64_t offset, std::uint64_t length);
}  // namespace troupe::mapreduce

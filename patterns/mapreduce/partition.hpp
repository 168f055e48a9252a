// Which reducer a key goes to.
//   hash     XXH64 of the key's bytes, scaled to the number of parts by its upper half: spread
//            evenly, the same in every process, machine and version
//   range    by cut points from samples of the input, so that all of part i comes before all of
//            part i + 1: with sorted parts a total order. After "sample sort" as TeraSort does it
//   own      any function of key and number of parts that always gives the same answer for the same
//            key; a part number out of range is the user's error and fails the task
#pragma once
#include "patterns/mapreduce/checksum.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>
namespace troupe::mapreduce {
using partitioner = std::function<std::uint32_t(std::string_view key, std::uint32_t parts)>;

inline std::uint32_t hash_partition(std::string_view key, std::uint32_t parts) {
  return static_cast<std::uint32_t>(((checksum_of(key) >> 32) * parts) >> 32);
}

// At most parts - 1 cut points, strictly rising. Fewer where the samples have too few different
// keys: the last parts then stay empty. All samples equal: none, and one part gets everything.
std::vector<std::string> cut_points(std::vector<std::string> samples, std::uint32_t parts);

// Keys below the first cut go to part 0, those from cut i on to part i + 1.
std::uint32_t range_partition(const std::vector<std::string>& cuts, std::string_view key);
}  // namespace troupe::mapreduce

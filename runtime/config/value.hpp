// What a setting can be, and how it is written.
//   bool        true, false (yes, no, on, off, 1, 0)
//   integer     4096                     size        64KiB, 10MB, 512 (bytes)
//   real        0.5                      duration    500ms, 2s, 1m30s (ns us ms s m h d)
//   text        anything                 endpoint    host:port, [::1]:port
// Lists of texts and of endpoints are separated by commas.
#pragma once
#include "patterns/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>
namespace troupe::config {
struct endpoint {
  std::string host{};
  std::uint16_t port = 0;
  bool operator==(const endpoint&) const = default;
};
std::string to_string(const endpoint& e);

inline constexpr std::uint64_t KiB = 1024;
inline constexpr std::uint64_t MiB = 1024 * KiB;
inline constexpr std::uint64_t GiB = 1024 * MiB;

// Each refusal is the end of a sentence that begins with the text itself: "is not a whole number".
template <class T>
using read = result<T, std::string>;
read<bool> read_bool(std::string_view text);
read<std::int64_t> read_integer(std::string_view text);
read<double> read_real(std::string_view text);
read<std::chrono::nanoseconds> read_duration(std::string_view text);
read<std::uint64_t> read_size(std::string_view text);
read<endpoint> read_endpoint(std::string_view text);

// The shortest text that reads as the same value.
std::string write_duration(std::chrono::nanoseconds d);
std::string write_size(std::uint64_t bytes);
std::string write_real(double d);

std::string_view trimmed(std::string_view text);
std::vector<std::string> split_list(std::string_view text);
}  // namespace troupe::config

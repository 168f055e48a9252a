#include "runtime/config/value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace troupe::config {
namespace {
struct unit {
  std::string_view name;
  std::uint64_t factor;
};
// in order of size, the largest first; where two are equal the first is the one we write
constexpr std::array<unit, 7> time_units{{{"d", 86'400'000'000'000},
                                          {"h", 3'600'000'000'000},
                                          {"m", 60'000'000'000},
                                          {"s", 1'000'000'000},
                                          {"ms", 1'000'000},
                                          {"us", 1'000},
                                          {"ns", 1}}};
constexpr std::array<unit, 9> size_units{{{"TiB", 1024 * GiB},
                                          {"TB", 1'000'000'000'000},
                                          {"GiB", GiB},
                                          {"GB", 1'000'000'000},
                                          {"MiB", MiB},
                                          {"MB", 1'000'000},
                                          {"KiB", KiB},
                                          {"kB", 1'000},
                                          {"B", 1}}};

constexpr bool digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Cuts what `belongs` off the front.
template <class Belongs>
std::string_view cut(std::string_view& text, Belongs belongs) {
  const auto end = std::find_if_not(text.begin(), text.end(), belongs);
  const auto length = static_cast<std::size_t>(end - text.begin());
  const auto front = text.substr(0, length);
  text.remove_prefix(length);
  return front;
}

// digits[.digits] times a unit, exactly where there is no fraction
std::optional<std::uint64_t> scaled(std::string_view number, std::uint64_t factor,
                                    std::uint64_t limit) {
  std::uint64_t whole = 0;
  const auto* const end = number.data() + number.size();
  const auto [at, error] = std::from_chars(number.data(), end, whole);
  if (error != std::errc{}) return std::nullopt;
  if (at == end) return whole > limit / factor ? std::nullopt : std::optional{whole * factor};
  const auto real = read_real(number);
  if (!real || *real < 0) return std::nullopt;
  const auto product = *real * static_cast<double>(factor);
  if (product >= static_cast<double>(limit)) return std::nullopt;
  return static_cast<std::uint64_t>(std::llround(product));
}

template <std::size_t N>
const unit* find_unit(const std::array<unit, N>& units, std::string_view name) {
  const auto* const found =
      std::find_if(units.begin(), units.end(), [&](const unit& u) { return u.name == name; });
  return found == units.end() ? nullptr : found;
}

bool host_character(char c) { return letter(c) || digit(c) || c == '.' || c == '-' || c == '_'; }
bool numeric_address_character(char c) {
  return letter(c) || digit(c) || c == '.' || c == ':' || c == '%';
}
}  // namespace

std::string to_string(const endpoint& e) {
  const bool bracketed = e.host.find(':') != std::string::npos;
  return (bracketed ? "[" + e.host + "]" : e.host) + ":" + std::to_string(e.port);
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r";
  const auto first = text.find_first_not_of(blank);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> items;
  while (!trimmed(text).empty()) {
    const auto comma = std::min(text.find(','), text.size());
    items.emplace_back(trimmed(text.substr(0, comma)));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return items;
}

read<bool> read_bool(std::string_view text) {
  for (const auto* const yes : {"true", "yes", "on", "1"})
    if (text == yes) return true;
  for (const auto* const no : {"false", "no", "off", "0"})
    if (text == no) return false;
  return unexpected{"is neither true nor false"};
}

read<std::int64_t> read_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc::result_out_of_range) return unexpected{"is too large for any number"};
  if (error != std::errc{} || at != end) return unexpected{"is not a whole number"};
  return value;
}

read<double> read_real(std::string_view text) {
  double value = 0;
  const auto* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || at != end || !std::isfinite(value))
    return unexpected{"is not a number"};
  return value;
}

read<std::chrono::nanoseconds> read_duration(std::string_view text) {
  constexpr auto what = "is not a duration: write it like 500ms, 2s or 1m30s";
  constexpr auto limit = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (text == "0") return std::chrono::nanoseconds{0};
  if (text.empty()) return unexpected{what};
  std::uint64_t total = 0;
  while (!text.empty()) {
    const auto number = cut(text, [](char c) { return digit(c) || c == '.'; });
    const auto name = cut(text, letter);
    if (!number.empty() && name.empty() && text.empty())
      return unexpected{"has no unit: write it like 500ms, 2s or 1m30s"};
    const auto* const u = find_unit(time_units, name);
    if (!u || number.empty()) return unexpected{what};
    const auto part = scaled(number, u->factor, limit);
    if (!part || *part > limit - total) return unexpected{what};
    total += *part;
  }
  return std::chrono::nanoseconds{static_cast<std::int64_t>(total)};
}

read<std::uint64_t> read_size(std::string_view text) {
  constexpr auto what = "is not a size: write it like 512, 64KiB or 10MB";
  auto rest = text;
  const auto number = cut(rest, [](char c) { return digit(c) || c == '.'; });
  const auto name = trimmed(rest);
  const auto* const u = find_unit(size_units, name.empty() ? "B" : name);
  if (!u || number.empty()) return unexpected{what};
  const auto bytes = scaled(number, u->factor,
                            static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
  if (!bytes) return unexpected{what};
  return *bytes;
}

read<endpoint> read_endpoint(std::string_view text) {
  constexpr auto what = "is not an address: write it like host:4711 or [::1]:4711";
  const auto colon = text.rfind(':');
  if (colon == text.npos) return unexpected{what};
  auto host = text.substr(0, colon);
  const auto port = text.substr(colon + 1);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host.empty() || host.size() > 253) return unexpected{what};
  if (!std::all_of(host.begin(), host.end(),
                   bracketed ? numeric_address_character : host_character))
    return unexpected{what};
  const auto number = read_integer(port);
  if (port.empty() || !digit(port.front()) || !number || *number > 65535)
    return unexpected{"is not an address: a port is a number from 0 to 65535"};
  return endpoint{std::string{host}, static_cast<std::uint16_t>(*number)};
}

std::string write_duration(std::chrono::nanoseconds d) {
  if (d.count() == 0) return "0";
  for (const auto& u : time_units)
    if (d.count() % static_cast<std::int64_t>(u.factor) == 0)
      return std::to_string(d.count() / static_cast<std::int64_t>(u.factor)).append(u.name);
  return std::to_string(d.count()) + "ns";
}

std::string write_size(std::uint64_t bytes) {
  for (const auto& u : size_units)
    if (bytes != 0 && u.name != "B" && bytes % u.factor == 0)
      return std::to_string(bytes / u.factor).append(u.name);
  return std::to_string(bytes);
}

std::string write_real(double d) {
  std::array<char, 32> digits{};
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), d).ptr};
}
}  // namespace troupe::config

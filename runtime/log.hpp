// Log lines for operators: a component, a short message, and fields; no prose with numbers in it.
//   log::info("link", "session ended", {{"peer", name}, {"session", 7}, {"reason", sentence_of(error)}});
//   2026-11-22T23:42:52.123Z info  link: session ended node=a peer=b session=7 reason="the link to its node is gone"
//   {"time":"2026-11-22T23:42:52.123Z","level":"info","component":"link","message":"session ended","node":"a",...}
//   Promises  callable from any thread, before `start` too (then: level info, text, to stderr); a line is written whole
//             or not at all; control characters are escaped, so that no peer can forge a line
//   Costs     a disabled level: its fields are built, and one relaxed load
#pragma once
#include "patterns/result.hpp"

#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>
namespace troupe::log {
enum class level : std::uint8_t { trace, debug, info, warn, error, off };
std::string_view to_string(level l);

struct field {
  using held =
      std::variant<bool, std::int64_t, std::uint64_t, double, std::string_view, std::string>;
  field(std::string_view k, bool v) : key(k), value(v) {}
  template <std::signed_integral T>
  field(std::string_view k, T v) : key(k), value(std::int64_t{v}) {}
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) field(std::string_view k, T v)
      : key(k), value(std::uint64_t{v}) {}
  template <std::floating_point T>
  field(std::string_view k, T v) : key(k), value(static_cast<double>(v)) {}
  field(std::string_view k, const char* v) : key(k), value(std::string_view{v}) {}
  field(std::string_view k, std::string_view v) : key(k), value(v) {}
  field(std::string_view k, const std::string& v) : key(k), value(std::string_view{v}) {}
  field(std::string_view k, std::string&& v) : key(k), value(std::move(v)) {}
  template <class Rep, class Period>  // in milliseconds, as key_ms
  field(std::string_view k, std::chrono::duration<Rep, Period> v)
      : key(k), value(std::chrono::duration<double, std::milli>(v).count()), milliseconds(true) {}
  template <class T>  // whatever has a text form: enums, handles, described structs
  requires(!std::is_arithmetic_v<T> && !std::convertible_to<T, std::string_view> &&
           requires(const T& x) { std::string{to_string(x)}; })
      field(std::string_view k, const T& v)
      : key(k), value(std::string{to_string(v)}) {}

  std::string_view key;
  held value;
  bool milliseconds = false;
};
using fields = std::initializer_list<field>;

struct settings {
  std::string levels = "info";  // "info,link=debug,membership=trace"
  bool json = false;
  std::string file{};                   // empty: stderr
  std::uint64_t file_size = 64u << 20;  // a larger file is put aside as FILE.1, FILE.2, ...
  std::uint64_t files_max = 5;          // of those
  std::string node{};                   // added to each line when set
};
// Again at any time; on a refusal (a level nobody knows, a file that cannot be opened) all stays as
// it was.
result<void, std::string> start(const settings& wanted);
void name_node(std::string_view node);
result<void, std::string> check_levels(std::string_view levels);

bool enabled(level l, std::string_view component);
void write(level l, std::string_view component, std::string_view message, fields more = {});

inline void trace(std::string_view component, std::string_view message, fields more = {}) {
  write(level::trace, component, message, more);
}
inline void debug(std::string_view component, std::string_view message, fields more = {}) {
  write(level::debug, component, message, more);
}
inline void info(std::string_view component, std::string_view message, fields more = {}) {
  write(level::info, component, message, more);
}
inline void warn(std::string_view component, std::string_view message, fields more = {}) {
  write(level::warn, component, message, more);
}
inline void error(std::string_view component, std::string_view message, fields more = {}) {
  write(level::error, component, message, more);
}

// For what a peer or a broken disk could repeat a thousand times a second: at most one line an
// interval, which says how many were left out since the last.
//   static log::once_per quiet{std::chrono::seconds{10}};
//   quiet.warn("link", "dead letter", {{"receiver", id}});
class once_per {
 public:
  using instant = std::chrono::steady_clock::time_point;
  explicit once_per(std::chrono::nanoseconds interval) : interval_(interval) {}
  void write(level l, std::string_view component, std::string_view message, fields more = {});
  void info(std::string_view component, std::string_view message, fields more = {}) {
    write(level::info, component, message, more);
  }
  void warn(std::string_view component, std::string_view message, fields more = {}) {
    write(level::warn, component, message, more);
  }
  void error(std::string_view component, std::string_view message, fields more = {}) {
    write(level::error, component, message, more);
  }
  // The decision alone: whether a line is due at `now`.
  bool due(instant now);

 private:
  std::mutex mutex_;
  std::chrono::nanoseconds interval_;
  instant next_ = instant::min();
  std::uint64_t left_out_ = 0;
  std::uint64_t reported_ = 0;
};

// The text of one line after the time, as `start`'s form has it; `write` is this and a sink.
std::string text_line(level l, std::string_view component, std::string_view message,
                      std::string_view node, fields more);
std::string json_line(level l, std::string_view component, std::string_view message,
                      std::string_view node, fields more);
}  // namespace troupe::log

// The JSON text of described structs (patterns/message.hpp) and of what they may hold: for the
// event log and `--json`.
//   json::text(task_started{.job = "j1"})  ->  {"job":"j1","task":0}
// Strings that are not UTF-8 are written byte by byte as \u00XX, so that each line parses;
// durations are whole nanoseconds; an enum is its to_string, or its number where it has none; NaN
// and infinities are null.
#pragma once
#include "patterns/message.hpp"

#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
namespace troupe::json {
void append_string(std::string& out, std::string_view text);
void append_number(std::string& out, double value);

namespace detail {
template <class T>
concept pair_like = requires(const T& x) {
  x.first;
  x.second;
};
template <class T>
concept map_like = requires {
  typename T::mapped_type;
};
template <class T>
concept list_like = requires(const T& x) {
  x.begin();
  x.end();
};
}  // namespace detail

template <class T>
void append(std::string& out, const T& value);

template <class T>
void append_duration(std::string& out, const T& value) {
  out += std::to_string(std::chrono::duration_cast<std::chrono::nanoseconds>(value).count());
}

// ,"name":value for each field
template <described T>
void append_fields(std::string& out, const T& value) {
  for_each_field(value, [&](std::string_view name, const auto& member) {
    out += ",\"";
    out += name;
    out += "\":";
    append(out, member);
  });
}

template <class T>
void append_map(std::string& out, const T& map) {
  char before = '{';
  for (const auto& [key, value] : map) {
    out += std::exchange(before, ',');
    if constexpr (std::convertible_to<decltype(key), std::string_view>) {
      append_string(out, key);
    } else {  // JSON's keys are strings
      std::string text;
      append(text, key);
      append_string(out, text);
    }
    out += ':';
    append(out, value);
  }
  out += before == '{' ? "{}" : "}";
}

template <class T>
void append_list(std::string& out, const T& list) {
  char before = '[';
  for (auto&& element : list) {
    out += std::exchange(before, ',');
    append(out, static_cast<const typename T::value_type&>(element));
  }
  out += before == '[' ? "[]" : "]";
}

template <class T>
void append(std::string& out, const T& value) {
  if constexpr (std::same_as<T, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (std::integral<T>) {
    out += std::to_string(value);
  } else if constexpr (std::floating_point<T>) {
    append_number(out, static_cast<double>(value));
  } else if constexpr (std::convertible_to<const T&, std::string_view>) {
    append_string(out, value);
  } else if constexpr (std::is_enum_v<T>) {
    if constexpr (requires { std::string{to_string(value)}; })
      append_string(out, std::string{to_string(value)});
    else
      out += std::to_string(static_cast<std::int64_t>(value));
  } else if constexpr (requires { std::chrono::duration_cast<std::chrono::nanoseconds>(value); }) {
    append_duration(out, value);
  } else if constexpr (described<T>) {
    const auto begin = out.size();
    append_fields(out, value);
    if (out.size() == begin)
      out += '{';
    else
      out[begin] = '{';
    out += '}';
  } else if constexpr (requires {
                         value.has_value();
                         *value;
                       }) {
    if (value)
      append(out, *value);
    else
      out += "null";
  } else if constexpr (detail::map_like<T>) {
    append_map(out, value);
  } else if constexpr (detail::list_like<T>) {
    append_list(out, value);
  } else if constexpr (detail::pair_like<T>) {
    out += '[';
    append(out, value.first);
    out += ',';
    append(out, value.second);
    out += ']';
  } else {
    append_string(out, std::string{to_string(value)});  // handles and the like
  }
}

template <class T>
std::string text(const T& value) {
  std::string out;
  append(out, value);
  return out;
}
}  // namespace troupe::json

// The text form of values, for logs and red rows of tests: probe{sequence: 7, target: "b"}.
// Described structs, listed enums, numbers, strings, durations, optionals, pairs, tuples, variants
// and sequences of those; anything else by its own to_string. Long strings and sequences are cut,
// and say how long they were.
#pragma once
#include "patterns/message.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <variant>

namespace troupe {
constexpr std::size_t text_bytes_max = 256;    // of one string
constexpr std::size_t text_elements_max = 64;  // of one sequence

void append_number(std::string& out, std::int64_t x);
void append_number(std::string& out, std::uint64_t x);
void append_number(std::string& out,
                   double x);  // the shortest form that reads back as the same value
void append_quoted(std::string& out, std::string_view x);
void append_duration(std::string& out, std::int64_t count, std::intmax_t num, std::intmax_t den);
void append_more(std::string& out, std::size_t size);

namespace text_detail {
template <class T>
concept own_text = requires(const T& x) {
  std::string{to_string(x)};
};
template <class T>
concept duration_like = requires(const T& x) {
  x.count();
  T::period::num;
};
template <class T>
concept optional_like = requires(const T& x) {
  x.has_value();
  *x;
};
template <class T>
constexpr bool variant_like = false;
template <class... Ts>
constexpr bool variant_like<std::variant<Ts...>> = true;
template <class T>
concept tuple_like = requires {
  std::tuple_size<T>::value;
}
&&!requires(const T& x) { x.begin(); };
template <class T>
concept map_like = requires {
  typename T::mapped_type;
};
template <class T>
concept sequence_like = requires(const T& x) {
  x.begin();
  x.end();
  x.size();
};
}  // namespace text_detail

template <class T>
void append_text(std::string& out, const T& x);

namespace text_detail {
template <class T>
void append_sequence(std::string& out, const T& xs) {
  const bool map = map_like<T>;
  out += map ? '{' : '[';
  std::size_t n = 0;
  for (const auto& x : xs) {
    if (n > 0) out += ", ";
    if (n++ == text_elements_max) {
      append_more(out, xs.size());
      break;
    }
    if constexpr (map_like<T>) {
      append_text(out, x.first);
      out += ": ";
      append_text(out, x.second);
    } else {
      append_text(out, static_cast<const typename T::value_type&>(x));
    }
  }
  out += map ? '}' : ']';
}

template <class T>
void append_tuple(std::string& out, const T& x) {
  out += '(';
  std::apply(
      [&](const auto&... elements) {
        std::size_t n = 0;
        ((out += n++ > 0 ? ", " : "", append_text(out, elements)), ...);
      },
      x);
  out += ')';
}

template <class T>
void append_described(std::string& out, const T& x) {
  out += name_of<T>();
  out += '{';
  bool first = true;
  for_each_field(x, [&](std::string_view name, const auto& member) {
    if (!first) out += ", ";
    first = false;
    out += name;
    out += ": ";
    append_text(out, member);
  });
  out += '}';
}
}  // namespace text_detail

template <class T>
void append_text(std::string& out, const T& x) {
  namespace d = text_detail;
  if constexpr (described<T>) {
    d::append_described(out, x);
  } else if constexpr (std::is_same_v<T, bool>) {
    out += x ? "true" : "false";
  } else if constexpr (std::is_floating_point_v<T>) {
    append_number(out, static_cast<double>(x));
  } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
    append_number(out, static_cast<std::int64_t>(x));
  } else if constexpr (std::is_integral_v<T>) {
    append_number(out, static_cast<std::uint64_t>(x));
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    append_quoted(out, x);
  } else if constexpr (d::own_text<T>) {
    out += to_string(x);
  } else if constexpr (std::is_enum_v<T>) {
    append_text(out, static_cast<std::underlying_type_t<T>>(x));
  } else if constexpr (d::duration_like<T>) {
    if constexpr (std::is_floating_point_v<typename T::rep>) {
      append_number(out, static_cast<double>(x.count()) * T::period::num / T::period::den);
      out += 's';
    } else {
      append_duration(out, static_cast<std::int64_t>(x.count()), T::period::num, T::period::den);
    }
  } else if constexpr (d::optional_like<T>) {
    if (x.has_value()) {
      append_text(out, *x);
    } else {
      out += "none";
    }
  } else if constexpr (d::variant_like<T>) {
    std::visit([&](const auto& held) { append_text(out, held); }, x);
  } else if constexpr (d::tuple_like<T>) {
    d::append_tuple(out, x);
  } else if constexpr (d::sequence_like<T>) {
    d::append_sequence(out, x);
  } else {
    out += "<?>";
  }
}

template <class T>
std::string text_of(const T& x) {
  std::string out;
  append_text(out, x);
  return out;
}
}  // namespace troupe

// How a job's typed keys and values become bytes on their way from map to reduce.
//   Keys    the order of the bytes (memcmp) is the order of the keys: integers big-endian with the
//   sign flipped,
//           floating point likewise, strings as they are; inside a pair or tuple a string that is
//           not last ends with 00 00 and writes 00 as 00 FF
//   Values  any order: numbers as in memory (nodes are little-endian), strings and vectors with
//   their length in front
//           unless they are last, structs of TROUPE_MESSAGE field by field
//   Types   bool, integers, enums, float, double, std::string, std::pair, std::tuple of those;
//   values also nothing,
//           std::vector, std::array and described structs
// Decoding never reads past its bytes: it returns false where they are too few.
#pragma once
#include "patterns/message.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>
namespace troupe::mapreduce {
// The value of a job that only needs its keys.
struct nothing {
  bool operator==(const nothing&) const = default;
};

// What `emit` takes for a key of type T: strings as views, so that no emit allocates.
template <class T>
struct view {
  using type = T;
};
template <>
struct view<std::string> {
  using type = std::string_view;
};
template <class... T>
struct view<std::tuple<T...>> {
  using type = std::tuple<typename view<T>::type...>;
};
template <class A, class B>
struct view<std::pair<A, B>> {
  using type = std::pair<typename view<A>::type, typename view<B>::type>;
};
template <class T>
using view_t = typename view<T>::type;

namespace encoding {
template <class T>
concept text = std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>;
template <class T>
concept scalar = std::is_arithmetic_v<T> || std::is_enum_v<T>;
template <class T>
struct is_product : std::false_type {};
template <class... T>
struct is_product<std::tuple<T...>> : std::true_type {};
template <class A, class B>
struct is_product<std::pair<A, B>> : std::true_type {};
template <class T>
concept product = is_product<T>::value;
template <class T>
struct is_list : std::false_type {};
template <class T>
struct is_list<std::vector<T>> : std::true_type {};
template <class T>
concept list = is_list<T>::value;
template <class T>
struct is_row : std::false_type {};
template <class T, std::size_t N>
struct is_row<std::array<T, N>> : std::true_type {};
template <class T>
concept row = is_row<T>::value;

template <std::size_t Bytes>
using bits = std::conditional_t<
    Bytes == 1, std::uint8_t,
    std::conditional_t<Bytes == 2, std::uint16_t,
                       std::conditional_t<Bytes == 4, std::uint32_t, std::uint64_t>>>;

// Bits whose unsigned order is the order of the numbers.
template <scalar T>
constexpr auto ordered(T x) {
  using u = bits<sizeof(T)>;
  constexpr u top = static_cast<u>(u{1} << (8 * sizeof(T) - 1));
  const u raw = std::bit_cast<u>(x);
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<u>((raw & top) != 0 ? ~raw : raw | top);
  } else if constexpr (std::is_enum_v<T>) {
    return ordered(static_cast<std::underlying_type_t<T>>(x));
  } else {
    return static_cast<u>(std::is_signed_v<T> ? raw ^ top : raw);
  }
}
template <scalar T>
constexpr T unordered(bits<sizeof(T)> raw) {
  using u = bits<sizeof(T)>;
  constexpr u top = static_cast<u>(u{1} << (8 * sizeof(T) - 1));
  if constexpr (std::is_same_v<T, bool>) {
    return raw != 0;
  } else if constexpr (std::is_floating_point_v<T>) {
    return std::bit_cast<T>(static_cast<u>((raw & top) != 0 ? raw ^ top : ~raw));
  } else if constexpr (std::is_enum_v<T>) {
    return static_cast<T>(unordered<std::underlying_type_t<T>>(raw));
  } else {
    return std::bit_cast<T>(static_cast<u>(std::is_signed_v<T> ? raw ^ top : raw));
  }
}

inline void put_length(std::string& to, std::uint64_t n) {
  for (; n >= 0x80; n >>= 7) to.push_back(static_cast<char>(n | 0x80));
  to.push_back(static_cast<char>(n));
}
inline bool get_length(std::string_view& from, std::uint64_t& n) {
  n = 0;
  for (unsigned shift = 0; shift < 64 && !from.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(from.front());
    from.remove_prefix(1);
    n |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

template <class T>
void put_key(std::string& to, const T& x, bool last = true) {
  if constexpr (text<T>) {
    if (last) {
      to.append(x);
      return;
    }
    for (const char c : x) {
      to.push_back(c);
      if (c == '\0') to.push_back('\xff');
    }
    to.append(2, '\0');
  } else if constexpr (product<T>) {
    constexpr auto size = std::tuple_size_v<T>;
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (put_key(to, std::get<I>(x), last && I + 1 == size), ...);
    }
    (std::make_index_sequence<size>());
  } else {
    static_assert(scalar<T>,
                  "a key is a number, an enum, a std::string, or a pair or tuple of those");
    const auto raw = ordered(x);
    for (std::size_t i = sizeof(T); i-- > 0;) to.push_back(static_cast<char>(raw >> (8 * i)));
  }
}

inline bool get_escaped(std::string_view& from, std::string& x) {
  x.clear();
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (from[i] == '\0') {
      if (++i == from.size()) return false;
      if (from[i] == '\0') {
        from.remove_prefix(i + 1);
        return true;
      }
      if (from[i] != '\xff') return false;
      x.push_back('\0');
    } else {
      x.push_back(from[i]);
    }
  }
  return false;
}

template <class T>
bool get_key(std::string_view& from, T& x, bool last = true) {
  if constexpr (text<T>) {
    if (!last) return get_escaped(from, x);
    x.assign(from);
    from = {};
    return true;
  } else if constexpr (product<T>) {
    constexpr auto size = std::tuple_size_v<T>;
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return (... && get_key(from, std::get<I>(x), last && I + 1 == size));
    }
    (std::make_index_sequence<size>());
  } else {
    static_assert(scalar<T>,
                  "a key is a number, an enum, a std::string, or a pair or tuple of those");
    if (from.size() < sizeof(T)) return false;
    bits<sizeof(T)> raw = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
      raw = static_cast<bits<sizeof(T)>>(static_cast<std::uint64_t>(raw) << 8 |
                                         static_cast<unsigned char>(from[i]));
    x = unordered<T>(raw);
    from.remove_prefix(sizeof(T));
    return true;
  }
}

template <class T>
void put_value(std::string& to, const T& x, bool last = true) {
  if constexpr (std::is_same_v<T, nothing>) {
  } else if constexpr (text<T>) {
    if (!last) put_length(to, x.size());
    to.append(x);
  } else if constexpr (scalar<T>) {
    to.append(reinterpret_cast<const char*>(&x), sizeof x);
  } else if constexpr (list<T>) {
    put_length(to, x.size());
    for (const auto& element : x) put_value(to, element, false);
  } else if constexpr (row<T>) {
    for (const auto& element : x) put_value(to, element, false);
  } else if constexpr (product<T>) {
    constexpr auto size = std::tuple_size_v<T>;
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (put_value(to, std::get<I>(x), last && I + 1 == size), ...);
    }
    (std::make_index_sequence<size>());
  } else {
    static_assert(described<T>, "list the fields of a value's struct with TROUPE_MESSAGE");
    for_each_field(x, [&](std::string_view, const auto& member) { put_value(to, member, false); });
  }
}

template <class T>
bool get_value(std::string_view& from, T& x, bool last = true) {
  if constexpr (std::is_same_v<T, nothing>) {
    return true;
  } else if constexpr (text<T>) {
    std::uint64_t n = from.size();
    if (!last && (!get_length(from, n) || n > from.size())) return false;
    x = T{from.substr(0, n)};
    from.remove_prefix(n);
    return true;
  } else if constexpr (scalar<T>) {
    if (from.size() < sizeof x) return false;
    if constexpr (std::is_same_v<T, bool>) {
      x = from.front() != '\0';
    } else {
      std::memcpy(&x, from.data(), sizeof x);
    }
    from.remove_prefix(sizeof x);
    return true;
  } else if constexpr (list<T>) {
    std::uint64_t n = 0;
    if (!get_length(from, n)) return false;
    x.clear();
    while (n-- > 0) {  // grows with what is there, not with what the count claims
      const auto left = from.size();
      x.emplace_back();
      if (!get_value(from, x.back(), false) || from.size() == left) return false;
    }
    return true;
  } else if constexpr (row<T>) {
    for (auto& element : x)
      if (!get_value(from, element, false)) return false;
    return true;
  } else if constexpr (product<T>) {
    constexpr auto size = std::tuple_size_v<T>;
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return (... && get_value(from, std::get<I>(x), last && I + 1 == size));
    }
    (std::make_index_sequence<size>());
  } else {
    static_assert(described<T>, "list the fields of a value's struct with TROUPE_MESSAGE");
    bool whole = true;
    for_each_field(x, [&](std::string_view, auto& member) {
      whole = whole && get_value(from, member, false);
    });
    return whole;
  }
}

// The text form of an output line: numbers in decimal, fields of pairs, tuples and structs with
// TABs between, the elements of a list with spaces.
template <class T>
void put_text(std::string& to, const T& x) {
  if constexpr (std::is_same_v<T, nothing>) {
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    to.append(std::string_view{x});
  } else if constexpr (std::is_same_v<T, bool>) {
    to.push_back(x ? '1' : '0');
  } else if constexpr (std::is_same_v<T, char>) {
    to.push_back(x);
  } else if constexpr (std::is_enum_v<T>) {
    put_text(to, +static_cast<std::underlying_type_t<T>>(x));
  } else if constexpr (std::is_arithmetic_v<T>) {
    char digits[64];
    to.append(digits, std::to_chars(digits, digits + sizeof digits, x).ptr);
  } else if constexpr (list<T> || row<T>) {
    bool first = true;
    for (const auto& element : x) {
      if (!first) to.push_back(' ');
      first = false;
      put_text(to, element);
    }
  } else {
    bool first = true;
    const auto put = [&](const auto& member) {
      if (!first) to.push_back('\t');
      first = false;
      put_text(to, member);
    };
    if constexpr (product<T>) {
      std::apply([&](const auto&... members) { (put(members), ...); }, x);
    } else {
      static_assert(described<T>, "list the fields of the struct with TROUPE_MESSAGE");
      for_each_field(x, [&](std::string_view, const auto& member) { put(member); });
    }
  }
}
}  // namespace encoding
}  // namespace troupe::mapreduce

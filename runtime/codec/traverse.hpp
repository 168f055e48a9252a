// The walk over a described value that all codecs share: save(out, x) and load(in, x). What the bytes look like is the
// codec's affair (wire.hpp, msgpack.hpp): this file only knows which kinds of values there are.
//   Kinds    described structs, bool, integers, enums, float, double, strings, byte vectors, optional, pair, tuple, array,
//            variant, chrono durations, sequences, sets, maps; anything else goes to the codec's own put_other/get_other
//   Promises load never reserves more than it has seen bytes for, and stops at the first failure; what a sequence or
//            struct held before is replaced, fields that are absent keep their value
#pragma once
#include "patterns/message.hpp"
#include "runtime/codec/failure.hpp"

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace troupe::codec {
namespace kind {
template <class T>
concept duration = requires(const T& x) {
  typename T::rep;
  T::period::num;
  x.count();
};
template <class T>
constexpr bool is_optional = false;
template <class T>
constexpr bool is_optional<std::optional<T>> = true;
template <class T>
constexpr bool is_variant = false;
template <class... Ts>
constexpr bool is_variant<std::variant<Ts...>> = true;
// pair, tuple, array
template <class T>
concept product = requires {
  std::tuple_size<T>::value;
};
template <class T>
concept sequence = requires(T& x) {
  typename T::value_type;
  x.begin();
  x.end();
  x.size();
  x.clear();
};
template <class T>
concept map = sequence<T> && requires {
  typename T::mapped_type;
};
template <class T>
concept byte = std::same_as<T, char> || std::same_as<T, std::uint8_t> ||
    std::same_as<T, std::int8_t> || std::same_as<T, std::byte>;
template <class T>
constexpr bool is_blob = false;
template <byte T>
constexpr bool is_blob<std::vector<T>> = true;
template <class T>
constexpr bool is_reals = false;
template <>
constexpr inline bool is_reals<std::vector<double>> = true;
template <>
constexpr inline bool is_reals<std::vector<float>> = true;
}  // namespace kind

// No value's wire form is longer than what this says; `unbounded` when that would take a walk to find out.
constexpr std::size_t unbounded = std::size_t{1} << 40;
template <class T>
std::size_t bound(const T& x) {
  if constexpr (described<T>) {
    return std::apply([&](const auto&... f) { return (std::size_t{5} + ... + bound(x.*f.member)); },
                      fields_of<T>());
  } else if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T> || kind::duration<T>) {
    return sizeof(T) == 1 ? 2 : 10;
  } else if constexpr (std::same_as<T, std::string> || kind::is_blob<T>) {
    return 10 + x.size();
  } else if constexpr (kind::is_reals<T>) {
    return 10 + 8 * x.size();
  } else if constexpr (kind::is_optional<T>) {
    return x ? 1 + bound(*x) : 1;
  } else if constexpr (kind::sequence<T>) {
    if (x.size() == 0) return 1;
    if constexpr (std::is_arithmetic_v<typename T::value_type>) return 10 + 10 * x.size();
    return unbounded;
  } else {
    return unbounded;
  }
}

template <class Out, class T>
void save(Out& out, const T& x);
template <class In, class T>
bool load(In& in, T& x);

template <class Out, described T>
void save_struct(Out& out, const T& x) {
  constexpr auto fields = fields_of<T>();
  const auto frame = out.begin_struct(x, std::tuple_size_v<decltype(fields)>);
  std::uint64_t tag = 0;
  std::apply([&](const auto&... f) { (..., (out.put_tag(++tag), save(out, x.*f.member))); },
             fields);
  out.end_struct(frame);
}

template <class In, described T>
bool load_struct(In& in, T& x) {
  constexpr auto fields = fields_of<T>();
  typename In::frame frame;
  if (!in.begin_struct(frame)) return false;
  if constexpr (In::positional) {
    std::apply(
        [&](const auto&... f) { (void)(... && (!in.at_end(frame) && load(in, x.*f.member))); },
        fields);
  } else {
    std::uint64_t tag = 0;
    while (in.next_tag(frame, tag)) {
      std::uint64_t place = 0;
      bool known = false;
      const auto one = [&](auto& member) {
        known = true;
        if constexpr (!kind::is_optional<std::remove_reference_t<decltype(member)>>) {
          if (in.take_nil()) return;
        }
        load(in, member);
      };
      std::apply(
          [&](const auto&... f) { (void)(... || (++place == tag && (one(x.*f.member), true))); },
          fields);
      if (!known) in.skip();
    }
  }
  return in.end_struct(frame);
}

template <class Out, class T>
void save_sequence(Out& out, const T& xs) {
  if constexpr (kind::map<T>) {
    out.begin_map(xs.size());
    for (const auto& [key, value] : xs) {
      save(out, key);
      save(out, value);
    }
  } else {
    out.begin_array(xs.size());
    for (const auto& x : xs) save(out, static_cast<const typename T::value_type&>(x));
  }
  out.end_array();
}

template <class In, class T>
bool load_sequence(In& in, T& xs) {
  std::size_t size = 0;
  xs.clear();
  if constexpr (kind::map<T>) {
    if (!in.begin_map(size)) return false;
    for (; size > 0; --size) {
      typename T::key_type key{};
      typename T::mapped_type value{};
      if (!in.charge(sizeof key + sizeof value + 48) || !load(in, key) || !load(in, value))
        return false;
      xs.insert_or_assign(std::move(key), std::move(value));
    }
  } else {
    using value_type = typename T::value_type;
    if (!in.begin_array(size)) return false;
    if constexpr (requires { xs.reserve(size); })
      xs.reserve(std::min(size, 4096 / sizeof(value_type) + 1));
    for (; size > 0; --size) {
      value_type x{};
      if (!in.charge(sizeof x + (requires { typename T::key_type; } ? 48 : 0)) || !load(in, x))
        return false;
      if constexpr (requires { xs.push_back(std::move(x)); }) {
        xs.push_back(std::move(x));
      } else {
        xs.insert(std::move(x));
      }
    }
  }
  return in.end_array();
}

template <class In, std::size_t I = 0, class T>
bool load_variant(In& in, std::uint64_t index, T& x) {
  if constexpr (I < std::variant_size_v<T>) {
    if (index == I) return load(in, x.template emplace<I>());
    return load_variant<In, I + 1>(in, index, x);
  } else {
    return in.fail(failure::bad_value);
  }
}

template <class In, class T>
bool load_integer(In& in, T& x) {
  if constexpr (std::is_signed_v<T>) {
    std::int64_t wide = 0;
    if (!in.get_integer(wide)) return false;
    if (wide < std::numeric_limits<T>::min() || wide > std::numeric_limits<T>::max())
      return in.fail(failure::bad_value);
    x = static_cast<T>(wide);
  } else {
    std::uint64_t wide = 0;
    if (!in.get_natural(wide)) return false;
    if (wide > std::numeric_limits<T>::max()) return in.fail(failure::bad_value);
    x = static_cast<T>(wide);
  }
  return true;
}

template <class Out, class T>
void save(Out& out, const T& x) {
  if constexpr (described<T>) {
    save_struct(out, x);
  } else if constexpr (std::same_as<T, bool>) {
    out.put_bool(x);
  } else if constexpr (std::is_enum_v<T>) {
    save(out, static_cast<std::underlying_type_t<T>>(x));
  } else if constexpr (std::integral<T>) {
    if constexpr (std::is_signed_v<T>) {
      out.put_integer(x);
    } else {
      out.put_natural(x);
    }
  } else if constexpr (std::same_as<T, float> || std::same_as<T, double>) {
    out.put_real(x);
  } else if constexpr (std::same_as<T, std::string>) {
    out.put_text(x.data(), x.size());
  } else if constexpr (kind::is_blob<T>) {
    out.put_blob(reinterpret_cast<const char*>(x.data()), x.size());
  } else if constexpr (kind::duration<T>) {
    save(out, x.count());
  } else if constexpr (kind::is_optional<T>) {
    static_assert(!kind::is_optional<typename T::value_type>,
                  "an optional of an optional has no form in msgpack");
    out.put_present(x.has_value());
    if (x) save(out, *x);
  } else if constexpr (kind::is_variant<T>) {
    out.begin_product(2);
    out.put_natural(x.index());
    std::visit([&](const auto& held) { save(out, held); }, x);
    out.end_product();
  } else if constexpr (std::same_as<T, std::monostate>) {
    out.begin_product(0);
    out.end_product();
  } else if constexpr (kind::product<T>) {
    out.begin_product(std::tuple_size_v<T>);
    std::apply([&](const auto&... element) { (..., save(out, element)); }, x);
    out.end_product();
  } else if constexpr (kind::is_reals<T> && requires { out.put_reals(x); }) {
    out.put_reals(x);
  } else if constexpr (kind::sequence<T>) {
    save_sequence(out, x);
  } else {
    out.put_other(x);
  }
}

template <class In, class T>
bool load(In& in, T& x) {
  if constexpr (described<T>) {
    return load_struct(in, x);
  } else if constexpr (std::same_as<T, bool>) {
    return in.get_bool(x);
  } else if constexpr (std::is_enum_v<T>) {
    std::underlying_type_t<T> raw{};
    if (!load(in, raw)) return false;
    x = static_cast<T>(raw);
    return valid_enum(x) || in.fail(failure::bad_value);
  } else if constexpr (std::integral<T>) {
    return load_integer(in, x);
  } else if constexpr (std::same_as<T, float> || std::same_as<T, double>) {
    return in.get_real(x);
  } else if constexpr (std::same_as<T, std::string>) {
    return in.get_bytes(x);
  } else if constexpr (kind::is_blob<T>) {
    return in.get_bytes(x);
  } else if constexpr (kind::duration<T>) {
    typename T::rep count{};
    if (!load(in, count)) return false;
    x = T{count};
    return true;
  } else if constexpr (kind::is_optional<T>) {
    bool present = false;
    x.reset();
    return in.get_present(present) && (!present || load(in, x.emplace()));
  } else if constexpr (kind::is_variant<T>) {
    std::uint64_t index = 0;
    return in.begin_product(2) && in.get_natural(index) && load_variant(in, index, x) &&
           in.end_product();
  } else if constexpr (std::same_as<T, std::monostate>) {
    return in.begin_product(0) && in.end_product();
  } else if constexpr (kind::product<T>) {
    return in.begin_product(std::tuple_size_v<T>) &&
           std::apply([&](auto&... element) { return (... && load(in, element)); }, x) &&
           in.end_product();
  } else if constexpr (kind::is_reals<T> && requires { in.get_reals(x); }) {
    return in.get_reals(x);
  } else if constexpr (kind::sequence<T>) {
    return load_sequence(in, x);
  } else {
    return in.get_other(x);
  }
}
}  // namespace troupe::codec

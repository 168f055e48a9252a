// Described structs as bytes, for records, commands and snapshots: what a log or a disk holds.
//   struct vote { std::uint64_t term = 0; std::string for_whom; };
//   TROUPE_MESSAGE(vote, term, for_whom)
//   const std::string bytes = encode(vote{7, "b"});
//   if (auto v = decode<vote>(bytes)) use(*v); else explain(v.error());
// Form (as between nodes, runtime/codec/wire.hpp): integers as varints, signed ones zigzag, bool one
//   byte, floats as their bits, durations as their count; strings, byte vectors, sequences, sets and
//   maps behind their count; an optional behind 0 or 1, a variant behind its index; pairs, tuples
//   and arrays element by element; a described struct behind its length.
//   Promises  equal values give equal bytes; any bytes are either read or refused, within `limits`:
//             a count makes nothing grow before its elements are there. A reader that knows fewer
//             fields of a struct skips the rest, one that knows more keeps their defaults
//   Refuses   enumerators that are not on their TROUPE_ENUM list, numbers out of range or written
//             longer than needed, bools other than 0 and 1, keys of a set or map out of order
//   Beware    add fields at a struct's end and alternatives at a variant's; an older reader refuses
//             a new alternative or enumerator as bad_value
//   Costs     one pass each way; a struct of 128 bytes and more is moved once to fit its length in
#pragma once
#include "patterns/message.hpp"
#include "patterns/result.hpp"

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>
namespace troupe {
enum class encoding_failure : std::uint8_t {
  truncated,  // the bytes end before the value does, or a count is larger than what could follow
  trailing,   // bytes are left after the value
  too_deep,   // more structs inside each other than limits.depth
  too_large,  // the value would hold more memory than limits.memory
  bad_value,
};
TROUPE_ENUM(encoding_failure, truncated, trailing, too_deep, too_large, bad_value)

struct encoding_limits {
  std::uint32_t depth = 32;
  std::uint64_t memory = std::uint64_t{1} << 30;  // of everything one decoder makes, estimated
};

namespace encoding_detail {
static_assert(std::endian::native == std::endian::little, "floats are copied as they are");
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
template <class T>
concept product = requires {
  std::tuple_size<T>::value;
};
template <class T>
concept byte = std::same_as<T, char> || std::same_as<T, std::uint8_t> || std::same_as<T, std::byte>;
template <class T>
constexpr bool is_bytes = std::same_as<T, std::string>;
template <byte T>
constexpr bool is_bytes<std::vector<T>> = true;
template <class T>
concept sequence = requires(T& x) {
  typename T::value_type;
  x.begin();
  x.clear();
  x.size();
};
template <class T>
concept map = sequence<T> && requires {
  typename T::mapped_type;
};
template <class T>
concept set = sequence<T> && !map<T> && requires {
  typename T::key_type;
};
template <class T>
constexpr bool unsupported = false;
}  // namespace encoding_detail

inline void encode_natural(std::string& out, std::uint64_t x) {
  for (; x >= 0x80; x >>= 7) out.push_back(static_cast<char>(x | 0x80));
  out.push_back(static_cast<char>(x));
}

// Appends the value.
template <class T>
void encode_to(std::string& out, const T& x);

namespace encoding_detail {
template <class T>
void encode_struct(std::string& out, const T& x) {
  const auto at = out.size();
  out.push_back(0);
  for_each_field(x, [&](std::string_view, const auto& member) { encode_to(out, member); });
  const auto length = out.size() - at - 1;
  if (length < 0x80) {
    out[at] = static_cast<char>(length);
    return;
  }
  std::string prefix;
  encode_natural(prefix, length);
  out.replace(at, 1, prefix);
}

template <class T>
void encode_integer(std::string& out, T x) {
  if constexpr (std::is_signed_v<T>) {
    const auto wide = static_cast<std::int64_t>(x);
    encode_natural(
        out, (static_cast<std::uint64_t>(wide) << 1) ^ static_cast<std::uint64_t>(wide >> 63));
  } else {
    encode_natural(out, static_cast<std::uint64_t>(x));
  }
}
}  // namespace encoding_detail

template <class T>
void encode_to(std::string& out, const T& x) {
  namespace d = encoding_detail;
  if constexpr (described<T>) {
    d::encode_struct(out, x);
  } else if constexpr (std::same_as<T, bool>) {
    out.push_back(x ? 1 : 0);
  } else if constexpr (std::is_enum_v<T>) {
    d::encode_integer(out, static_cast<std::underlying_type_t<T>>(x));
  } else if constexpr (std::integral<T>) {
    d::encode_integer(out, x);
  } else if constexpr (std::floating_point<T>) {
    static_assert(sizeof(T) <= 8, "long double has no form");
    out.append(reinterpret_cast<const char*>(&x), sizeof x);
  } else if constexpr (d::duration<T>) {
    encode_to(out, x.count());
  } else if constexpr (d::is_bytes<T>) {
    encode_natural(out, x.size());
    if (!x.empty()) out.append(reinterpret_cast<const char*>(x.data()), x.size());
  } else if constexpr (d::is_optional<T>) {
    out.push_back(x ? 1 : 0);
    if (x) encode_to(out, *x);
  } else if constexpr (std::same_as<T, std::monostate>) {
  } else if constexpr (d::is_variant<T>) {
    encode_natural(out, x.index());
    std::visit([&](const auto& held) { encode_to(out, held); }, x);
  } else if constexpr (d::product<T>) {
    std::apply([&](const auto&... element) { (..., encode_to(out, element)); }, x);
  } else if constexpr (d::sequence<T>) {
    encode_natural(out, x.size());
    for (const auto& element : x)
      encode_to(out, static_cast<const typename T::value_type&>(element));
  } else {
    static_assert(d::unsupported<T>, "list the fields of the struct with TROUPE_MESSAGE");
  }
}

template <class T>
std::string encode(const T& x) {
  std::string out;
  encode_to(out, x);
  return out;
}

// Reads values one after another. Once it has failed, it stays failed and reads nothing more.
class decoder {
 public:
  explicit decoder(std::string_view bytes, encoding_limits bounds = {})
      : rest_{bytes}, limits_{bounds} {}

  bool failed() const { return failure_.has_value(); }
  encoding_failure failure() const { return *failure_; }  // of a failed one
  std::string_view rest() const { return rest_; }
  bool fail(encoding_failure why) {
    if (!failure_) failure_ = why;
    return false;
  }

  // What x held before is replaced; after a failure it holds anything.
  template <class T>
  bool get(T& x);
  bool get_natural(std::uint64_t& x);
  // How many elements follow, each of at least one byte.
  bool get_count(std::size_t& n) {
    std::uint64_t raw = 0;
    if (!get_natural(raw)) return false;
    if (raw > rest_.size()) return fail(encoding_failure::truncated);
    n = static_cast<std::size_t>(raw);
    return true;
  }
  // Everything has been read.
  bool finish() { return !failed() && (rest_.empty() || fail(encoding_failure::trailing)); }

 private:
  bool charge(std::size_t bytes) {
    charged_ += bytes;
    return charged_ <= limits_.memory || fail(encoding_failure::too_large);
  }
  bool take(void* to, std::size_t size) {
    if (size > rest_.size()) return fail(encoding_failure::truncated);
    if (size > 0) std::memcpy(to, rest_.data(), size);
    rest_.remove_prefix(size);
    return true;
  }
  template <class T>
  bool get_integer(T& x);
  template <class T>
  bool get_bytes(T& x);
  template <class T>
  bool get_struct(T& x);
  template <class T>
  bool get_sequence(T& x);
  template <std::size_t I = 0, class T>
  bool get_variant(std::uint64_t index, T& x);

  std::string_view rest_;
  encoding_limits limits_;
  std::uint32_t depth_ = 0;
  std::uint64_t charged_ = 0;
  std::optional<encoding_failure> failure_{};
};

template <class T>
result<T, encoding_failure> decode(std::string_view bytes, encoding_limits bounds = {}) {
  decoder in{bytes, bounds};
  T x{};
  if (!in.get(x) || !in.finish()) return unexpected{in.failure()};
  return x;
}

inline bool decoder::get_natural(std::uint64_t& x) {
  if (failed()) return false;
  x = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) return fail(encoding_failure::truncated);
    const auto next = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    if (shift == 63 && next > 1) break;
    x |= static_cast<std::uint64_t>(next & 0x7f) << shift;
    if (next >= 0x80) continue;
    return next != 0 || shift == 0 || fail(encoding_failure::bad_value);
  }
  return fail(encoding_failure::bad_value);
}

template <class T>
bool decoder::get_integer(T& x) {
  std::uint64_t raw = 0;
  if (!get_natural(raw)) return false;
  if constexpr (std::is_signed_v<T>) {
    const auto wide = static_cast<std::int64_t>((raw >> 1) ^ (~(raw & 1) + 1));
    x = static_cast<T>(wide);
    return static_cast<std::int64_t>(x) == wide || fail(encoding_failure::bad_value);
  } else {
    x = static_cast<T>(raw);
    return static_cast<std::uint64_t>(x) == raw || fail(encoding_failure::bad_value);
  }
}

template <class T>
bool decoder::get_bytes(T& x) {
  std::size_t n = 0;
  if (!get_count(n) || !charge(n)) return false;
  const auto* first = reinterpret_cast<const typename T::value_type*>(rest_.data());
  x.assign(first, first + n);
  rest_.remove_prefix(n);
  return true;
}

template <class T>
bool decoder::get_struct(T& x) {
  std::size_t n = 0;
  if (!get_count(n)) return false;
  if (depth_ == limits_.depth) return fail(encoding_failure::too_deep);
  ++depth_;
  const auto after = rest_.substr(n);
  rest_ = rest_.substr(0, n);
  for_each_field(x, [&](std::string_view, auto& member) {
    if (!failed() && !rest_.empty()) get(member);
  });
  rest_ = after;  // beyond fields that this version does not know
  --depth_;
  return !failed();
}

template <class T>
bool decoder::get_sequence(T& xs) {
  namespace d = encoding_detail;
  std::size_t n = 0;
  if (!get_count(n)) return false;
  xs.clear();
  for (; n > 0; --n) {
    if constexpr (d::map<T>) {
      std::pair<typename T::key_type, typename T::mapped_type> next{};
      if (!charge(sizeof next) || !get(next.first) || !get(next.second)) return false;
      if (!xs.empty() && !xs.key_comp()(std::prev(xs.end())->first, next.first))
        return fail(encoding_failure::bad_value);
      xs.emplace_hint(xs.end(), std::move(next));
    } else if constexpr (d::set<T>) {
      typename T::value_type next{};
      if (!charge(sizeof next) || !get(next)) return false;
      if (!xs.empty() && !xs.key_comp()(*std::prev(xs.end()), next))
        return fail(encoding_failure::bad_value);
      xs.emplace_hint(xs.end(), std::move(next));
    } else {
      typename T::value_type next{};
      if (!charge(sizeof next) || !get(next)) return false;
      xs.push_back(std::move(next));
    }
  }
  return true;
}

template <std::size_t I, class T>
bool decoder::get_variant(std::uint64_t index, T& x) {
  if constexpr (I == std::variant_size_v<T>) {
    return fail(encoding_failure::bad_value);
  } else {
    return index == I ? get(x.template emplace<I>()) : get_variant<I + 1>(index, x);
  }
}

template <class T>
bool decoder::get(T& x) {
  namespace d = encoding_detail;
  if (failed()) return false;
  if constexpr (described<T>) {
    return get_struct(x);
  } else if constexpr (std::same_as<T, bool>) {
    std::uint8_t raw = 0;
    if (!take(&raw, 1)) return false;
    x = raw == 1;
    return raw <= 1 || fail(encoding_failure::bad_value);
  } else if constexpr (std::is_enum_v<T>) {
    std::underlying_type_t<T> raw{};
    if (!get_integer(raw)) return false;
    x = static_cast<T>(raw);
    return valid_enum(x) || fail(encoding_failure::bad_value);
  } else if constexpr (std::integral<T>) {
    return get_integer(x);
  } else if constexpr (std::floating_point<T>) {
    return take(&x, sizeof x);
  } else if constexpr (d::duration<T>) {
    typename T::rep count{};
    if (!get(count)) return false;
    x = T{count};
    return true;
  } else if constexpr (d::is_bytes<T>) {
    return get_bytes(x);
  } else if constexpr (d::is_optional<T>) {
    bool present = false;
    x.reset();
    return get(present) && (!present || get(x.emplace()));
  } else if constexpr (std::same_as<T, std::monostate>) {
    return true;
  } else if constexpr (d::is_variant<T>) {
    std::uint64_t index = 0;
    return get_natural(index) && get_variant(index, x);
  } else if constexpr (d::product<T>) {
    return std::apply([&](auto&... element) { return (... && get(element)); }, x);
  } else if constexpr (d::sequence<T>) {
    return get_sequence(x);
  } else {
    static_assert(d::unsupported<T>, "list the fields of the struct with TROUPE_MESSAGE");
    return false;
  }
}
}  // namespace troupe

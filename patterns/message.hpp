// Messages are plain structs whose fields are listed once, beside the struct:
//   struct probe { std::uint64_t sequence = 0; std::string target; };
//   TROUPE_MESSAGE(probe, sequence, target)
// From that list come equality and to_string (here), CAF's inspection, the wire and the msgpack
// form (runtime/codec).
//   enum class role : std::uint8_t { follower, leader };
//   TROUPE_ENUM(role, follower, leader)
// An enum so listed has to_string and enum_from, and what is read from outside is refused unless it
// is on the list.
//   Tags     a field's tag is its place in the list, from 1: add new fields at the end, never
//   remove one from the middle Defaults a reader that knows fewer fields skips the rest; one that
//   knows more keeps the defaults of the struct
#pragma once
#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
namespace troupe {
template <class Object, class Member>
struct field {
  std::string_view name;
  Member Object::*member;
};
template <class Object, class Member>
field(std::string_view, Member Object::*) -> field<Object, Member>;

// A type whose fields are listed with TROUPE_MESSAGE.
template <class T>
concept described = requires(const T* x) {
  {troupe_message_name(x)};
  {troupe_message_fields(x)};
};

template <described T>
constexpr auto fields_of() {
  return troupe_message_fields(static_cast<const T*>(nullptr));
}
template <described T>
constexpr std::string_view name_of() {
  return troupe_message_name(static_cast<const T*>(nullptr));
}

// Calls f(name, member) for each field, in order of the tags.
template <class T, class F>
requires described<std::remove_const_t<T>>
constexpr void for_each_field(T& object, F&& f) {
  std::apply([&](const auto&... fields) { (f(fields.name, object.*fields.member), ...); },
             fields_of<std::remove_const_t<T>>());
}

template <described T>
constexpr bool equal_fields(const T& a, const T& b) {
  return std::apply(
      [&](const auto&... fields) { return (... && (a.*fields.member == b.*fields.member)); },
      fields_of<T>());
}

// An enum whose values are listed with TROUPE_ENUM.
template <class T>
concept listed_enum = std::is_enum_v<T> && requires(const T* x) {
  troupe_enum_values(x);
};

template <class T>
struct enumerator {
  std::string_view name;
  T value;
};

template <listed_enum T>
constexpr auto enumerators_of() {
  return troupe_enum_values(static_cast<const T*>(nullptr));
}
// The name of a value, empty when it is not on the list.
template <listed_enum T>
constexpr std::string_view name_of(T x) {
  for (const auto& e : enumerators_of<T>()) {
    if (e.value == x) return e.name;
  }
  return {};
}
// Whether x is on the list; true for every value of an enum without one.
template <class T>
constexpr bool valid_enum(T x) {
  if constexpr (listed_enum<T>) {
    for (const auto& e : enumerators_of<T>()) {
      if (e.value == x) return true;
    }
    return false;
  } else {
    return true;
  }
}
template <listed_enum T>
constexpr std::optional<T> enum_from(std::string_view name) {
  for (const auto& e : enumerators_of<T>()) {
    if (e.name == name) return e.value;
  }
  return std::nullopt;
}
template <listed_enum T>
std::string text_of_enum(T x) {
  if (const auto name = name_of(x); !name.empty()) return std::string{name};
  return "(" + std::to_string(static_cast<long long>(x)) + ")";
}
}  // namespace troupe

#define TROUPE_PARENS ()
#define TROUPE_EXPAND(...) TROUPE_EXPAND3(TROUPE_EXPAND3(TROUPE_EXPAND3(__VA_ARGS__)))
#define TROUPE_EXPAND3(...) TROUPE_EXPAND2(TROUPE_EXPAND2(TROUPE_EXPAND2(__VA_ARGS__)))
#define TROUPE_EXPAND2(...) TROUPE_EXPAND1(TROUPE_EXPAND1(TROUPE_EXPAND1(__VA_ARGS__)))
#define TROUPE_EXPAND1(...) __VA_ARGS__
#define TROUPE_FIELD_LIST(Type, first, ...) \
  ::troupe::field{#first,                   \
                  &Type::first} __VA_OPT__(, TROUPE_FIELD_AGAIN TROUPE_PARENS(Type, __VA_ARGS__))
#define TROUPE_FIELD_AGAIN() TROUPE_FIELD_LIST

#define TROUPE_ENUM_LIST(Type, first, ...) \
  ::troupe::enumerator<Type>{              \
      #first, Type::first} __VA_OPT__(, TROUPE_ENUM_AGAIN TROUPE_PARENS(Type, __VA_ARGS__))
#define TROUPE_ENUM_AGAIN() TROUPE_ENUM_LIST

// At namespace scope, after the struct and in its namespace; up to 39 fields.
#define TROUPE_MESSAGE(Type, ...)                                                                  \
  [[maybe_unused]] constexpr ::std::string_view troupe_message_name(const Type*) { return #Type; } \
  [[maybe_unused]] constexpr auto troupe_message_fields(const Type*) {                             \
    return ::std::make_tuple(__VA_OPT__(TROUPE_EXPAND(TROUPE_FIELD_LIST(Type, __VA_ARGS__))));     \
  }                                                                                                \
  template <::std::same_as<Type> Same>                                                             \
  constexpr bool operator==(const Same& a, const Same& b) {                                        \
    return ::troupe::equal_fields(a, b);                                                           \
  }                                                                                                \
  template <::std::same_as<Type> Same>                                                             \
  ::std::string to_string(const Same& x) {                                                         \
    return ::troupe::text_of(x);                                                                   \
  }

// At namespace scope, after the enum and in its namespace; up to 39 values, all that may ever be
// read from outside.
#define TROUPE_ENUM(Type, ...)                                               \
  [[maybe_unused]] constexpr auto troupe_enum_values(const Type*) {          \
    return ::std::array{TROUPE_EXPAND(TROUPE_ENUM_LIST(Type, __VA_ARGS__))}; \
  }                                                                          \
  template <::std::same_as<Type> Same>                                       \
  ::std::string to_string(Same x) {                                          \
    return ::troupe::text_of_enum(x);                                        \
  }

#include "patterns/text.hpp"

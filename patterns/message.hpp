// Messages are plain structs whose fields are listed once, beside the struct:
//   struct probe { std::uint64_t sequence = 0; std::string target; };
//   TROUPE_MESSAGE(probe, sequence, target)
// From that list come equality and the text form (here), CAF's inspection and the msgpack form (runtime/codec).
//   Tags     a field's tag is its place in the list, from 1: add new fields at the end, never remove one from the middle
//   Defaults a reader that knows fewer fields skips the rest; one that knows more keeps the defaults of the struct
#pragma once
#include <cstddef>
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
  { troupe_message_name(x) };
  { troupe_message_fields(x) };
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
  return std::apply([&](const auto&... fields) { return (... && (a.*fields.member == b.*fields.member)); },
                    fields_of<T>());
}
}  // namespace troupe

#define TROUPE_PARENS ()
#define TROUPE_EXPAND(...) TROUPE_EXPAND3(TROUPE_EXPAND3(TROUPE_EXPAND3(__VA_ARGS__)))
#define TROUPE_EXPAND3(...) TROUPE_EXPAND2(TROUPE_EXPAND2(TROUPE_EXPAND2(__VA_ARGS__)))
#define TROUPE_EXPAND2(...) TROUPE_EXPAND1(TROUPE_EXPAND1(TROUPE_EXPAND1(__VA_ARGS__)))
#define TROUPE_EXPAND1(...) __VA_ARGS__
#define TROUPE_FIELD_LIST(Type, first, ...) \
  ::troupe::field{#first, &Type::first} __VA_OPT__(, TROUPE_FIELD_AGAIN TROUPE_PARENS(Type, __VA_ARGS__))
#define TROUPE_FIELD_AGAIN() TROUPE_FIELD_LIST

// At namespace scope, after the struct and in its namespace.
#define TROUPE_MESSAGE(Type, ...)                                                                       \
  constexpr ::std::string_view troupe_message_name(const Type*) { return #Type; }                       \
  constexpr auto troupe_message_fields(const Type*) {                                                   \
    return ::std::make_tuple(__VA_OPT__(TROUPE_EXPAND(TROUPE_FIELD_LIST(Type, __VA_ARGS__))));          \
  }                                                                                                     \
  constexpr bool operator==(const Type& a, const Type& b) { return ::troupe::equal_fields(a, b); }

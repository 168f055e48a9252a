// What an operation carries: nothing, a truth value, a number, a text, or a list of those. It is the
// part of JSON that histories use (runtime/checking_history.hpp reads and writes it).
//   value{}  value{7}  value{"x"}  value{list{1, 2}}
// Values are ordered, so that a history is taken apart by its keys in the same order everywhere:
// nothing, false, true, numbers (7 equals 7.0), texts, lists. A real is never NaN: what reads
// histories refuses it.
#pragma once
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>
#include <vector>
namespace troupe::checking {
class value;
using list = std::vector<value>;

class value {
 public:
  value() = default;
  template <class T>
  requires std::same_as<T, bool> value(T x) : held_{x} {}
  template <std::integral T>
  requires(!std::same_as<T, bool>) value(T x) : held_{static_cast<std::int64_t>(x)} {}
  value(double x) : held_{x} {}
  value(std::string x) : held_{std::move(x)} {}
  value(std::string_view x) : held_{std::string{x}} {}
  value(const char* x) : held_{std::string{x}} {}
  value(list x);

  bool empty() const { return held_.index() == 0; }
  const bool* truth() const { return std::get_if<bool>(&held_); }
  const std::int64_t* integer() const { return std::get_if<std::int64_t>(&held_); }
  const double* real() const { return std::get_if<double>(&held_); }
  const std::string* text() const { return std::get_if<std::string>(&held_); }
  const list* elements() const { return std::get_if<list>(&held_); }
  // The element of a list, or null.
  const value* at(std::size_t place) const;

  friend bool operator==(const value& a, const value& b);
  friend std::weak_ordering operator<=>(const value& a, const value& b);

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, list> held_{};
};

std::size_t hash_of(const value& x);
// Folds one hash into another; the order matters.
std::size_t mixed(std::size_t seed, std::size_t more);
std::string to_string(const value& x);  // null, true, 7, 0.5, "x", [1, 2]
}  // namespace troupe::checking

// A value, or the reason why there is none: std::expected's part that this library uses, under the
// same names, until C++23 brings the real one.
//   result<int, refusal> take() { if (empty()) return unexpected{refusal::empty}; return 7; }
//   if (auto r = take()) use(*r); else explain(r.error());
#pragma once
#include <cassert>
#include <type_traits>
#include <utility>
#include <variant>
namespace troupe {
template <class E>
class unexpected {
 public:
  constexpr explicit unexpected(E error) : error_(std::move(error)) {}
  constexpr const E& error() const& { return error_; }
  constexpr E& error() & { return error_; }
  constexpr E&& error() && { return std::move(error_); }
  bool operator==(const unexpected&) const = default;

 private:
  E error_;
};

template <class T, class E>
class [[nodiscard]] result {
  using stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

 public:
  using value_type = T;
  using error_type = E;
  using unexpected_type = unexpected<E>;

  constexpr result() requires std::is_default_constructible_v<stored>
      : held_(std::in_place_index<0>) {}
  template <class U = stored>
  requires(!std::is_void_v<T> && std::is_convertible_v<U&&, stored> &&
           !std::is_same_v<std::remove_cvref_t<U>, result>) constexpr result(U&& value)
      : held_(std::in_place_index<0>, std::forward<U>(value)) {}
  template <class G>
  requires std::is_convertible_v<const G&, E>
  constexpr result(const unexpected<G>& u) : held_(std::in_place_index<1>, E(u.error())) {}
  template <class G>
  requires std::is_convertible_v<G, E>
  constexpr result(unexpected<G>&& u) : held_(std::in_place_index<1>, E(std::move(u).error())) {}

  constexpr bool has_value() const { return held_.index() == 0; }
  constexpr explicit operator bool() const { return has_value(); }

  // Asking for what is not there is a bug of the caller.
  constexpr decltype(auto) value() & { return (check(has_value()), get<0>(*this)); }
  constexpr decltype(auto) value() const& { return (check(has_value()), get<0>(*this)); }
  constexpr decltype(auto) value() && { return (check(has_value()), get<0>(std::move(*this))); }
  constexpr decltype(auto) operator*() & { return value(); }
  constexpr decltype(auto) operator*() const& { return value(); }
  constexpr decltype(auto) operator*() && { return std::move(*this).value(); }
  constexpr auto* operator->() { return &value(); }
  constexpr const auto* operator->() const { return &value(); }
  constexpr E& error() & { return (check(!has_value()), std::get<1>(held_)).error(); }
  constexpr const E& error() const& { return (check(!has_value()), std::get<1>(held_)).error(); }
  constexpr E&& error() && { return std::move((check(!has_value()), std::get<1>(held_)).error()); }

  template <class U>
  constexpr T value_or(U&& other) const& {
    return has_value() ? value() : static_cast<T>(std::forward<U>(other));
  }
  template <class U>
  constexpr T value_or(U&& other) && {
    return has_value() ? std::move(*this).value() : static_cast<T>(std::forward<U>(other));
  }

  // f(value) -> result<U, E>
  template <class F>
  constexpr auto and_then(F&& f) const& {
    using next = decltype(call(f, *this));
    return has_value() ? call(f, *this) : next(unexpected_type(error()));
  }
  template <class F>
  constexpr auto and_then(F&& f) && {
    using next = decltype(call(f, std::move(*this)));
    return has_value() ? call(f, std::move(*this))
                       : next(unexpected_type(std::move(*this).error()));
  }
  // f(value) -> U
  template <class F>
  constexpr auto transform(F&& f) const& {
    return transformed(std::forward<F>(f), *this);
  }
  template <class F>
  constexpr auto transform(F&& f) && {
    return transformed(std::forward<F>(f), std::move(*this));
  }
  // f(error) -> result<T, G>
  template <class F>
  constexpr auto or_else(F&& f) const& {
    using next = decltype(f(error()));
    return has_value() ? keep<next>(*this) : f(error());
  }
  template <class F>
  constexpr auto or_else(F&& f) && {
    using next = decltype(f(std::move(*this).error()));
    return has_value() ? keep<next>(std::move(*this)) : f(std::move(*this).error());
  }
  // f(error) -> G
  template <class F>
  constexpr auto transform_error(F&& f) const& {
    using next = result<T, decltype(f(error()))>;
    return has_value() ? keep<next>(*this) : next(unexpected(f(error())));
  }

  bool operator==(const result&) const = default;

 private:
  static constexpr void check([[maybe_unused]] bool holds) { assert(holds); }
  // the void flavour hands out nothing
  template <std::size_t I, class Self>
  static constexpr decltype(auto) get(Self&& self) {
    if constexpr (std::is_void_v<T>) {
      return;
    } else {
      return std::get<I>(std::forward<Self>(self).held_);
    }
  }
  template <class F, class Self>
  static constexpr decltype(auto) call(F&& f, Self&& self) {
    if constexpr (std::is_void_v<T>) {
      return f();
    } else {
      return f(std::forward<Self>(self).value());
    }
  }
  template <class F, class Self>
  static constexpr auto transformed(F&& f, Self&& self) {
    using value = std::remove_cvref_t<decltype(call(f, std::forward<Self>(self)))>;
    using next = result<value, E>;
    if (!self.has_value()) return next(unexpected_type(std::forward<Self>(self).error()));
    if constexpr (std::is_void_v<value>) {
      call(f, std::forward<Self>(self));
      return next();
    } else {
      return next(call(f, std::forward<Self>(self)));
    }
  }
  template <class Next, class Self>
  static constexpr Next keep(Self&& self) {
    if constexpr (std::is_void_v<T>) {
      return Next();
    } else {
      return Next(std::forward<Self>(self).value());
    }
  }
  std::variant<stored, unexpected<E>> held_;
};
}  // namespace troupe

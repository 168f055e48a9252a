// What a checker asks of a model, the sequential behaviour that a service promises. A user's own is
// a class such as
//   struct counter {
//     using state = std::int64_t;                       // copied, compared by ==
//     state initial() const { return 0; }
//     std::size_t hash(const state& s) const { return std::hash<state>{}(s); }
//     // Each state that `op` may lead to from `s` is pushed; none: `op` cannot happen here.
//     void step(const state& s, const operation& op, std::vector<state>& next) const {
//       if (op.f == "add") next.push_back(s + *op.in.integer());
//       if (op.f == "read" && (!op.ok() || op.out == s)) next.push_back(s);
//     }
//   };
// An operation is `ok`, and its result is known, or `info`, and its result is not: the model says
// what it would do. One that failed never reaches a model. More is optional:
//   refusal(op)          why `op` is none of this model's, as a sentence's end; empty: it is
//   observes(op)         it never changes a state: found sooner, and left out of sub-histories
//   anonymous            a constant, true: who does an operation makes no difference
//   ties(op, seen, made) for sub-histories: what `op`'s result rests upon, and what it provides.
//                        An operation stays as long as what it made is seen by one that stays; so
//                        it must hold of each legal order that leaving others out keeps it legal.
//                        Without it only observers and what came too late to matter are left out
#pragma once
#include "patterns/checking/history.hpp"

#include <concepts>
namespace troupe::checking {
template <class M>
concept model = requires(const M& m, const typename M::state& s, const operation& op,
                         std::vector<typename M::state>& next) {
  { m.initial() } -> std::convertible_to<typename M::state>;
  { m.hash(s) } -> std::convertible_to<std::size_t>;
  { s == s } -> std::convertible_to<bool>;
  m.step(s, op, next);
};

// Whether an operation that stays needs another to stay, for sub-histories.
struct tied {
  list seen{};
  list made{};
};

template <class M>
std::string refusal_of(const M& m, const operation& op) {
  if constexpr (requires { m.refusal(op); })
    return m.refusal(op);
  else
    return {};
}

template <class M>
bool observer(const M& m, const operation& op) {
  if constexpr (requires { m.observes(op); })
    return m.observes(op);
  else
    return false;
}

template <class M>
constexpr bool anonymous = [] {
  if constexpr (requires { M::anonymous; })
    return M::anonymous;
  else
    return false;
}();

template <class M>
tied ties_of(const M& m, const operation& op) {
  tied t;
  if constexpr (requires { m.ties(op, t.seen, t.made); }) {
    m.ties(op, t.seen, t.made);
  } else {
    const value everything{list{}};
    t.seen.push_back(everything);
    if (!observer(m, op)) t.made.push_back(everything);
  }
  return t;
}

enum class verdict : std::uint8_t { consistent, violated, unknown };
constexpr std::string_view to_string(verdict v) {
  return v == verdict::consistent ? "consistent" : v == verdict::violated ? "violated" : "unknown";
}

struct limits {
  std::uint64_t steps = 2'000'000;  // calls of a model's step, in all; each may store one state
};
}  // namespace troupe::checking

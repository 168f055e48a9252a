// Everything that can happen in a small scene, in every order: what a swarm of seeds samples of a large one. Explicit-state
// search, as model checkers do it (G. J. Holzmann, "The Model Checker SPIN", 1997).
//   struct scene {                       // a value: each branch goes on with a copy of its own
//     std::size_t choices() const;       // what can happen next
//     void take(std::size_t i);
//     std::string broken() const;        // a claim that does not hold, in words; empty: all hold
//     std::string state() const;         // equal only for scenes that go on alike
//   };
//   const auto all = every_order(scene{}, 1'000'000);
//   Promises  each state is looked at once, however many orders lead to it; `whole` says that none was left out
//   Costs     memory for 16 bytes of each state
#pragma once
#include "patterns/simulation/random.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>
namespace troupe::simulation {
template <class Scene>
concept choosable = std::copyable<Scene> && requires(Scene s, const Scene& c, std::size_t i) {
  { c.choices() } -> std::convertible_to<std::size_t>;
  s.take(i);
  { c.broken() } -> std::convertible_to<std::string>;
  { c.state() } -> std::convertible_to<std::string>;
};

struct explored {
  std::uint64_t states = 0;  // that differ
  std::uint64_t steps = 0;
  std::uint64_t ends = 0;              // states after which nothing can happen
  bool whole = true;                   // within the bound
  std::string broken{};                // by the first scene found that breaks a claim
  std::vector<std::size_t> choices{};  // that lead to it
};

template <choosable Scene>
explored every_order(const Scene& from, std::uint64_t states_max) {
  struct branch {
    Scene scene;
    std::size_t next = 0, of = 0;
  };
  explored all;
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen;
  std::vector<branch> path;
  const auto enter = [&](Scene&& s) {  // false: a claim is broken
    const auto text = s.state();
    if (!seen.emplace(digest_of(text), digest_of(text + '.')).second) return true;
    ++all.states;
    all.broken = s.broken();
    const auto of = s.choices();
    if (of == 0) ++all.ends;
    path.push_back({std::move(s), 0, of});
    return all.broken.empty();
  };
  bool holds = enter(Scene{from});
  while (holds && !path.empty()) {
    auto& top = path.back();
    if (top.next == top.of) {
      path.pop_back();
      continue;
    }
    if (all.states >= states_max) {
      all.whole = false;
      return all;
    }
    Scene then = top.scene;
    then.take(top.next++);
    ++all.steps;
    holds = enter(std::move(then));
  }
  for (const auto& b : path)
    if (b.next > 0) all.choices.push_back(b.next - 1);
  return all;
}
}  // namespace troupe::simulation

// Linearizability of a whole history: as if each operation happened at one moment between its
// invocation and its end.
// Source: M. Herlihy, J. Wing, "Linearizability: A Correctness Condition for Concurrent Objects",
//         TOPLAS 12(3), 1990: a history is linearizable if and only if each object's part is (§3,
//         locality), and all its prefixes are. A. Horn, D. Kroening, "Faster Linearizability
//         Checking via P-Compositionality", FORTE 2015: so keys are judged one by one. The search
//         of one key is in search.hpp.
//   Finds     each key that is not, and of the first the smallest part of its operations that still
//             fails: what was invoked by the moment that no order gets past (what was running then
//             may have happened, or not), less what can be left out (shrink.hpp)
//   Bound     `limits.steps` of search: equal shares first, so that a hard key leaves the others
//             theirs, then what is left, one after the other; as many again for the smallest part.
//             Beyond: unknown, unless another key is known to be violated
#pragma once
#include "patterns/checking/report.hpp"
#include "patterns/checking/search.hpp"
#include "patterns/checking/shrink.hpp"

#include <map>
namespace troupe::checking {
std::map<value, operations> by_key(const operations& ops);
// What was invoked before `end`; what was not over by then may have happened, or not, and if it has,
// with its result.
operations cut(const operations& ops, place end);
std::string linearizability_sentence(const operations& whole, place stuck);

// The smallest part of one object's operations that is not linearizable. `ops` is not, and no order
// gets past `stuck`.
template <model M>
operations smallest_of(const M& m, const operations& ops, place stuck, std::uint64_t steps_max,
                       std::uint64_t& steps) {
  operations start;
  for (auto& op : cut(ops, stuck))
    if (op.certain() || (op.end != outcome::fail && !observer(m, op))) start.push_back(op);
  std::vector<tied> ties;
  for (const auto& op : start) ties.push_back(ties_of(m, op));
  std::uint64_t spent = 0;
  const auto fails = [&](const operations& some) {
    if (spent >= steps_max) return false;
    const auto tried = linearize(m, some, steps_max - spent);
    spent += tried.steps;
    return tried.what == verdict::violated;
  };
  auto some = fails(start) ? shrunk(start, ties, fails) : ops;
  steps += spent;
  return some;
}

template <model M>
report check_linearizability(const M& m, const operations& ops, const limits& within = {}) {
  report all;
  const auto objects = by_key(ops);
  std::vector<const operations*> open;  // nobody knows yet
  const operations* worst = nullptr;
  place stuck = never;
  const auto judge = [&](const value& key, const operations& part, std::uint64_t steps_max) {
    const auto tried = linearize(m, part, steps_max);
    all.steps += tried.steps;
    if (tried.what == verdict::violated) {
      all.keys.push_back(key);
      if (!worst) stuck = tried.stuck;
      if (!worst) worst = &part;
    }
    return tried.what != verdict::unknown;
  };
  const auto left = [&] { return within.steps > all.steps ? within.steps - all.steps : 0; };
  auto objects_left = objects.size();
  for (const auto& [key, part] : objects) {
    all.checked += part.size();
    if (!judge(key, part, left() / objects_left--)) open.push_back(&part);
  }
  // a violation that is certain is enough
  for (auto at = open.begin(); !worst && left() > 0 && at != open.end();)
    at = judge((*at)->front().key, **at, left()) ? open.erase(at) : at + 1;
  if (worst) {
    all.what = verdict::violated;
    all.smallest = smallest_of(m, *worst, stuck, within.steps, all.steps);
    all.sentence = linearizability_sentence(*worst, stuck);
  } else if (!open.empty()) {
    all.what = verdict::unknown;
    all.sentence = std::to_string(open.size()) + " of " + std::to_string(objects.size()) +
                   " keys could not be judged within " + std::to_string(within.steps) + " steps";
  }
  return all;
}
}  // namespace troupe::checking

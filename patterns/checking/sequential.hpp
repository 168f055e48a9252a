// Sequential consistency: is there one order of all operations that the model accepts and that keeps
// the order in which each process did its own?
// Source: L. Lamport, "How to Make a Multiprocessor Computer That Correctly Executes Multiprocess
//         Programs", IEEE TC C-28(9), 1979. Deciding it is NP-complete even where every value is
//         written once: R. Gibbons, E. Korach, "Testing Shared Memories", SIAM J. Comput. 26(4), 1997.
//   Finds     an order, or the smallest part of the history that has none (shrink.hpp)
//   Unknown   operations whose end is unknown come after what their process did before, if at all;
//             what it did later does not wait for them
//   Beware    keys cannot be judged by themselves, unlike linearizability's: the search is over the
//             whole history. It is for small ones, of `sequential_operations_max` at most, and
//             `limits.steps` bounds it
#pragma once
#include "patterns/checking/report.hpp"
#include "patterns/checking/search.hpp"
#include "patterns/checking/shrink.hpp"

#include <map>
namespace troupe::checking {
constexpr std::size_t sequential_operations_max = 1000;  // more: unknown

namespace sequential_detail {
// The operations of each process, without those that failed; the objects by number.
struct plan {
  struct step {
    std::size_t op = 0;      // place in the list of operations
    std::size_t object = 0;  // number of its key
    std::size_t line = 0;    // number of its process
    std::size_t rank = 0;    // how many of its process's known operations come before it
  };
  std::vector<std::vector<step>> known{};  // by process
  std::vector<step> open{};                // whose end is unknown
  std::size_t objects = 0;
};
plan plan_of(const operations& ops);
std::string sentence_of(std::size_t operations, std::uint64_t steps_max);

template <model M>
class search {
  using state = typename M::state;
  struct world {
    std::vector<state> objects;
    bool operator==(const world&) const = default;
  };

 public:
  search(const M& m, const operations& ops, std::uint64_t steps_max)
      : model_{m},
        ops_{ops},
        plan_{plan_of(ops)},
        steps_max_{steps_max},
        at_(plan_.known.size(), 0),
        open_done_{plan_.open.size()} {}

  found run() {
    for (const auto& line : plan_.known) left_ += line.size();
    world start;
    start.objects.assign(plan_.objects, model_.initial());
    const bool holds = explore(start);
    return {steps_ > steps_max_ ? verdict::unknown
            : holds             ? verdict::consistent
                                : verdict::violated,
            steps_};
  }

 private:
  // By recursion, as deep as the history is long; so there is a bound on its length.
  bool explore(const world& now) {
    if (left_ == 0) return true;
    if (!fresh(now)) return false;
    for (std::size_t line = 0; line < at_.size(); ++line) {
      if (at_[line] == plan_.known[line].size()) continue;
      const auto& s = plan_.known[line][at_[line]];
      const auto next = after(now, s);
      for (const auto& to : next) {
        ++at_[line], --left_;
        const bool holds = explore(moved(now, s, to));
        --at_[line], ++left_;
        if (holds || steps_ > steps_max_) return holds;
      }
      // no order does better than to let an observer see what it saw as soon as it can
      if (!next.empty() && observer(model_, ops_[s.op])) return false;
    }
    return explore_open(now);
  }

  bool explore_open(const world& now) {
    for (std::size_t i = 0; i < plan_.open.size(); ++i) {
      const auto& s = plan_.open[i];
      if (open_done_.test(i) || at_[s.line] < s.rank) continue;
      for (const auto& to : after(now, s)) {
        if (to == now.objects[s.object]) continue;
        open_done_.set(i);
        const bool holds = explore(moved(now, s, to));
        open_done_.clear(i);
        if (holds || steps_ > steps_max_) return holds;
      }
    }
    return false;
  }

  std::vector<state> after(const world& now, const plan::step& s) {
    std::vector<state> next;
    if (++steps_ <= steps_max_) model_.step(now.objects[s.object], ops_[s.op], next);
    return next;
  }
  static world moved(const world& now, const plan::step& s, const state& to) {
    auto then = now;
    then.objects[s.object] = to;
    return then;
  }
  bool fresh(const world& now) {
    std::vector<std::uint64_t> done(at_.begin(), at_.end());
    open_done_.append(done);
    std::size_t hash = 0;
    for (const auto word : done) hash = mixed(hash, word);
    for (const auto& s : now.objects) hash = mixed(hash, model_.hash(s));
    return seen_.insert({std::move(done), now, hash}).second;
  }

  const M& model_;
  const operations& ops_;
  plan plan_;
  std::uint64_t steps_max_, steps_ = 0;
  std::vector<std::size_t> at_;  // how far each process is
  std::size_t left_ = 0;
  search_detail::marks open_done_;
  search_detail::configurations<world> seen_{};
};
}  // namespace sequential_detail

template <model M>
report check_sequential(const M& m, const operations& ops, const limits& within = {}) {
  report all;
  all.checked = ops.size();
  found tried{.what = verdict::unknown};
  if (ops.size() <= sequential_operations_max)
    tried = sequential_detail::search<M>{m, ops, within.steps}.run();
  all.what = tried.what;
  all.steps = tried.steps;
  if (tried.what == verdict::unknown)
    all.sentence = sequential_detail::sentence_of(ops.size(), within.steps);
  if (tried.what != verdict::violated) return all;
  all.sentence = "no order of all operations keeps that of each process and explains what it saw";
  operations start;
  std::vector<tied> ties;
  for (const auto& op : ops) {
    if (op.end == outcome::fail || (!op.ok() && observer(m, op))) continue;
    start.push_back(op);
    ties.push_back(ties_of(m, op));
  }
  std::uint64_t spent = 0;
  const auto fails = [&](const operations& some) {
    if (spent >= within.steps) return false;
    const auto again = sequential_detail::search<M>{m, some, within.steps - spent}.run();
    spent += again.steps;
    return again.what == verdict::violated;
  };
  all.smallest = shrunk(start, ties, fails);
  all.steps += spent;
  return all;
}
}  // namespace troupe::checking

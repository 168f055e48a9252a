// Linearizability of one object's operations: is there an order that the model accepts, in which no
// operation comes before one that was over when it began?
// Source: J. Wing, C. Gong, "Testing and Verifying Concurrent Objects", JPDC 17 (1993): try what
//         could be first, and go back. G. Lowe, "Testing for Linearizability", CCPE 29(4), 2017:
//         no configuration (who is linearized, state) twice; a linked list of invocations and
//         returns from which the linearized are lifted; linearize just in time, so that what need
//         not have happened yet is tried last.
//   Finds     an order if there is one; or the first return that no order gets past
//   Unknown   operations whose end is unknown need not be linearized, and are never over. They wait
//             in a list of their own and are tried when no other fits; of equal ones the earliest
//             first, and none that changes nothing
//   Observers (model.hpp) are linearized as soon as they fit, which no other order can do better
//   Costs     with c operations at once, u unknown ones and s states, at most n * 2^(c + u) * s
//             configurations, each of them stored; so there is a bound on steps, and a third verdict
#pragma once
#include "patterns/checking/model.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>
namespace troupe::checking {
struct found {
  verdict what = verdict::consistent;
  std::uint64_t steps = 0;
  std::vector<std::size_t> order{};  // consistent: places in the list of operations
  place stuck = never;               // violated: the return that no order gets past
};

namespace search_detail {
// Who is linearized, as few words: those below `base` are all ones.
class marks {
 public:
  explicit marks(std::size_t size) : words_((size + 63) / 64) {}
  bool test(std::size_t i) const { return (words_[i / 64] >> (i % 64) & 1) != 0; }
  void set(std::size_t i) { words_[i / 64] |= bit(i); }
  void clear(std::size_t i) { words_[i / 64] &= ~bit(i); }
  // base, words up to the last that is not zero, and their number, which tells two lists apart
  void append(std::vector<std::uint64_t>& out) const {
    std::size_t base = 0, end = words_.size();
    while (base < end && words_[base] == ~std::uint64_t{0}) ++base;
    while (end > base && words_[end - 1] == 0) --end;
    out.push_back(base);
    for (auto i = base; i < end; ++i) out.push_back(words_[i]);
    out.push_back(end - base);
  }

 private:
  static std::uint64_t bit(std::size_t i) { return std::uint64_t{1} << (i % 64); }
  std::vector<std::uint64_t> words_;
};

template <class State>
struct configuration {
  std::vector<std::uint64_t> done;
  State state;
  std::size_t hash;
  bool operator==(const configuration& o) const { return done == o.done && state == o.state; }
};
struct hash_of_configuration {
  template <class State>
  std::size_t operator()(const configuration<State>& c) const {
    return c.hash;
  }
};
template <class State>
using configurations = std::unordered_set<configuration<State>, hash_of_configuration>;

template <class M>
configuration<typename M::state> configuration_of(const M& m, std::vector<std::uint64_t> done,
                                                  const typename M::state& s) {
  std::size_t hash = m.hash(s);
  for (const auto word : done) hash = mixed(hash, word);
  return {std::move(done), s, hash};
}

// Invocations and returns by their places, doubly linked; 0 is the head. Operation i is invoked by
// node 2i + 1 and returns by node 2i + 2; one that never returns has no second node.
class events {
 public:
  explicit events(const operations& ops) : next_(2 * ops.size() + 1), last_(2 * ops.size() + 1) {
    std::vector<std::pair<place, std::size_t>> order;
    for (std::size_t i = 0; i < ops.size(); ++i) {
      order.emplace_back(ops[i].invoked, 2 * i + 1);
      if (ops[i].certain()) order.emplace_back(ops[i].returned, 2 * i + 2);
    }
    std::sort(order.begin(), order.end());
    std::size_t last = 0;
    for (const auto& [at, node] : order) {
      next_[last] = node;
      last_[node] = last;
      last = node;
    }
    next_[last] = 0;
    last_[0] = last;
  }
  std::size_t first() const { return next_[0]; }
  std::size_t after(std::size_t node) const { return next_[node]; }
  static bool is_return(std::size_t node) { return node % 2 == 0; }
  static std::size_t operation_of(std::size_t node) { return (node - 1) / 2; }
  void lift(std::size_t i, bool returns) {
    unlink(2 * i + 1);
    if (returns) unlink(2 * i + 2);
  }
  void unlift(std::size_t i, bool returns) {
    if (returns) relink(2 * i + 2);
    relink(2 * i + 1);
  }

 private:
  void unlink(std::size_t node) {
    next_[last_[node]] = next_[node];
    last_[next_[node]] = last_[node];
  }
  void relink(std::size_t node) {
    next_[last_[node]] = node;
    last_[next_[node]] = node;
  }
  std::vector<std::size_t> next_, last_;
};

template <model M>
class search {
  using state = typename M::state;

 public:
  search(const M& m, const operations& ops, std::uint64_t steps_max)
      : model_{m},
        ops_{ops},
        steps_max_{steps_max},
        known_{only(true)},
        open_{only(false)},
        known_events_{subset(known_)},
        open_events_{subset(open_)},
        known_done_{known_.size()},
        open_done_{open_.size()},
        twins_(open_.size()) {
    for (std::size_t i = 0; i < open_.size(); ++i) twins_[i] = twin_of(i);
  }

  found run() {
    found result;
    state now = model_.initial();
    (void)fresh(now);
    // a cursor stands at the next candidate: a node of the known, then one of the open
    cursor at{true, known_events_.first()};
    while (known_events_.first() != 0) {
      note_return();
      if (next_.empty() && !propose(at, now)) {
        if (!back(at, now)) {
          result.what = verdict::violated;
          break;
        }
        continue;
      }
      if (steps_ > steps_max_) {
        result.what = verdict::unknown;
        break;
      }
      take(at, now);
    }
    result.steps = steps_;
    result.stuck = result.what == verdict::violated ? stuck_ : never;
    if (result.what == verdict::consistent)
      for (const auto& f : path_) result.order.push_back(f.at.known ? known_[f.i] : open_[f.i]);
    return result;
  }

 private:
  struct cursor {
    bool known = true;
    std::size_t node = 0;
  };
  struct frame {
    cursor at;  // where this operation was found
    std::size_t i;
    state before;
    std::vector<state> others;  // states that it could have led to as well
    bool final;                 // an observer: if it leads nowhere, nothing does
  };

  std::vector<std::size_t> only(bool known) const {
    std::vector<std::size_t> chosen;
    for (std::size_t i = 0; i < ops_.size(); ++i)
      if (ops_[i].end != outcome::fail && ops_[i].certain() == known) chosen.push_back(i);
    return chosen;
  }
  operations subset(const std::vector<std::size_t>& which) const {
    operations chosen;
    for (const auto i : which) chosen.push_back(ops_[i]);
    return chosen;
  }
  // The last earlier open operation that cannot be told from this one, or its own place.
  std::size_t twin_of(std::size_t i) const {
    const auto& op = ops_[open_[i]];
    for (auto j = i; j-- > 0;) {
      const auto& other = ops_[open_[j]];
      if (other.f == op.f && other.in == op.in && other.out == op.out && other.end == op.end &&
          other.key == op.key && (anonymous<M> || other.process == op.process))
        return j;
    }
    return i;
  }

  const operation& op_at(const cursor& at, std::size_t i) const {
    return ops_[at.known ? known_[i] : open_[i]];
  }
  place first_return() const {
    for (auto node = known_events_.first(); node != 0; node = known_events_.after(node))
      if (events::is_return(node)) return ops_[known_[events::operation_of(node)]].returned;
    return never;
  }
  void note_return() {
    const auto at = first_return();
    if (stuck_ == never || at > stuck_) stuck_ = at;
  }

  // Moves on to the next operation that may come next and that the model accepts: its states are in
  // `next_`. False: there is none.
  bool propose(cursor& at, const state& now) {
    for (;; step(at)) {
      if (at.known && (at.node == 0 || events::is_return(at.node)))
        at = {false, open_events_.first()};
      if (!at.known && at.node == 0) return false;
      const auto i = events::operation_of(at.node);
      const auto& op = op_at(at, i);
      if (!at.known) {
        if (op.invoked > first_return()) return false;
        if (twins_[i] != i && !open_done_.test(twins_[i])) continue;
      }
      ++steps_;
      model_.step(now, op, next_);
      if (!at.known) std::erase(next_, now);
      if (!next_.empty()) return true;
      if (steps_ > steps_max_) return true;
    }
  }
  void step(cursor& at) const {
    at.node = at.known ? known_events_.after(at.node) : open_events_.after(at.node);
  }

  // Linearizes what stands at the cursor, with one of the states in `next_`, unless this has been
  // tried from elsewhere.
  void take(cursor& at, state& now) {
    const auto i = events::operation_of(at.node);
    state then = std::move(next_.back());
    next_.pop_back();
    auto& done = at.known ? known_done_ : open_done_;
    done.set(i);
    if (!fresh(then)) {
      done.clear(i);
      if (!next_.empty()) return;
      // what an observer leads to is as good as where it is
      if (observer(model_, op_at(at, i)))
        at = {false, 0};
      else
        step(at);
      return;
    }
    (at.known ? known_events_ : open_events_).lift(i, at.known);
    path_.push_back({at, i, std::move(now), std::exchange(next_, {}),
                     at.known && observer(model_, op_at(at, i))});
    now = std::move(then);
    at = {true, known_events_.first()};
  }

  // Takes the last choice back; false: there is none left.
  bool back(cursor& at, state& now) {
    while (!path_.empty()) {
      auto f = std::move(path_.back());
      path_.pop_back();
      (f.at.known ? known_events_ : open_events_).unlift(f.i, f.at.known);
      (f.at.known ? known_done_ : open_done_).clear(f.i);
      now = std::move(f.before);
      if (f.final) continue;
      at = f.at;
      next_ = std::move(f.others);
      if (next_.empty()) step(at);
      return true;
    }
    return false;
  }

  bool fresh(const state& s) {
    std::vector<std::uint64_t> done;
    known_done_.append(done);
    open_done_.append(done);
    return seen_.insert(configuration_of(model_, std::move(done), s)).second;
  }

  const M& model_;
  const operations& ops_;
  std::uint64_t steps_max_, steps_ = 0;
  std::vector<std::size_t> known_, open_;  // places in ops_, by invocation
  events known_events_, open_events_;
  marks known_done_, open_done_;
  std::vector<std::size_t> twins_;
  std::vector<frame> path_{};
  std::vector<state> next_{};
  configurations<state> seen_{};
  place stuck_ = never;
};
}  // namespace search_detail

// `ops` are one object's, by their invocation.
template <model M>
found linearize(const M& m, const operations& ops, std::uint64_t steps_max) {
  return search_detail::search<M>{m, ops, steps_max}.run();
}
}  // namespace troupe::checking

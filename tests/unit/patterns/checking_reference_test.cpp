// The checker beside a reference that knows no trick: it tries every order of every choice of the
// operations whose end is unknown, with sequential behaviours of its own. 10,000 small histories of
// each seed's own mix: half of them seen by clients of an object that works, half with one thing
// changed afterwards.
#include "checking_rows.hpp"
#include "seeds.hpp"

#include <deque>
#include <functional>
#include <random>
using namespace troupe::checking;
using namespace troupe::checking::rows;

namespace {
using chance = std::mt19937_64;

// An object that answers one operation after the other.
struct object {
  virtual ~object() = default;
  virtual value apply(const operation& op) = 0;
  virtual std::unique_ptr<object> copy() const = 0;
};
template <class Self>
struct copyable : object {
  std::unique_ptr<object> copy() const override {
    return std::make_unique<Self>(static_cast<const Self&>(*this));
  }
};
const value refused_by_object = "refused";

struct cell : copyable<cell> {
  value held{};
  value apply(const operation& op) override {
    if (op.f == "write" || op.f == "put") held = op.in;
    if (op.f == "delete") held = {};
    if (op.f == "append") held = (held.text() ? *held.text() : std::string{}) + *op.in.text();
    if (op.f == "cas") {
      const bool equal = held == *op.in.at(0);
      if (equal) held = value{*op.in.at(1)};
      return equal;
    }
    return op.f == "read" || op.f == "get" ? held : value{};
  }
};
struct fifo : copyable<fifo> {
  std::deque<value> held{};
  value apply(const operation& op) override {
    if (op.f == "enqueue") return (held.push_back(op.in), value{});
    if (held.empty()) return {};
    const value front = held.front();
    held.pop_front();
    return front;
  }
};
struct mutex : copyable<mutex> {
  std::optional<std::int64_t> holder{};
  std::int64_t token = -1000;  // any number may be the first
  value apply(const operation& op) override {
    const bool mine = holder == op.process;
    if (op.f == "release") {
      if (!mine) return refused_by_object;
      holder.reset();
      return {};
    }
    const auto* const told = op.ok() ? op.out.integer() : nullptr;
    if (holder || (told && *told <= token)) return refused_by_object;
    holder = op.process;
    return token = told ? *told : token + 1;
  }
};
struct journal : copyable<journal> {
  list held{};
  value apply(const operation& op) override {
    if (op.f == "read") return held;
    held.push_back(op.in);
    return list{held.size() - 1, op.in};
  }
};

// Whether a client that was answered `told` may have been answered `real`.
bool same(const operation& op, const value& real, const value& told) {
  if (real == refused_by_object) return false;
  const bool silent = told.empty() || told == op.in;
  if (op.f == "cas" && silent) return real == value{true};
  const bool observer = op.f == "read" || op.f == "get" || op.f == "dequeue";
  return told == real || (silent && !observer);
}

bool explained(const operations& ops, std::vector<bool>& placed, const object& now) {
  bool all = true;
  for (std::size_t i = 0; i < ops.size(); ++i) all = all && (placed[i] || !ops[i].certain());
  if (all) return true;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    if (placed[i] || ops[i].end == outcome::fail) continue;
    bool next = true;  // nothing unplaced was over before it began
    for (std::size_t j = 0; j < ops.size(); ++j)
      next = next && (placed[j] || !ops[j].certain() || ops[j].returned > ops[i].invoked);
    if (!next) continue;
    const auto then = now.copy();
    const auto real = then->apply(ops[i]);
    if (ops[i].ok() && !same(ops[i], real, ops[i].out)) continue;
    placed[i] = true;
    const bool found = explained(ops, placed, *then);
    placed[i] = false;
    if (found) return true;
  }
  return false;
}
bool explained(const operations& ops, const object& start) {
  std::vector<bool> placed(ops.size());
  return explained(ops, placed, start);
}

struct kind {
  std::string name;
  std::function<std::unique_ptr<object>()> start;
  std::function<operation(chance&)> draw;  // f and what it asks
  std::function<report(const operations&)> judge;
  std::function<tied(const operation&)> ties;
};

operation asks(std::string f, value in = {}) {
  operation op;
  op.f = std::move(f);
  op.in = std::move(in);
  return op;
}

template <class Object, model M>
kind kind_of(std::string name, std::function<operation(chance&)> draw) {
  return {std::move(name), [] { return std::make_unique<Object>(); }, std::move(draw),
          [](const operations& ops) { return check_linearizability(M{}, ops); },
          [](const operation& op) { return ties_of(M{}, op); }};
}

std::vector<kind> kinds() {
  const auto small = [](chance& c) { return value{static_cast<std::int64_t>(c() % 3)}; };
  const auto letter = [](chance& c) { return value{c() % 2 ? "a" : "b"}; };
  const auto write_or_read = [=](chance& c) {
    return c() % 2 ? asks("read") : asks("write", small(c));
  };
  const auto any_of_cas = [=](chance& c) {
    return c() % 3 ? write_or_read(c) : asks("cas", list{small(c), small(c)});
  };
  const auto any_of_queue = [=](chance& c) {
    return c() % 2 ? asks("dequeue") : asks("enqueue", small(c));
  };
  const auto any_of_lock = [](chance& c) { return asks(c() % 2 ? "acquire" : "release"); };
  const auto any_of_log = [=](chance& c) {
    return c() % 2 ? asks("read") : asks("append", small(c));
  };
  const auto any_of_kv = [=](chance& c) {
    switch (c() % 6) {
      case 0:
        return asks("put", letter(c));
      case 1:
        return asks("append", letter(c));
      case 2:
        return asks("delete");
      case 3:
        return asks("cas", list{letter(c), letter(c)});
      default:
        return asks("get");
    }
  };
  return {kind_of<cell, register_>("register", write_or_read),
          kind_of<cell, cas>("cas", any_of_cas),
          kind_of<fifo, queue>("queue", any_of_queue),
          kind_of<mutex, lock>("lock", any_of_lock),
          kind_of<journal, troupe::checking::log>("log", any_of_log),
          kind_of<cell, kv>("kv", any_of_kv)};
}

// Clients of one object, whose operations happen between their two events; some fail before they
// happen, some end unknown, before or after they have happened or without.
operations observed(const kind& k, chance& c) {
  struct client {
    operation op{};
    bool running = false, happened = false;
  };
  auto real = k.start();
  if (auto* const lock = dynamic_cast<mutex*>(real.get())) lock->token = 0;
  operations all;
  std::vector<client> clients(2 + c() % 3);
  const auto operations_max = 3 + c() % 4;
  place now = 0;
  std::size_t begun = 0;
  const auto busy = [](const client& x) { return x.running; };
  while (begun < operations_max || std::any_of(clients.begin(), clients.end(), busy)) {
    const auto i = c() % clients.size();
    auto& at = clients[i];
    now += 2;
    if (!at.running) {
      if (begun == operations_max) continue;
      ++begun;
      at = {k.draw(c), true, false};
      at.op.process = static_cast<std::int64_t>(i);
      at.op.invoked = now;
      continue;
    }
    if (!at.happened && c() % 8 == 0) {  // refused, or lost on the way
      at.op.end = c() % 2 ? outcome::fail : outcome::info;
      if (at.op.end == outcome::fail) at.op.returned = now;
      at.running = false;
    } else if (!at.happened) {
      at.op.out = real->apply(at.op);
      at.happened = true;
      at.op.end = at.op.out == refused_by_object ? outcome::fail : outcome::ok;
      continue;
    } else {
      if (at.op.end != outcome::fail && c() % 6 == 0) at.op.end = outcome::info;
      if (at.op.end != outcome::ok) at.op.out = {};
      if (at.op.end != outcome::info) at.op.returned = now;
      at.running = false;
    }
    all.push_back(at.op);
  }
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.invoked < b.invoked; });
  return all;
}

value another(const value& x, chance& c) {
  if (x.truth()) return !*x.truth();
  if (x.text()) return c() % 2 || x.text()->empty() ? *x.text() + "a" : x.text()->substr(1);
  if (x.elements() && !x.elements()->empty()) {
    auto all = *x.elements();
    if (c() % 2)
      all.pop_back();
    else
      std::swap(all[c() % all.size()], all.back());
    if (all.size() == 1 && x.elements()->size() == 2) all = {0, 0};  // of an append
    return all;
  }
  if (x.elements()) return list{1};
  if (x.integer()) return *x.integer() + (c() % 2 ? 1 : -1);
  return static_cast<std::int64_t>(c() % 3);
}

// One thing is changed: an answer is another, an operation failed though it happened, or was over
// sooner than it was. (What is silent stays silent.)
void corrupt(operations& ops, chance& c) {
  const auto before = ops;
  for (int tries = 0; tries < 20 && ops == before; ++tries) {
    auto& op = ops[c() % ops.size()];
    if (!op.ok()) continue;
    const bool observer = op.f == "read" || op.f == "get" || op.f == "dequeue";
    const auto kind = c() % 8;
    if (kind < 6 && (observer || !op.out.empty()) && op.f != "append") {
      op.out = op.f == "get" && op.out.empty() ? value{"a"} : another(op.out, c);
    } else if (kind == 6) {
      op.end = outcome::fail;
      op.out = {};
    } else {  // at an odd place, where nothing else is
      op.returned = op.invoked + 1 + 2 * (c() % ((op.returned - op.invoked + 1) / 2));
    }
  }
}

std::string text(const operations& ops) {
  std::string all;
  for (const auto& op : ops)
    all += "p" + std::to_string(op.process) + " " + to_string(op) + " [" +
           std::to_string(op.invoked) + "," +
           (op.returned == never ? "..." : std::to_string(op.returned)) + "]; ";
  return all;
}
}  // namespace

// Leaving out what nothing rests upon makes no violation of what is none.
bool closed_parts_hold(const kind& k, const operations& ops, chance& c) {
  operations some;
  std::vector<tied> ties;
  for (const auto& op : ops) {
    if (op.end == outcome::fail) continue;
    some.push_back(op);
    ties.push_back(k.ties(op));
  }
  const auto start = k.start();
  return explained(shrunk(some, ties, [&](const operations&) { return c() % 2 == 0; }), *start);
}

TEST_CASE("linearizability: 10,000 small histories beside a reference that tries all orders") {
  const auto all = kinds();
  std::size_t consistent = 0, violated = 0;
  for (const auto seed : troupe::test::seeds()) {
    chance c{seed};
    for (int round = 0; round < 500; ++round) {
      const auto& k = all[c() % all.size()];
      auto ops = observed(k, c);
      const bool changed = round % 2 == 1;
      for (auto times = changed ? 1 + c() % 3 : 0; times > 0; --times) corrupt(ops, c);
      const auto start = k.start();
      const bool holds = explained(ops, *start);
      const auto judged = k.judge(ops);
      (holds ? consistent : violated) += 1;
      const bool right =
          judged.what == (holds ? verdict::consistent : verdict::violated) && (changed || holds);
      // the smallest part fails for the reference too
      const bool parts = holds ? closed_parts_hold(k, ops, c) : !explained(judged.smallest, *start);
      if (right && parts) continue;
      CAPTURE(seed);
      CAPTURE(round);
      CAPTURE(k.name);
      CAPTURE(text(ops));
      CAPTURE(text(judged.smallest));
      CHECK(right);
      CHECK(parts);
    }
  }
  CAPTURE(consistent);
  CHECK(violated * 6 > consistent);  // the changes do change something
}

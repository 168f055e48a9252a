// What judging a history costs: 10,000 operations of 20 clients over 100 keys, as a register that
// works would answer them (one of a hundred times out), then with one stale read among them; the
// same on one key; and a queue.
#include "patterns/checking/linearizability.hpp"
#include "patterns/checking/models.hpp"

#include <chrono>
#include <cstdio>
#include <deque>
#include <map>
#include <random>

using namespace troupe::checking;

namespace {
void figure(const std::string& name, double value, const char* unit) {
  std::printf("{\"figure\":\"%s\",\"value\":%.6g,\"unit\":\"%s\"}\n", name.c_str(), value, unit);
}

struct workload {
  std::size_t operations_max = 10'000;
  std::size_t keys = 100;
  std::size_t clients = 20;
  std::size_t lost_every = 100;  // a time-out, and the client is replaced
};

// Each operation happens at one moment between its two events; `apply` answers it.
template <class Apply, class Draw>
operations observed(const workload& w, std::mt19937_64& chance, Draw draw, Apply apply) {
  struct client {
    operation op{};
    bool running = false, happened = false;
  };
  std::vector<client> clients(w.clients);
  operations all;
  std::int64_t fresh = static_cast<std::int64_t>(w.clients);
  place now = 0;
  for (std::size_t i = 0; i < clients.size(); ++i)
    clients[i].op.process = static_cast<std::int64_t>(i);
  while (all.size() < w.operations_max) {
    auto& c = clients[chance() % clients.size()];
    ++now;
    if (!c.running) {
      const auto process = c.op.process;
      c = {draw(chance), true, false};
      c.op.process = process;
      c.op.key = static_cast<std::int64_t>(chance() % w.keys);
      c.op.invoked = now;
      c.op.from = c.op.to = static_cast<std::int64_t>(now);
    } else if (!c.happened) {
      c.happened = true;
      c.op.out = apply(c.op);
    } else {
      const bool lost = chance() % w.lost_every == 0;
      c.op.end = lost ? outcome::info : outcome::ok;
      c.op.returned = lost ? never : now;
      c.op.to = static_cast<std::int64_t>(now);
      if (lost) c.op.out = {};
      all.push_back(c.op);
      c.running = false;
      if (lost) c.op.process = fresh++;
    }
  }
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.invoked < b.invoked; });
  return all;
}

operations registers(const workload& w, std::mt19937_64& chance) {
  std::map<value, value> held;
  std::int64_t last = 0;
  return observed(
      w, chance,
      [&](std::mt19937_64& c) {
        operation op;
        op.f = c() % 2 ? "read" : "write";
        if (op.f == "write") op.in = ++last;
        return op;
      },
      [&](const operation& op) {
        if (op.f == "write") held[op.key] = op.in;
        return op.f == "read" ? held[op.key] : value{};
      });
}

operations queues(const workload& w, std::mt19937_64& chance) {
  std::map<value, std::deque<value>> held;
  std::int64_t last = 0;
  return observed(
      w, chance,
      [&](std::mt19937_64& c) {
        operation op;
        op.f = c() % 2 ? "enqueue" : "dequeue";
        if (op.f == "enqueue") op.in = ++last;
        return op;
      },
      [&](const operation& op) {
        auto& q = held[op.key];
        if (op.f == "enqueue") return (q.push_back(op.in), value{});
        if (q.empty()) return value{};
        const value front = q.front();
        q.pop_front();
        return front;
      });
}

template <model M>
void judge(const std::string& name, const M& m, const operations& ops) {
  const auto start = std::chrono::steady_clock::now();
  const auto r = check_linearizability(m, ops);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  figure("checking_" + name + "_seconds", took.count(), "s");
  figure("checking_" + name + "_steps", static_cast<double>(r.steps), "steps");
  std::printf(
      "{\"figure\":\"checking_%s_verdict\",\"value\":\"%s\",\"operations\":%zu,\"smallest\":%zu}\n",
      name.c_str(), std::string{to_string(r.what)}.c_str(), r.checked, r.smallest.size());
}

// The last read of a key whose value was written long ago: it sees the first one again.
void make_stale(operations& ops) {
  const operation* first = nullptr;
  for (auto& op : ops)
    if (op.ok() && op.f == "write" && op.key == value{7}) first = first ? first : &op;
  for (auto at = ops.rbegin(); at != ops.rend(); ++at) {
    if (!at->ok() || at->f != "read" || at->key != value{7}) continue;
    at->out = first->in;
    return;
  }
}
}  // namespace

int main() {
  std::mt19937_64 chance{1};
  const workload wide{};
  auto ops = registers(wide, chance);
  judge("10000_operations_100_keys", register_{}, ops);
  make_stale(ops);
  judge("10000_operations_100_keys_stale", register_{}, ops);
  judge("10000_operations_100_keys_queue", queue{}, queues(wide, chance));
  judge("10000_operations_1_key", register_{},
        registers({.keys = 1, .clients = 5, .lost_every = 1000}, chance));
  judge("200_operations_1_key_queue", queue{},
        queues({.operations_max = 200, .keys = 1, .clients = 5, .lost_every = 200}, chance));
}

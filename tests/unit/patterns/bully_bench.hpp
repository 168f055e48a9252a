// Electors without a host: one that is told everything, and a group whose messages the test delivers.
#pragma once
#include "patterns/election/bully.hpp"

#include <deque>
#include <optional>
#include <ostream>
#include <set>
#include <utility>
namespace troupe::bully::test {
using namespace std::chrono_literals;

// Member `self` of five, in its first life, and others in theirs.
struct alone {
  explicit alone(server self, options how = {}, std::uint64_t life = 1, std::uint64_t known = 0)
      : core{how, self, 5, life, known} {}
  output give(const input& in) {
    output out;
    core.step(in, now, out);
    return out;
  }
  output hear(server from, message what) { return give(received{from, std::move(what)}); }
  output wait(duration d) {
    now += d;
    return give(tick{});
  }
  output wait_until_due() {
    now = core.due();
    return give(tick{});
  }
  // A leader's number and life: what it would say.
  output follow(server leader, std::uint64_t number, std::uint64_t life = 1) {
    return hear(leader, victory{{number, leader, life}});
  }
  elector core;
  instant now{};
};

template <class What>
std::vector<std::pair<server, What>> sent(const output& out) {
  std::vector<std::pair<server, What>> all;
  for (const auto& l : out.send)
    if (const auto* what = std::get_if<What>(&l.what)) all.emplace_back(l.to, *what);
  return all;
}
template <class What>
std::vector<server> to(const output& out) {
  std::vector<server> all;
  for (const auto& [who, what] : sent<What>(out)) all.push_back(who);
  return all;
}
inline bool nothing(const output& out) { return out.send.empty() && out.events.empty(); }

struct group {
  group(server n, options how_all = {}) : how{how_all}, lives(n, 0), nodes(n), known(n) {}
  void boot(server s) {
    nodes[s].emplace(how, s, static_cast<server>(nodes.size()), ++lives[s]);
    give(s, start{});
  }
  void boot_all() {
    for (server s = 0; s < nodes.size(); ++s) boot(s);
  }
  void crash(server s, bool told = false) {
    keep_count(s);
    nodes[s].reset();
    for (server other = 0; told && other < nodes.size(); ++other)
      if (nodes[other]) give(other, lost{s, lives[s]});
  }
  void give(server s, const input& in) {
    output out;
    nodes[s]->step(in, now, out);
    for (auto& l : out.send)
      if (!cut.contains({s, l.to})) wire.push_back({s, std::move(l)});
    for (const auto& e : out.events) {
      if (const auto* l = std::get_if<leads>(&e)) known[s].push_back(l->since);
    }
  }
  void deliver() {
    while (!wire.empty()) {
      auto [from, l] = std::move(wire.front());
      wire.pop_front();
      if (nodes[l.to]) give(l.to, received{from, std::move(l.what)});
    }
  }
  // Messages take no time.
  void pass(duration d) {
    deliver();
    for (const auto end = now + d; now < end; deliver()) {
      now += 10ms;
      for (server s = 0; s < nodes.size(); ++s)
        if (nodes[s] && nodes[s]->due() <= now) give(s, tick{});
    }
  }
  // Whom all that live follow.
  std::optional<server> leader() const {
    std::optional<term> all;
    for (const auto& n : nodes) {
      if (!n) continue;
      if (n->leader() == nullptr || (all && !(*all == *n->leader()))) return {};
      all = *n->leader();
    }
    return all ? std::optional{all->leader} : std::nullopt;
  }
  void part(std::set<server> side) {
    for (server a = 0; a < nodes.size(); ++a)
      for (server b = 0; b < nodes.size(); ++b)
        if (side.contains(a) != side.contains(b)) cut.insert({a, b});
  }
  counts all() const {
    counts sum = past;
    for (const auto& n : nodes)
      if (n) add(sum, n->sent());
    return sum;
  }
  static void add(counts& to, const counts& more) {
    to.election += more.election, to.alive += more.alive, to.victory += more.victory;
    to.beat += more.beat, to.outdated += more.outdated;
  }
  void keep_count(server s) { add(past, nodes[s]->sent()); }

  options how;
  std::vector<std::uint64_t> lives;
  std::vector<std::optional<elector>> nodes;
  std::vector<std::vector<term>> known;  // by whom, in order
  std::deque<std::pair<server, letter>> wire{};
  std::set<std::pair<server, server>> cut{};
  counts past{};
  instant now{};
};
}  // namespace troupe::bully::test

// Members of a mutual exclusion on one wire that a test delivers from, and what they were told.
#pragma once
#include "patterns/mutex/mutex.hpp"
#include "patterns/simulation/small_world.hpp"

#include <deque>
#include <memory>

#include <doctest/doctest.h>
namespace troupe::mutex::test {
using namespace std::chrono_literals;

template <class T>
std::vector<T> only(const std::vector<happening>& all) {
  std::vector<T> some;
  for (const auto& h : all)
    if (const auto* x = std::get_if<T>(&h)) some.push_back(*x);
  return some;
}

struct group {
  struct flight {
    server from = 0, to = 0;
    message what{};
  };
  std::string name;
  std::uint32_t n;
  settings how;
  instant now{};
  std::vector<std::unique_ptr<member>> all;  // null: down
  std::vector<std::uint32_t> lives;
  std::vector<std::uint64_t> seen;
  std::vector<std::vector<happening>> told;
  std::deque<flight> wire;
  std::uint64_t sent = 0;

  // All know each other, and nothing is under way any more.
  group(std::string_view algorithm, std::uint32_t count, settings s = {})
      : name(algorithm), n(count), how(s), all(count), lives(count), seen(count), told(count) {
    for (server i = 0; i < n; ++i) start(i);
    for (server i = 0; i < n; ++i) meet(i);
    quiet();
    sent = 0;
  }
  void start(server i) { all[i] = make(name, {i, n, ++lives[i], seen[i], how, now}); }
  void meet(server i) {  // others hear of it, and it of them
    for (server o = 0; o < n; ++o) {
      if (o == i || !all[o] || !all[i]) continue;
      back(o, i);
      back(i, o);
    }
  }
  template <class F>
  void at(server i, F&& what) {
    output out;
    if (!all[i]) return;
    what(*all[i], out);
    obey(i, out);
  }
  void obey(server i, output& out) {
    if (out.persist) seen[i] = *out.persist;
    for (auto& h : out.told) told[i].push_back(h);
    sent += out.send.size();
    for (auto& l : out.send) wire.push_back({i, l.to, l.what});
  }
  void ask_for(server i, std::uint64_t above = 0) {
    at(i, [&](member& m, output& out) { m.command(acquire{above}, now, out); });
  }
  void let_go(server i) {
    at(i, [&](member& m, output& out) { m.command(release{}, now, out); });
  }
  void lost(server at_whom, server who) {
    at(at_whom, [&](member& m, output& out) { m.lost(who, lives[who], now, out); });
  }
  void back(server at_whom, server who) {
    at(at_whom, [&](member& m, output& out) { m.back(who, lives[who], now, out); });
  }
  void crash(server i, bool is_told = true) {
    all[i].reset();
    for (server o = 0; is_told && o < n; ++o) lost(o, i);
  }
  void give(const flight& f) {
    at(f.to, [&](member& m, output& out) { m.receive(f.from, f.what, now, out); });
  }
  bool deliver() {
    if (wire.empty()) return false;
    const auto f = wire.front();
    wire.pop_front();
    give(f);
    return true;
  }
  template <class T>
  std::vector<flight> take() {  // off the wire
    std::vector<flight> some;
    std::erase_if(wire, [&](const flight& f) {
      if (std::holds_alternative<T>(f.what.what)) some.push_back(f);
      return std::holds_alternative<T>(f.what.what);
    });
    return some;
  }
  void deliver_all() {
    for (int i = 0; i < 10'000 && deliver();) ++i;
    REQUIRE(wire.empty());
  }
  bool tick() {  // whoever is due now
    bool any = false;
    for (server i = 0; i < n; ++i) {
      if (!all[i] || all[i]->due() > now) continue;
      any = true;
      at(i, [&](member& m, output& out) { m.tick(now, out); });
    }
    return any;
  }
  void quiet() {
    do deliver_all();
    while (tick());
  }
  void pass(duration d) {
    for (const auto end = now + d; now < end; now += 5ms) quiet();
    quiet();
  }
  bool inside(server i) const { return all[i] && all[i]->as() == phase::holding; }
  std::vector<server> insiders() const {
    std::vector<server> some;
    for (server i = 0; i < n; ++i)
      if (inside(i)) some.push_back(i);
    return some;
  }
  std::uint64_t fence(server i) const { return all[i] ? all[i]->fence() : 0; }
  std::vector<refused> refusals(server i) const { return only<refused>(told[i]); }
  bool has_lost(server i) const { return !only<mutex::lost>(told[i]).empty(); }
};
}  // namespace troupe::mutex::test

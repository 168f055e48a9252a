// Servers on a bench: one by hand, or a few that hear each other at once, with journals that are as
// quick as they are told to be.
#pragma once
#include "patterns/consensus/zab/zab.hpp"

#include <deque>
#include <set>
#include <utility>
namespace troupe::zab::test {
using namespace std::chrono_literals;

// What a journal adds up to: the records' parts in the order in which they are read back.
inline void add(restored& all, const record& r) {
  if (r.base) {
    if (r.restart) all.log.clear();
    std::erase_if(all.log, [&](const transaction& t) { return t.at <= r.base->at; });
    all.base = *r.base;
  }
  if (r.cut) std::erase_if(all.log, [&](const transaction& t) { return t.at > *r.cut; });
  all.log.insert(all.log.end(), r.appended.begin(), r.appended.end());
  if (r.state) all.state = *r.state;
}

inline std::vector<zxid> ids(const history& h) {
  std::vector<zxid> all;
  for (std::size_t i = 0; i < h.size(); ++i) all.push_back(h[i].at);
  return all;
}
inline restored kept(std::uint32_t current, const std::vector<zxid>& log = {}, zxid base = {}) {
  restored r;
  r.state = {current, 0, current};
  r.base.at = base;
  for (const auto z : log) r.log.push_back({z, "x"});
  return r;
}
template <class T>
std::vector<T> sent(const output& out, server to = 0) {
  std::vector<T> all;
  for (const auto* letters : {&out.send_now, &out.send})
    for (const auto& l : *letters)
      if (const T* m = std::get_if<T>(&l.what); m && (to == 0 || l.to == to)) all.push_back(*m);
  return all;
}

// One server, and whatever one says to it.
struct alone {
  explicit alone(server self, restored from = {}, ensemble of = {{1, 2, 3}, {}}, options how = {})
      : core{self, of, how, std::move(from), 1, now, first} {}
  output give(input in) {
    output out;
    core.step(std::move(in), now, out);
    if (out.persist) written = out.persist->number;
    return out;
  }
  output hear(server from, message m) { return give(received{from, std::move(m)}); }
  output sync() { return give(persisted{written}); }
  output vote_of(server from, vote v, standing as = standing::looking) {
    return hear(from, notification{v, as, core.choosing().round(), 1, ++number});
  }
  // 1, 2 and 3 vote for it; what it says when it is decided.
  output elect(server leader, vote v = {}) {
    v.leader = leader;
    output out;
    for (server s = 1; s <= 3; ++s)
      if (s != core.self() && core.where() == phase::election) out = vote_of(s, v);
    return out;
  }
  instant now{10s};
  std::uint64_t number = 0, written = 0;
  output first;
  replica core;
};

struct group {
  struct node {
    replica core;
    restored durable{};
    bool slow = false;  // its disk is never done, until `sync`
    std::vector<record> unsynced{};
    std::vector<letter> held{};
    std::vector<transaction> applied{};
    std::vector<zxid> cuts{};
    std::uint64_t restores = 0;
  };
  explicit group(std::vector<server> voters, std::vector<server> observers = {}, options o = {})
      : how(o), of{std::move(voters), std::move(observers)} {}
  void add(server s, restored from = {}) {
    output out;
    nodes.erase(s);
    nodes.emplace(s, node{replica{s, of, how, from, ++life, now, out}, from});
    obey(s, out);
  }
  void start() {
    for (const auto* all : {&of.voters, &of.observers})
      for (const auto s : *all)
        if (!nodes.contains(s)) add(s);
  }
  replica& at(server s) { return nodes.at(s).core; }
  output give(server s, input in) {
    output out;
    nodes.at(s).core.step(std::move(in), now, out);
    obey(s, out);
    return out;
  }
  void obey(server s, const output& out) {
    auto& n = nodes.at(s);
    for (const auto& l : out.send_now) wire.push_back({s, l});
    if (out.persist) n.unsynced.push_back(*out.persist);
    for (const auto& l : out.send) n.held.push_back(l);
    if (out.restore) n.applied.clear(), ++n.restores;
    if (out.persist && out.persist->cut) n.cuts.push_back(*out.persist->cut);
    if (out.committed) {
      auto from = n.applied.empty() ? n.core.base().at : n.applied.back().at;
      for (auto i = n.core.log().after(from);
           i < n.core.log().size() && n.core.log()[i].at <= *out.committed; ++i)
        n.applied.push_back(n.core.log()[i]);
    }
    for (const auto& e : out.events)
      if (e.kind == event_kind::established) led.push_back({e.epoch, e.leader});
    if (!n.slow) sync(s);
  }
  void sync(server s) {
    auto& n = nodes.at(s);
    for (const auto& r : n.unsynced) zab::test::add(n.durable, r);
    for (auto& l : std::exchange(n.held, {})) wire.push_back({s, std::move(l)});
    if (n.unsynced.empty()) return;
    const auto number = n.unsynced.back().number;
    n.unsynced.clear();
    give(s, persisted{number});
  }
  // It loses what was not synced, and comes back.
  void crash(server s) { add(s, restored{nodes.at(s).durable}); }
  void deliver() {
    for (int left = 100'000; !wire.empty() && left > 0; --left) {
      auto [from, l] = std::move(wire.front());
      wire.pop_front();
      if (cut.contains({from, l.to}) || !nodes.contains(l.to)) continue;
      give(l.to, received{from, std::move(l.what)});
    }
  }
  void pass(duration d) {
    for (const auto end = now + d; now < end; now += 5ms) {
      for (const auto* all : {&of.voters, &of.observers})
        for (const auto s : *all)
          if (nodes.contains(s) && at(s).due() <= now) give(s, tick{});
      deliver();
    }
  }
  server leader() const {
    server found = 0;
    for (const auto& [s, n] : nodes)
      if (n.core.established() && (found == 0 || n.core.epoch() > nodes.at(found).core.epoch()))
        found = s;
    return found;
  }
  output say(server s, const std::string& bytes) {
    auto out = give(s, propose{{{++cookies, bytes}}});
    deliver();
    return out;
  }
  void isolate(server s) {
    for (const auto& [other, n] : nodes) cut.insert({s, other}), cut.insert({other, s});
  }
  std::string said(server s) const {
    std::string all;
    for (const auto& t : nodes.at(s).applied) all += t.bytes;
    return all;
  }
  options how;
  ensemble of;
  instant now{10s};
  std::uint64_t life = 0, cookies = 0;
  std::map<server, node> nodes;
  std::deque<std::pair<server, letter>> wire;
  std::set<std::pair<server, server>> cut;
  std::vector<std::pair<std::uint32_t, server>> led;
};
}  // namespace troupe::zab::test

// Replicas on a bench: one of them by hand, or a few that hear each other at once, with disks that are
// as quick as they are told to be.
#pragma once
#include "patterns/consensus/raft/raft.hpp"

#include <algorithm>
#include <deque>
#include <set>
namespace troupe::raft::test {
using namespace std::chrono_literals;

inline peer peer_of(server id) { return {id, std::string(1, static_cast<char>('a' + id - 1))}; }
inline std::vector<peer> peers(std::vector<server> ids) {
  std::vector<peer> all;
  for (const auto id : ids) all.push_back(peer_of(id));
  return all;
}
inline configuration voters(std::vector<server> ids) { return {peers(std::move(ids)), {}, {}}; }

// A log by the terms of its entries, as the papers draw it.
inline std::vector<entry> log_of(const std::vector<std::uint64_t>& terms) {
  std::vector<entry> all;
  for (const auto t : terms)
    all.push_back({t, entry_kind::command, std::to_string(all.size() + 1)});
  return all;
}
inline std::vector<std::uint64_t> terms_of(const log& l) {
  std::vector<std::uint64_t> all;
  for (auto i = l.first(); i <= l.last(); ++i) all.push_back(l.at(i).term);
  return all;
}
inline restored kept(std::vector<server> voters, std::vector<std::uint64_t> terms = {},
                     std::uint64_t term = 0, server vote = 0) {
  restored r;
  r.base.config = test::voters(std::move(voters));
  r.entries = log_of(terms);
  r.state = {std::max(term, terms.empty() ? 0 : terms.back()), vote};
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
inline bool became(const output& out, role as) {
  return std::any_of(out.events.begin(), out.events.end(),
                     [&](const event& e) { return e.kind == event_kind::became && e.as == as; });
}

// One replica, and whatever one says to it.
struct alone {
  explicit alone(server self, restored from = kept({1, 2, 3}), options how = {})
      : core(self, how, std::move(from), 7, now) {}
  output give(input in) {
    output out;
    core.step(std::move(in), now, out);
    if (out.persist) written = out.persist->number;
    return out;
  }
  output hear(server from, message what) { return give(received{from, std::move(what)}); }
  output sync() { return give(persisted{written}); }
  output wait(duration d) {
    now += d;
    return give(tick{});
  }
  output wait_for_election() {
    now = core.due();
    return give(tick{});
  }
  // By the votes of 2 and, where more are needed, of those after it.
  output elect(std::vector<server> by = {2}) {
    wait_for_election();
    for (const auto v : by)
      if (core.as() == role::pre_candidate) hear(v, vote_reply{core.term() + 1, true, true});
    sync();
    output out;
    for (const auto v : by)
      if (core.as() == role::candidate) out = hear(v, vote_reply{core.term(), false, true});
    return out;
  }
  instant now{10s};
  std::uint64_t written = 0;
  replica core;
};

// Several, whose messages arrive at once unless they are cut off.
struct group {
  struct node {
    replica core;
    bool slow = false;  // its disk is never done, until `sync`
    std::uint64_t written = 0, synced = 0;
    std::vector<letter> held{};
    std::vector<std::uint64_t> cuts{};
    std::vector<output> outs{};
  };
  explicit group(options o = {}) : how(o) {}
  replica& add(server id, restored from) {
    return nodes.emplace(id, node{replica{id, how, std::move(from), id, now}}).first->second.core;
  }
  replica& at(server id) { return nodes.at(id).core; }
  output give(server id, input in) {
    auto& n = nodes.at(id);
    output out;
    n.core.step(std::move(in), now, out);
    for (auto& l : out.send_now) wire.push_back({id, l});
    if (out.persist) {
      n.written = out.persist->number;
      if (out.persist->cut) n.cuts.push_back(*out.persist->cut);
    }
    for (auto& l : out.send) n.held.push_back(l);
    if (!n.slow) sync(id);
    n.outs.push_back(out);
    return out;
  }
  void sync(server id) {
    auto& n = nodes.at(id);
    for (auto& l : std::exchange(n.held, {})) wire.push_back({id, std::move(l)});
    if (n.written == n.synced) return;
    n.synced = n.written;
    give(id, persisted{n.written});
  }
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
      for (auto& [id, n] : nodes)
        if (n.core.due() <= now) give(id, tick{});
      deliver();
    }
  }
  // It stands for election now, whatever the others think of it.
  void stand(server id, server by_word_of) {
    give(id, received{by_word_of, heartbeat{at(id).term(), 0, 0}});
    give(id, received{by_word_of, timeout_now{at(id).term()}});
    deliver();
  }
  server leader() const {
    server found = 0;
    for (const auto& [id, n] : nodes)
      if (n.core.as() == role::leader &&
          (found == 0 || nodes.at(found).core.term() < n.core.term()))
        found = id;
    return found;
  }
  void isolate(server id) {
    for (const auto& [other, n] : nodes) cut.insert({id, other}), cut.insert({other, id});
  }
  options how;
  instant now{10s};
  std::map<server, node> nodes;
  std::deque<std::pair<server, letter>> wire;
  std::set<std::pair<server, server>> cut;
};
}  // namespace troupe::raft::test

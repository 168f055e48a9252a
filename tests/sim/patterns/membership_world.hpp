// Members under a virtual clock and a bad network, all from one seed. After every step the promises of
// swim.hpp that one view can show are checked; whoever is told that it is down is rebuilt by its host
// under a new incarnation, as a node does it.
#pragma once
#include "patterns/membership/swim.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <vector>
namespace membership_world {
using namespace troupe::membership;
using namespace std::chrono_literals;

struct network {
  double loss = 0;
  double repeated = 0;
  duration delay_min = 100us;
  duration delay_max = 1ms;
  duration schedule_max = 5ms;  // a tick comes so much later than asked for
  bool hints = true;            // links report it when a process dies
};

struct seen {  // an event at one node
  instant at;
  std::size_t node;
  event what;
};

class world {
 public:
  world(std::uint64_t seed, options how, network net = {})
      : net(net), how_(std::move(how)), chance_(seed) {}

  network net;
  std::vector<seen> events;
  std::vector<std::string> broken;  // promises
  std::uint64_t steps = 0;

  std::size_t add(const std::string& name, std::vector<std::string> seeds,
                  std::vector<std::string> roles = {}) {
    nodes_.push_back({.name = name, .address = name + ":1", .seeds = seeds, .roles = roles});
    start(nodes_.size() - 1, {});
    return nodes_.size() - 1;
  }
  // n nodes, all with the first as seed.
  void cluster(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) add(name_of(i), {name_of(0) + ":1"});
  }
  static std::string name_of(std::size_t i) {
    return std::string(1, static_cast<char>('a' + i / 26)) + static_cast<char>('a' + i % 26);
  }

  void crash(std::size_t i) {
    nodes_[i].core.reset();
    nodes_[i].frozen = false;
    nodes_[i].inbox.clear();
    if (!net.hints) return;
    for (std::size_t other = 0; other < nodes_.size(); ++other) {
      if (other == i || !can(i, other)) continue;
      push(now + 1ms, [this, other, life = nodes_[i].life(), as = nodes_[other].lives] {
        if (nodes_[other].lives == as) give(other, link_hint{.incarnation = life});
      });
    }
  }
  void restart(std::size_t i, std::vector<std::string> known = {}) { start(i, std::move(known)); }
  void freeze(std::size_t i) { nodes_[i].frozen = true; }
  void thaw(std::size_t i) {
    nodes_[i].frozen = false;
    auto waiting = std::move(nodes_[i].inbox);
    nodes_[i].inbox.clear();
    if (chance(0.5)) tick_now(i);  // the timer may be first in line, or last
    for (auto& m : waiting) give(i, m);
    tick_now(i);
  }
  void cut(std::size_t from, std::size_t to) { cut_.insert({from, to}); }
  void cut_both(std::size_t a, std::size_t b) { cut(a, b), cut(b, a); }
  void partition(const std::set<std::size_t>& side) {
    for (std::size_t a = 0; a < nodes_.size(); ++a) {
      for (std::size_t b = 0; b < nodes_.size(); ++b) {
        if (side.contains(a) != side.contains(b)) cut(a, b);
      }
    }
  }
  void heal() { cut_.clear(); }
  bool can(std::size_t from, std::size_t to) const { return !cut_.contains({from, to}); }
  void command(std::size_t i, const input& in) {
    if (nodes_[i].core) give(i, in);
  }

  void run_for(duration d) {
    const instant end = now + d;
    while (!queue_.empty() && queue_.top().at <= end) {
      auto what = queue_.top();
      queue_.pop();
      now = what.at;
      what.run();
    }
    now = end;
  }
  bool run_until(const std::function<bool()>& holds, duration limit, duration stride = 50ms) {
    for (const instant end = now + limit; !holds(); run_for(stride)) {
      if (now >= end) return false;
    }
    return true;
  }

  const swim* at(std::size_t i) const { return nodes_[i].core.get(); }
  std::size_t size() const { return nodes_.size(); }
  bool frozen(std::size_t i) const { return nodes_[i].frozen; }
  std::uint64_t sent(std::size_t i) const { return nodes_[i].sent; }
  // The running nodes that are members, all in one cluster, know each other, all up and reachable.
  bool one_view(std::size_t members) const {
    std::size_t count = 0;
    const swim* first = nullptr;
    for (const auto& n : nodes_) {
      if (!n.core || n.core->where() != standing::member) continue;
      ++count;
      std::size_t up = 0;
      for (const auto& [id, r] : n.core->members()) {
        if (!present(r)) continue;
        if (r.state != member_state::up || r.liveness != reach::alive) return false;
        ++up;
      }
      if (first == nullptr) first = n.core.get();
      if (up != members || n.core->cluster() != first->cluster()) return false;
      for (const auto& [id, r] : first->members()) {
        if (!present(r)) continue;
        const auto other = n.core->members().find(id);
        if (other == n.core->members().end() || other->second.age != r.age) return false;
      }
    }
    return count == members;
  }
  std::size_t count(event_kind kind) const {
    return static_cast<std::size_t>(std::count_if(
        events.begin(), events.end(), [&](const seen& s) { return s.what.what == kind; }));
  }
  bool chance(double p) { return std::uniform_real_distribution<>{0, 1}(chance_) < p; }
  std::uint64_t draw(std::uint64_t below) { return chance_() % below; }
  instant now{1s};

 private:
  struct node {
    std::string name, address;
    std::vector<std::string> seeds, roles;
    std::unique_ptr<swim> core{};
    unsigned lives = 0;
    bool frozen = false;
    std::deque<input> inbox{};
    std::uint64_t ticket = 0;  // of the tick that counts
    std::uint64_t sent = 0;
    view before{};  // the highest of each member that this life has seen
    std::string life() const { return name + "-" + std::to_string(lives); }
  };
  struct happening {
    instant at;
    std::uint64_t order;
    std::function<void()> run;
    bool operator<(const happening& other) const {
      return std::tie(other.at, other.order) < std::tie(at, order);
    }
  };

  void push(instant at, std::function<void()> run) { queue_.push({at, ++order_, std::move(run)}); }
  void start(std::size_t i, std::vector<std::string> known) {
    node& n = nodes_[i];
    ++n.lives;
    n.before.clear();
    n.inbox.clear();
    n.frozen = false;
    record self{.id = {n.name, n.life()}, .address = n.address, .roles = n.roles};
    n.core = std::make_unique<swim>(how_, self, n.seeds, std::move(known), chance_(), now);
    schedule(i);
  }
  void schedule(std::size_t i) {
    node& n = nodes_[i];
    const instant at = std::max(now, n.core->due());
    if (at > now + std::chrono::hours{100}) return;
    const auto late = net.schedule_max.count() > 0
                          ? duration{static_cast<std::int64_t>(
                                draw(static_cast<std::uint64_t>(net.schedule_max.count())))}
                          : 0ns;
    push(at + late, [this, i, ticket = ++n.ticket] {
      if (nodes_[i].ticket == ticket && !nodes_[i].frozen) give(i, tick{});
    });
  }
  void tick_now(std::size_t i) {
    if (nodes_[i].core) give(i, tick{});
  }
  void give(std::size_t i, const input& in) {
    node& n = nodes_[i];
    if (!n.core) return;
    if (n.frozen) return n.inbox.push_back(in);
    output out;
    n.core->step(in, now, out);
    ++steps;
    check(i);
    n.sent += out.send.size();
    for (auto& o : out.send) transmit(i, o);
    bool over = false, left = false;
    for (auto& e : out.events) {
      over = over || e.what == event_kind::self_downed;
      left = left || e.what == event_kind::self_left;
      events.push_back({now, i, std::move(e)});
    }
    if (left) return n.core.reset();
    if (over) {
      auto known = n.core->known_addresses();
      n.core.reset();
      push(now + 100ms, [this, i, known, lives = n.lives] {
        if (nodes_[i].lives == lives && !nodes_[i].core) start(i, known);
      });
      return;
    }
    schedule(i);
  }
  void transmit(std::size_t from, outgoing& o) {
    for (std::size_t to = 0; to < nodes_.size(); ++to) {
      if (nodes_[to].address != o.address) continue;
      const int copies = chance(net.loss) ? 0 : chance(net.repeated) ? 2 : 1;
      for (int c = 0; c < copies; ++c) {
        const auto spread = static_cast<std::uint64_t>((net.delay_max - net.delay_min).count());
        const duration delay =
            net.delay_min + duration{static_cast<std::int64_t>(draw(spread + 1))};
        push(now + delay, [this, from, to, m = o.what] {
          if (can(from, to)) give(to, m);
        });
      }
      return;
    }
  }
  // S1 and S2: no view of one life ever goes back, nor brings back whom it has buried.
  void check(std::size_t i) {
    node& n = nodes_[i];
    for (const auto& [id, r] : n.core->members()) {
      auto [at, added] = n.before.try_emplace(id, r);
      record& was = at->second;
      if (added) continue;
      if (r.state < was.state) complain(i, was, r, "state went back");
      if (r.generation < was.generation) complain(i, was, r, "generation went back");
      if (r.generation == was.generation && present(r) && r.liveness < was.liveness) {
        complain(i, was, r, "reachable again without a word of its own");
      }
      was = r;
    }
    std::map<std::string, int> names;
    for (const auto& [id, r] : n.core->members()) names[id.name] += present(r) ? 1 : 0;
  }
  void complain(std::size_t i, const record& was, const record& is, const std::string& what) {
    if (broken.size() > 10) return;
    broken.push_back(nodes_[i].life() + " on " + to_string(is.id) + ": " + what + ", from " +
                     std::string{to_string(was.state)} + "/" + std::to_string(was.generation) +
                     " to " + std::string{to_string(is.state)} + "/" +
                     std::to_string(is.generation) + " at " + std::to_string(now / 1ms) + " ms");
  }

  options how_;
  std::mt19937_64 chance_;
  std::vector<node> nodes_;
  std::set<std::pair<std::size_t, std::size_t>> cut_;
  std::priority_queue<happening> queue_;
  std::uint64_t order_ = 0;
};
}  // namespace membership_world

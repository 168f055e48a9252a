#include "patterns/mutex/comparison.hpp"

#include <algorithm>
#include <functional>
#include <queue>
#include <set>
#include <utility>
namespace troupe::mutex {
namespace {
using namespace std::chrono_literals;
constexpr duration latency = 250us, detection = 1s;

class ground {
 public:
  ground(std::string_view algorithm, std::uint32_t n) : name_{algorithm}, nodes_(n) {
    for (server s = 0; s < n; ++s)
      nodes_[s].it = make(name_, {.self = s, .members = n, .now = now_});
    for (server s = 0; s < n; ++s) tell_all(s, false);
    run_for(1s);
    sent_ = 0;
  }

  instant now() const { return now_; }
  std::uint64_t sent() const { return sent_; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(nodes_.size()); }
  bool inside(server s) const { return nodes_[s].it && nodes_[s].fence > 0; }
  std::uint64_t entries() const { return entries_; }
  std::uint32_t most_inside() const { return most_inside_; }
  std::uint32_t most_accepted() const { return most_accepted_; }
  instant last_entry() const { return last_entry_; }

  void acquire_by(server s) {
    step(s, [&](member& m, output& out) { m.command(acquire{}, now_, out); });
  }
  void release_by(server s) {
    nodes_[s].fence = 0;
    step(s, [&](member& m, output& out) { m.command(release{}, now_, out); });
  }
  // From now on it stays so long, and then enters again.
  void cycles(server s, duration stay) {
    nodes_[s].stays = stay;
    acquire_by(s);
  }
  void crash(server s) {
    nodes_[s].it.reset();
    nodes_[s].fence = 0;
    tell_all(s, true);
  }
  void pause(server s, bool paused) {
    nodes_[s].paused = paused;
    tell_all(s, paused);
    if (paused) return;
    for (auto& h : std::exchange(nodes_[s].missed, {})) put(now_, std::move(h));
  }
  void cut(server sides_begin, bool is_cut) {
    for (server a = 0; a < size(); ++a)
      for (server b = 0; b < size(); ++b)
        if ((a < sides_begin) != (b < sides_begin)) {
          if (is_cut)
            cuts_.insert({a, b});
          else
            cuts_.erase({a, b});
          news(a, b, is_cut);
        }
  }
  bool run_until(const std::function<bool()>& holds, duration limit) {
    const auto until = now_ + limit;
    while (!holds())
      if (!step(until)) return holds();
    return true;
  }
  void run_for(duration d) {
    const auto until = now_ + d;
    while (step(until)) {
    }
  }

 private:
  struct node {
    std::unique_ptr<member> it;
    std::uint64_t fence = 0;  // it believes to be inside
    std::optional<duration> stays{};
    bool paused = false;
    std::vector<std::pair<server, std::function<void()>>> missed{};
  };
  using happening_at = std::pair<server, std::function<void()>>;
  struct later {
    instant at{};
    std::uint64_t number = 0;
    happening_at what{};
    bool operator>(const later& o) const { return at != o.at ? at > o.at : number > o.number; }
  };

  void put(instant at, happening_at what) { under_way_.push({at, ++numbers_, std::move(what)}); }
  // The detector's word to one of another, in its own time.
  void news(server to, server of, bool lost) {
    put(now_ + (lost ? detection : 10ms), {to, [=, this] {
                                             step(to, [&](member& m, output& out) {
                                               lost ? m.lost(of, 1, now_, out)
                                                    : m.back(of, 1, now_, out);
                                             });
                                           }});
  }
  void tell_all(server of, bool lost) {
    for (server s = 0; s < size(); ++s)
      if (s != of) {
        news(s, of, lost);
        if (!lost) news(of, s, false);
      }
  }
  void step(server s, const std::function<void(member&, output&)>& what) {
    auto& n = nodes_[s];
    if (!n.it) return;
    output out;
    what(*n.it, out);
    for (auto& h : out.told) std::visit([&](const auto& x) { told(s, x); }, h);
    for (auto& l : out.send) {
      if (waited_for() || !std::holds_alternative<token>(l.what.what)) ++sent_;
      if (l.to >= size() || cuts_.contains({s, l.to})) continue;
      put(now_ + latency, {l.to, [this, s, to = l.to, m = std::move(l.what)] {
                             step(to, [&](member& x, output& o) { x.receive(s, m, now_, o); });
                           }});
    }
  }
  // A token that nobody waits for goes round at nobody's cost.
  bool waited_for() const {
    return std::any_of(nodes_.begin(), nodes_.end(),
                       [](const node& n) { return n.it && n.it->as() == phase::waiting; });
  }
  void told(server s, const granted& g) {
    nodes_[s].fence = g.fence;
    ++entries_;
    last_entry_ = now_;
    look();
    if (const auto stay = nodes_[s].stays)
      put(now_ + *stay, {s, [this, s, fence = g.fence] {
                           if (nodes_[s].fence != fence) return;
                           release_by(s);
                           if (nodes_[s].it) acquire_by(s);
                         }});
  }
  void told(server s, const lost&) { nodes_[s].fence = 0; }
  void told(server, const refused&) {}
  // Each that believes to be inside uses the resource now, in the order of its number.
  void look() {
    std::uint32_t in = 0, took = 0;
    for (const auto& n : nodes_)
      if (n.it && n.fence > 0) {
        ++in;
        took += n.fence >= highest_ ? 1 : 0;
        highest_ = std::max(highest_, n.fence);
      }
    took = 0;
    for (const auto& n : nodes_) took += n.it && n.fence > 0 && n.fence >= highest_ ? 1 : 0;
    most_inside_ = std::max(most_inside_, in);
    most_accepted_ = std::max(most_accepted_, took);
  }
  bool step(instant until) {
    auto next = until;
    auto whom = size();
    for (server s = 0; s < size(); ++s) {
      if (!nodes_[s].it || nodes_[s].paused) continue;
      if (const auto due = std::max(now_, nodes_[s].it->due()); due < next) next = due, whom = s;
    }
    if (!under_way_.empty() && under_way_.top().at <= next) {
      auto h = under_way_.top();
      under_way_.pop();
      now_ = std::max(now_, h.at);
      if (nodes_[h.what.first].paused)
        nodes_[h.what.first].missed.push_back(std::move(h.what));
      else
        h.what.second();
      return true;
    }
    now_ = next;
    if (whom == size()) return false;
    step(whom, [&](member& m, output& out) { m.tick(now_, out); });
    return true;
  }

  std::string name_;
  std::vector<node> nodes_;
  instant now_{1s};
  std::priority_queue<later, std::vector<later>, std::greater<>> under_way_;
  std::uint64_t numbers_ = 0, sent_ = 0, entries_ = 0, highest_ = 0;
  std::uint32_t most_inside_ = 0, most_accepted_ = 0;
  instant last_entry_{};
  std::set<std::pair<server, server>> cuts_;
};

cost cost_of(const algorithm& a, std::uint32_t n, std::uint32_t entries) {
  cost c{.algorithm = std::string{a.name}, .members = n, .least = a.least(n), .most = a.most(n)};
  {
    ground g{a.name, n};
    const server who = n - 1;  // no coordinator, no monitor
    duration waited{};
    for (std::uint32_t i = 0; i < entries; ++i) {
      g.run_for(1s + i * 37ms);  // a token rests, now here and now there
      const auto before = g.sent();
      const auto asked = g.now();
      g.acquire_by(who);
      g.run_until([&] { return g.inside(who); }, 10s);
      waited += g.now() - asked;
      g.release_by(who);
      g.run_for(5ms);
      c.alone += static_cast<double>(g.sent() - before);
    }
    c.alone /= entries;
    c.enters_after = waited / entries;
  }
  ground g{a.name, n};
  for (server s = 0; s < n; ++s) g.cycles(s, 1ms);
  g.run_until([&] { return g.entries() >= n; }, 10s);
  const auto sent = g.sent(), before = g.entries();
  g.run_until([&] { return g.entries() >= before + std::uint64_t{entries} * n; }, 600s);
  c.all_want = static_cast<double>(g.sent() - sent) / static_cast<double>(g.entries() - before);
  return c;
}

conduct conduct_of(const algorithm& a, const char* trouble) {
  const std::string what = trouble;
  ground g{a.name, 5};
  for (const server s : {4U, 1U, 3U, 0U, 2U}) {
    g.acquire_by(s);
    g.run_for(5ms);
    if (s == 4) g.run_until([&] { return g.inside(4); }, 10s);
  }
  const auto before = g.entries();
  const auto since = g.now();
  if (what == "the holder crashes") g.crash(4);
  if (what == "the lowest crashes, then the holder leaves") {
    g.crash(0);
    g.run_for(100ms);
    g.release_by(4);
  }
  if (what == "the holder is paused") g.pause(4, true);
  if (what == "a partition: two and three") g.cut(2, true);
  g.run_until([&] { return g.entries() > before; }, 30s);
  conduct c{.algorithm = std::string{a.name},
            .trouble = what,
            .next_after = g.entries() > before ? g.last_entry() - since : duration{}};
  if (what == "the holder is paused") {
    g.run_until([&] { return g.now() >= since + 5s; }, 5s);
    g.pause(4, false);
  }
  if (what == "a partition: two and three") {
    g.run_until([&] { return g.now() >= since + 5s; }, 5s);
    g.cut(2, false);
  }
  g.run_for(5s);
  c.inside = g.most_inside();
  c.accepted = g.most_accepted();
  return c;
}
}  // namespace

std::vector<cost> costs(const std::vector<std::uint32_t>& members, std::uint32_t entries) {
  std::vector<cost> all;
  for (const auto& a : algorithms())
    for (const auto n : members) all.push_back(cost_of(a, n, entries));
  return all;
}

std::vector<conduct> conducts() {
  std::vector<conduct> all;
  for (const auto* trouble : {"the holder crashes", "the lowest crashes, then the holder leaves",
                              "the holder is paused", "a partition: two and three"})
    for (const auto& a : algorithms()) all.push_back(conduct_of(a, trouble));
  return all;
}
}  // namespace troupe::mutex

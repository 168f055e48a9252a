// Starts anew on random schedules: processes are killed and come back, with or without what they had noted down, while
// words are lost and late. In the end, and for good, those that run are in one cluster.
#include "patterns/membership/swim.hpp"
#include "seeds.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <queue>
#include <random>
#include <set>

#include <doctest/doctest.h>
using namespace troupe::membership;
using namespace std::chrono_literals;
namespace {
using names = std::vector<std::string>;

class town {  // of processes, each at an address of its own
 public:
  town(std::uint64_t seed, options how) : how_(std::move(how)), chance_(seed) {}

  void add(names seeds) {
    houses_.push_back({.seeds = std::move(seeds)});
    start(houses_.size() - 1, {});
  }
  static std::string address(std::size_t i) {
    return std::string(1, static_cast<char>('a' + i)) + ":1";
  }
  void kill(std::size_t i) { houses_[i].core.reset(); }
  // With what it had noted down, as a data directory keeps it, or with nothing.
  void come_back(std::size_t i, bool remembers) {
    start(i, remembers ? houses_[i].noted : names{});
  }
  bool runs(std::size_t i) const { return houses_[i].core != nullptr; }
  std::uint64_t draw(std::uint64_t below) { return chance_() % below; }

  void run_for(duration d) {
    const instant end = now_ + d;
    while (!queue_.empty() && queue_.top().at <= end) {
      auto next = queue_.top();
      queue_.pop();
      now_ = next.at;
      next.run();
    }
    now_ = end;
  }
  // All that run are members of one cluster, each sees all of them up, and nobody else.
  bool one_cluster() const {
    std::size_t living = 0;
    std::set<std::uint64_t> clusters;
    for (const auto& h : houses_) living += h.core ? 1 : 0;
    for (const auto& h : houses_) {
      if (!h.core) continue;
      if (h.core->where() != standing::member) return false;
      clusters.insert(h.core->cluster());
      std::size_t up = 0;
      for (const auto& [id, r] : h.core->members()) {
        if (!present(r)) continue;
        if (r.state != member_state::up || r.liveness != reach::alive) return false;
        ++up;
      }
      if (up != living) return false;
    }
    return clusters.size() == 1;
  }
  bool settles(duration limit) {
    for (const instant end = now_ + limit; !one_cluster(); run_for(250ms)) {
      if (now_ >= end) return false;
    }
    return true;
  }
  std::string story() const {
    std::string text;
    for (std::size_t i = 0; i < houses_.size(); ++i) {
      text += address(i);
      if (!houses_[i].core) {
        text += " is dead\n";
        continue;
      }
      const auto& core = *houses_[i].core;
      text += ' ' + std::string{to_string(core.where())} + " of " +
              std::to_string(core.cluster() % 1000) + " sees";
      for (const auto& [id, r] : core.members()) {
        text += ' ' + id.name + '=' + std::string{to_string(r.state)};
      }
      text += '\n';
    }
    return text;
  }
  double loss = 0;

 private:
  struct house {
    names seeds;
    std::unique_ptr<swim> core{};
    names noted{};
    unsigned lives = 0;
  };
  struct happening {
    instant at;
    std::uint64_t order;
    std::function<void()> run;
    bool operator<(const happening& other) const {
      return std::tie(other.at, other.order) < std::tie(at, order);
    }
  };
  void push(duration in, std::function<void()> run) {
    queue_.push({now_ + in, ++order_, std::move(run)});
  }
  duration delay() { return 100us + duration{static_cast<std::int64_t>(draw(2'000'000))}; }

  void start(std::size_t i, names known) {
    auto& h = houses_[i];
    const auto name = address(i).substr(0, 1);
    record self{.id = {name, name + std::to_string(++h.lives)}, .address = address(i)};
    h.core = std::make_unique<swim>(how_, self, h.seeds, std::move(known), chance_(), now_);
    wake(i);
  }
  void wake(std::size_t i) {
    auto& h = houses_[i];
    const auto in = std::max<duration>(h.core->due() - now_, 1ms);
    if (in > 30min) return;
    push(in, [this, i, life = h.lives, number = ++wakes_] {
      if (number == latest_[i] && runs(i) && houses_[i].lives == life) give(i, tick{});
    });
    latest_[i] = wakes_;
  }
  void give(std::size_t i, const input& in) {
    auto& h = houses_[i];
    output out;
    h.core->step(in, now_, out);
    for (auto& o : out.send) carry(i, o);
    if (h.core->where() == standing::member) h.noted = h.core->present_addresses();
    const bool over = std::any_of(out.events.begin(), out.events.end(),
                                  [](const event& e) { return e.what == event_kind::self_downed; });
    if (!over) return wake(i);
    const auto known = h.core->known_addresses();
    h.core.reset();
    push(100ms, [this, i, known, life = h.lives] {
      if (!runs(i) && houses_[i].lives == life) start(i, known);
    });
  }
  // Whoever is at the address gets it; a session with a former life of that process would not carry it.
  void carry(std::size_t, const outgoing& o) {
    for (std::size_t to = 0; to < houses_.size(); ++to) {
      if (address(to) != o.address || std::uniform_real_distribution<>{}(chance_) < loss) continue;
      push(delay(), [this, to, what = o.what] {
        if (runs(to)) give(to, what);
      });
    }
  }

  const options how_;
  std::mt19937_64 chance_;
  std::vector<house> houses_;
  std::priority_queue<happening> queue_;
  std::uint64_t order_ = 0, wakes_ = 0;
  std::map<std::size_t, std::uint64_t> latest_;
  instant now_{1s};
};
}  // namespace

TEST_CASE("bootstrap: a first node without seeds that comes back late finds its cluster") {
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    town t{seed, {}};
    t.loss = seed % 2 == 0 ? 0 : 0.1;
    const std::size_t others = 2 + t.draw(3);
    t.add(names{});
    for (std::size_t i = 0; i < others; ++i) t.add({town::address(0)});
    REQUIRE_MESSAGE(t.settles(30s), t.story());
    t.kill(0);
    t.run_for(1s * static_cast<int>(t.draw(60)));
    t.come_back(0, false);
    REQUIRE_MESSAGE(t.settles(3min), t.story());
    t.run_for(2min);
    CHECK_MESSAGE(t.settles(30s), t.story());
  }
}

TEST_CASE("bootstrap: the members that are left after a down-all form one cluster anew") {
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    options how;
    how.resolving.how.kind = downing::down_all;
    town t{seed, how};
    const std::size_t count = 4 + t.draw(3);
    for (std::size_t i = 0; i < count; ++i) t.add({town::address(0)});
    REQUIRE_MESSAGE(t.settles(30s), t.story());
    t.kill(seed % 2 == 0 ? 0 : t.draw(count));
    t.run_for(20s);
    REQUIRE_MESSAGE(t.settles(5min), t.story());
    t.run_for(2min);
    CHECK_MESSAGE(t.settles(30s), t.story());
  }
}

TEST_CASE("bootstrap: all are killed, and come back one by one with what they have noted down") {
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    town t{seed, {}};
    t.loss = seed % 2 == 0 ? 0 : 0.05;
    const std::size_t count = 3 + t.draw(4);
    for (std::size_t i = 0; i < count; ++i) t.add({town::address(0)});
    REQUIRE_MESSAGE(t.settles(30s), t.story());
    t.run_for(1min);
    for (std::size_t i = 0; i < count; ++i) t.kill(i);
    std::vector<std::size_t> order(count);
    for (std::size_t i = 0; i < count; ++i) order[i] = i;
    for (std::size_t i = count; i-- > 1;) std::swap(order[i], order[t.draw(i + 1)]);
    const std::size_t living = count / 2 + 1 + t.draw(count - count / 2);
    for (std::size_t i = 0; i < living; ++i) {
      t.come_back(order[i], true);
      t.run_for(1ms * static_cast<int>(t.draw(20'000)));
    }
    REQUIRE_MESSAGE(t.settles(8min), t.story());
    t.run_for(2min);
    CHECK_MESSAGE(t.settles(30s), t.story());
  }
}

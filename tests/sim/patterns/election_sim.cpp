// Candidates, a map and two lease keepers with clocks that drift, a network that delays and loses,
// candidates that freeze: never two that believe in their leadership, tokens that only rise, and a
// leader again when the faults are over.
#include "patterns/consensus/fence.hpp"
#include "patterns/simulation/random.hpp"
#include "patterns/storage/campaign.hpp"
#include "patterns/storage/lease_keeper.hpp"
#include "patterns/storage/watch_hub.hpp"
#include "seeds.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

namespace {
using namespace troupe;
using namespace troupe::election;
using storage::duration;
using storage::instant;
using namespace std::chrono_literals;

struct clock_of {  // in parts of a thousand of true time
  std::int64_t rate = 1000;
  instant offset{};
  instant at(instant true_time) const { return offset + true_time * rate / 1000; }
};

class world {
 public:
  world(std::uint64_t seed, std::uint64_t drift) : chance_{seed}, drift_{drift} {
    for (auto& k : keepers_) k.clock = some_clock();
    keepers_[0].keeper.became_leader(keepers_[0].clock.at(now_));
    for (int i = 0; i < 4; ++i) {
      members_.push_back({candidate{"e", std::to_string(i), {.ttl = 1000ms, .margin = 100ms}}});
      members_.back().clock = some_clock();
    }
  }
  void run(duration time, bool faults) {
    faults_ = faults;
    for (const auto end = now_ + time; now_ < end; now_ += 1ms) {
      while (!later_.empty() && later_.begin()->first <= now_) {
        const auto f = std::move(later_.begin()->second);
        later_.erase(later_.begin());
        f();
      }
      if (faults_) misbehave();
      serve();
      for (auto& m : members_) live(m);
      check();
    }
  }
  std::size_t leaders() const {
    std::size_t n = 0;
    for (const auto& m : members_) n += m.core.leading() ? 1 : 0;
    return n;
  }
  std::uint64_t elections = 0, lost_by_time = 0, refused_effects = 0, terms = 1;
  bool two_at_once = false, token_fell = false, effect_out_of_order = false;

 private:
  struct keeper_replica {
    storage::lease_keeper keeper{};
    clock_of clock{};
  };
  struct member {
    candidate core;
    clock_of clock{};
    instant frozen_until{};
    storage::watch_id watch = 0;
    std::uint64_t acts_with = 0;  // the token that its work was begun under
    std::vector<input> inbox{};
  };

  clock_of some_clock() {
    return {1000 - static_cast<std::int64_t>(drift_) +
                static_cast<std::int64_t>(chance_.below(2 * drift_ + 1)),
            instant{chance_.below(100'000)}};
  }
  duration delay() {
    return duration{1 + chance_.below(faults_ && chance_.below(8) == 0 ? 400 : 8)};
  }
  bool dropped() { return faults_ && chance_.below(10) == 0; }
  void after(duration d, std::function<void()> f) { later_.emplace(now_ + d, std::move(f)); }

  void misbehave() {
    if (chance_.below(3000) == 0) {  // another replica leads from now on
      keepers_[leader_].keeper.lost_leadership();
      leader_ = 1 - leader_;
      ++terms;
      keepers_[leader_].keeper.became_leader(keepers_[leader_].clock.at(now_));
    }
    auto& m = members_[chance_.below(members_.size())];
    if (chance_.below(1500) == 0) m.frozen_until = now_ + duration{chance_.below(2500)};
    if (chance_.below(2000) == 0 && m.watch != 0) {
      stop_watching(m);
      m.inbox.emplace_back(watch_broken{});
    }
  }
  // The map's side: overdue leases, and changes for watchers.
  void serve() {
    auto& k = keepers_[leader_];
    for (const auto id : k.keeper.tick(k.clock.at(now_))) {
      const auto term = terms;
      if (!dropped()) after(delay(), [this, id, term] { apply(storage::lease_revoke{id, term}); });
    }
    storage::watch_output out;
    hub_.advance(map_, out);
    deliver(out);
  }
  storage::reply apply(const storage::command& c) {
    const auto r = map_.apply(c, terms);
    for (auto& k : keepers_) {
      if (const auto* g = std::get_if<storage::granted>(&r.what))
        k.keeper.lease_granted(*g, k.clock.at(now_));
      const auto* revoke = std::get_if<storage::lease_revoke>(&c);
      if (revoke != nullptr && std::holds_alternative<storage::revoked>(r.what))
        k.keeper.lease_revoked(revoke->id);
    }
    return r;
  }
  void deliver(const storage::watch_output& out) {
    for (const auto& o : out) {
      const auto* e = std::get_if<storage::watch_events>(&o);
      if (e == nullptr) continue;
      const auto id = e->id;
      const auto at = e->at;
      const auto events = e->events;
      after(10ms, [this, id, at, events] {  // in order, as a link has it
        for (auto& m : members_) {
          if (m.watch != id) continue;
          m.inbox.emplace_back(watched{events});
          storage::watch_output more;
          hub_.taken(id, at, map_, more);
          deliver(more);
        }
      });
    }
  }
  void stop_watching(member& m) {
    storage::watch_output out;
    if (m.watch != 0) hub_.cancel(m.watch, map_, out);
    m.watch = 0;
  }

  void live(member& m) {
    if (now_ < m.frozen_until) return;
    if (m.acts_with != 0 && chance_.below(20) == 0) effect(m);  // before it looks at the clock
    output out;
    const auto local = m.clock.at(now_);
    for (const auto& in : std::exchange(m.inbox, {})) m.core.step(in, local, out);
    if (m.core.due() && *m.core.due() <= local) m.core.step(tick{}, local, out);
    if (chance_.below(800) == 0) m.core.step(campaign{"v"}, local, out);
    if (faults_ && chance_.below(4000) == 0) m.core.step(resign{}, local, out);
    if (chance_.below(1000) == 0) m.core.step(proclaim{std::to_string(now_.count())}, local, out);
    carry_out(m, out);
  }
  void carry_out(member& m, const output& out) {
    for (const auto& h : out.told) {
      if (const auto* e = std::get_if<elected>(&h)) {
        ++elections;
        token_fell = token_fell || e->token <= highest_;
        highest_ = e->token;
        m.acts_with = e->token;
      } else if (const auto* l = std::get_if<lost>(&h)) {
        lost_by_time += l->why == loss::lapsed ? 1 : 0;
        m.acts_with = 0;
      }
    }
    if (out.unwatch) stop_watching(m);
    if (out.watch) {
      stop_watching(m);
      m.watch = ++watches_;
      storage::watch_output opened;
      hub_.open(m.watch, {.keys = storage::one(out.watch->key), .from = out.watch->from}, map_,
                opened);
      deliver(opened);
    }
    for (const auto& r : out.send) send(static_cast<std::size_t>(&m - members_.data()), r);
  }
  void send(std::size_t from, const request& r) {
    const bool arrives = !dropped(), returns = !dropped();
    const auto there = delay(), back = delay();
    auto answer = std::make_shared<input>(unanswered{r.id});
    if (arrives) {
      after(there, [this, r, answer, returns] {
        auto what = handle(r);
        if (returns && what) *answer = answered{r.id, std::move(*what)};
      });
    }
    after(arrives && returns ? there + back : 150ms,
          [this, from, answer] { members_[from].inbox.push_back(*answer); });
  }
  std::optional<decltype(answered::what)> handle(const request& r) {
    if (const auto* k = std::get_if<keepalive>(&r.what)) {
      auto& at = keepers_[leader_];
      const auto kept = at.keeper.keepalive(k->lease, at.clock.at(now_));
      if (kept) return renewed{};
      return not_renewed{};
    }
    if (const auto* c = std::get_if<storage::command>(&r.what)) return apply(*c);
    return map_.query(std::get<storage::question>(r.what));
  }
  // What a leader does, by a resource that looks at its token.
  void effect(member& m) {
    const auto before = resource_.highest();
    const bool done = bool(resource_.use(m.acts_with, [](int& n) { ++n; }));
    refused_effects += done ? 0 : 1;
    effect_out_of_order = effect_out_of_order || (done && m.acts_with < before);
  }
  void check() {
    std::size_t believers = 0;
    for (const auto& m : members_)
      believers += m.core.leading() && m.clock.at(now_) < m.core.deadline() ? 1 : 0;
    two_at_once = two_at_once || believers > 1;
  }

  simulation::generator chance_;
  std::uint64_t drift_;
  bool faults_ = true;
  instant now_{};
  std::multimap<instant, std::function<void()>> later_;
  storage::map map_;
  storage::watch_hub hub_;
  storage::watch_id watches_ = 0;
  keeper_replica keepers_[2];
  std::size_t leader_ = 0;
  std::vector<member> members_;
  std::uint64_t highest_ = 0;
  fenced<int> resource_{0};
};

TEST_CASE("election: never two leaders, tokens that rise, and a leader when the faults are over") {
  std::uint64_t elections = 0, lapses = 0, refused = 0, terms = 0;
  for (auto seed : test::seeds()) {
    CAPTURE(seed);
    world w{seed, 40};  // 4 % either way: within the margin of a tenth
    w.run(60s, true);
    REQUIRE_FALSE(w.two_at_once);
    REQUIRE_FALSE(w.token_fell);
    REQUIRE_FALSE(w.effect_out_of_order);
    w.run(6s, false);
    CHECK(w.leaders() == 1);
    elections += w.elections;
    lapses += w.lost_by_time;
    refused += w.refused_effects;
    terms += w.terms;
  }
  CHECK(elections > 100);
  CHECK(lapses > 20);
  CHECK(terms > 100);
  CHECK(refused > 0);  // frozen leaders did come back and were stopped by their tokens
}

TEST_CASE("election: clocks that drift beyond the margin break it in time, and the fence holds") {
  std::uint64_t broken = 0;
  for (auto seed : test::seeds()) {
    CAPTURE(seed);
    world w{seed, 300};
    w.run(60s, true);
    broken += w.two_at_once ? 1 : 0;
    REQUIRE_FALSE(w.effect_out_of_order);
    REQUIRE_FALSE(w.token_fell);
  }
  CHECK(broken > 0);
}
}  // namespace

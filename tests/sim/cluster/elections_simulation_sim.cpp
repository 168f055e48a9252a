// Elections among the nodes of whole clusters: founded in the map, contenders at some of the nodes; nodes are killed, cut off
// and started again. No fencing number is given twice, and after calm one contender acts.
#include "actors/consensus/protocol.hpp"
#include "cluster/elections.hpp"
#include "cluster/simulation_campaign.hpp"
#include "cluster/simulator_probe.hpp"
#include "patterns/consensus/fence.hpp"
#include "patterns/encoding.hpp"
#include "patterns/storage/map_messages.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "seeds.hpp"
#include "whole_nodes.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <set>

#include <caf/all.hpp>
#include <doctest/doctest.h>
namespace {
using namespace std::chrono_literals;
using namespace troupe;
using test::three_voters;
using whole = laboratory::simulation;
constexpr auto patience = 1s;
constexpr const char* billing = "billing";

// What all contenders act on, and who of them believes to be chosen.
struct world {
  struct act {
    std::string node;
    std::uint64_t term = 0, fence = 0;
  };
  std::map<std::string, act> acting{};  // by contender
  std::vector<act> chosen{};
  std::vector<std::string> reasons{};
  fenced<std::vector<std::string>> resource{{}};

  std::string twice() const {
    std::set<std::uint64_t> all;
    for (const auto& c : chosen)
      if (c.fence != 0 && !all.insert(c.fence).second)
        return std::to_string(c.fence) + " was given twice, at last to " + c.node;
    return {};
  }
};
using world_ptr = std::shared_ptr<world>;

// It enters whenever it is not in line, acts while it is chosen, or so many times, and stops by itself when it is not told
// that it still may.
class contender : public caf::event_based_actor {
 public:
  contender(caf::actor_config& config, world_ptr all, std::string node, int number, int acts, caf::actor gateway)
      : caf::event_based_actor{config},
        all_{std::move(all)},
        node_{std::move(node)},
        me_{node_ + "/" + std::to_string(number)},
        acts_{acts},
        gateway_{std::move(gateway)} {}
  void on_exit() override {
    all_->acting.erase(me_);
    gateway_ = keeper_ = nullptr;
  }
  caf::behavior make_behavior() override {
    enter();
    return {
        [this](caf::ok_atom) { enter(); },
        [this](const election_chosen& c) {
          all_->chosen.push_back({node_, c.term, c.fence});
          all_->acting[me_] = all_->chosen.back();
          heard_ = clock().now();
          acted_ = 0;
          delayed_send(this, 100ms, caf::tick_atom::value, c.term);
        },
        [this](const election_still&) {
          heard_ = clock().now();
          send(keeper_, election_here{billing, this});
        },
        [this](const election_dethroned& d) {
          all_->reasons.push_back(d.why);
          stop();
        },
        [this](caf::tick_atom, std::uint64_t term) {
          const auto at = all_->acting.find(me_);
          if (at == all_->acting.end() || at->second.term != term) return;
          if (clock().now() - heard_ > patience || acted_++ == acts_) {
            send(keeper_, election_withdraw{billing, this});
            return stop();
          }
          (void)all_->resource.use(at->second.fence, [&](auto& by) { by.push_back(node_); });
          delayed_send(this, 100ms, caf::tick_atom::value, term);
        },
    };
  }

 private:
  void stop() {
    all_->acting.erase(me_);
    again();
  }
  void again() {
    delayed_send(this, 300ms, caf::ok_atom::value);
  }
  void enter() {
    request(gateway_, 10s, elections_query{})
        .then(
            [this](const elections_reply& here) {
              keeper_ = here.keeper;
              request(keeper_, caf::infinite, election_enter{billing, this})
                  .then([] {}, [this](const caf::error& why) {
                    all_->reasons.push_back(sentence_of(why));
                    again();
                  });
            },
            [this](const caf::error&) { again(); });
  }
  world_ptr all_;
  std::string node_, me_;
  int acts_, acted_ = 0;
  caf::actor gateway_, keeper_;
  caf::actor_clock::time_point heard_{};
};

caf::expected<storage::reply> change(whole& sim, std::size_t by, const storage::command& what) {
  auto got = laboratory::ask<consensus::reply>(sim, sim[by], sim[by].log(), 10s, consensus::command{encode(what)});
  if (!got) return got.error();
  return *decode<storage::reply>(got->bytes);
}
bool found_election(whole& sim, const std::string& algorithm, std::size_t members) {
  election_charter c{.algorithm = algorithm, .members = {}, .observers = {}, .patience_ms = 1'000};
  for (std::size_t i = 0; i < members; ++i) c.members.push_back(sim[i].name());
  for (int tries = 0; tries < 10; ++tries)
    if (change(sim, 0, storage::put{elections_prefix + std::string{billing}, encode(c)})) return true;
  return false;
}
// Two nodes that have a vote and no contender; three that have both.
constexpr int for_ever = -1;
void start(whole& sim, const world_ptr& all, int contenders = 1, int acts = for_ever) {
  sim.start(2);
  sim.start(3, [=](local_node& n) {
    const auto gateway = static_cast<laboratory::simulated_node&>(n).gateway();
    for (int i = 0; i < contenders; ++i) n.own(n.system().spawn<contender>(all, n.name(), i, acts, gateway));
  });
}
std::optional<std::size_t> actor_in(whole& sim, const world& all) {  // the one node where somebody acts
  if (all.acting.size() != 1) return {};
  for (std::size_t i = 0; i < sim.size(); ++i)
    if (sim[i].name() == all.acting.begin()->second.node) return i;
  return {};
}
caf::expected<election_view> view(whole& sim, std::size_t by) {
  const auto here = laboratory::ask<elections_reply>(sim, sim[by], sim[by].gateway(), 10s, elections_query{});
  if (!here) return here.error();
  return laboratory::ask<election_view>(sim, sim[by], here->keeper, 10s, election_follow{billing, {}});
}

struct contest {
  contest(std::uint64_t seed, const std::string& algorithm) : sim{seed, three_voters()} {
    start(sim, all);
    REQUIRE(sim.run_until_up(5, 30s));
    REQUIRE(found_election(sim, algorithm, 5));
    REQUIRE(acts({}, 20s));
  }
  // Somebody acts, and not where he did.
  bool acts(std::optional<std::size_t> before, std::chrono::milliseconds within) {
    return sim.run_until([&] { const auto at = actor_in(sim, *all); return at && at != before; }, within);
  }
  std::size_t at() { return *actor_in(sim, *all); }
  world_ptr all = std::make_shared<world>();
  whole sim;
};
}  // namespace

TEST_CASE("elections simulation: who acts is killed, and another acts under a higher fence; all nodes agree on it") {
  for (const std::string algorithm : {"raft", "zab", "bully"})
    for (const auto seed : troupe::test::seeds()) {
      CAPTURE(algorithm);
      CAPTURE(seed);
      contest c{seed, algorithm};
      for (int round = 0; round < 2; ++round) {
        const auto at = c.at();
        const auto before = c.all->acting.begin()->second;
        c.sim.kill(at);
        REQUIRE(c.acts(at, 10s));
        const auto after = c.all->acting.begin()->second;
        if (algorithm == "bully") {
          CHECK(after.fence == 0);  // its numbers are each member's own
        } else {
          CHECK(after.term > before.term);
          CHECK(after.fence > before.fence);
        }
        c.sim.restart(at);
        REQUIRE(c.sim.run_until_up(5, 60s));
        REQUIRE(c.sim.run_until([&] {
          const auto acts = actor_in(c.sim, *c.all);
          for (std::size_t i = 0; acts && i < 5; ++i)
            if (const auto seen = view(c.sim, i); !seen || seen->leader != c.sim[*acts].name()) return false;
          return acts.has_value();
        }, 20s, 500ms));
      }
      CHECK(c.all->twice() == "");
      CHECK(c.sim.complaints().empty());
    }
}

TEST_CASE("elections simulation: a contender that leaves is followed, wherever the next one is") {
  for (const std::string algorithm : {"raft", "zab", "bully"})
    for (const auto seed : troupe::test::seeds()) {
      CAPTURE(algorithm);
      CAPTURE(seed);
      contest c{seed, algorithm};
      const auto at = c.at();
      c.sim.kill(at);
      REQUIRE(c.acts(at, 10s));
      const auto second = c.at();
      c.sim.leave(second);
      CHECK(c.acts(second, 10s));
      CHECK(c.all->twice() == "");
    }
}

TEST_CASE("elections simulation: one that is removed is told to those who act, and the next of its name goes on above it") {
  for (const std::string algorithm : {"raft", "zab"})
    for (const auto seed : troupe::test::seeds()) {
      CAPTURE(algorithm);
      CAPTURE(seed);
      contest c{seed, algorithm};
      const auto before = c.all->acting.begin()->second.fence;
      REQUIRE(change(c.sim, 1, storage::erase{storage::one(elections_prefix + std::string{billing})}));
      REQUIRE(c.sim.run_until([&] { return c.all->acting.empty(); }, 3s));
      CHECK(c.all->reasons.back() == "the election was removed");
      c.sim.run_for(2s);
      CHECK(c.all->acting.empty());
      REQUIRE(found_election(c.sim, algorithm, 5));
      REQUIRE(c.acts({}, 20s));
      CHECK(c.all->acting.begin()->second.fence > before);
    }
}

TEST_CASE("elections simulation: who withdraws before the election is founded is no contender when it is") {
  whole sim{1, three_voters()};
  sim.start(3);
  REQUIRE(sim.run_until_up(3, 30s));
  const auto here = laboratory::ask<elections_reply>(sim, sim[0], sim[0].gateway(), 10s, elections_query{});
  REQUIRE(here);
  auto early = sim.watch_from(0), late = sim.watch_from(0);
  for (auto* p : {&early, &late}) p->send(here->keeper, election_enter{billing, p->actor()});
  sim.run_for(100ms);
  early.send(here->keeper, election_withdraw{billing, early.actor()});
  sim.run_for(100ms);
  REQUIRE(found_election(sim, "raft", 3));
  REQUIRE(sim.run_until([&] { const auto seen = view(sim, 0); return seen && seen->leader == sim[0].name(); }, 10s));
  CHECK(view(sim, 0)->seats[0].contenders == 1);
}

TEST_CASE("elections simulation: under any faults no fence is given twice, and after calm one contender acts") {
  for (const std::string algorithm : {"raft", "zab"}) {
    CAPTURE(algorithm);
    const auto how = test::usual_campaign();
    const auto found = laboratory::campaign(how, [&](whole& sim, const laboratory::plan& faults) {
      const auto all = std::make_shared<world>();
      start(sim, all, 2, 10);
      sim.run_until_up(5, 30s);
      if (!found_election(sim, algorithm, 5)) return sim.complain("an election is founded in calm", "it is not");
      sim.always("no fence is given twice", [all] { return all->twice(); });
      sim.run_for(3s);
      sim.begin(faults);
      sim.run_for(faults.length);
      for (std::size_t i = 0; i < sim.size(); ++i)
        if (!sim[i].running()) sim.restart(i);
      sim.run_for(faults.calm);
      const auto before = all->chosen.size();
      sim.run_for(10s);
      if (!sim.broken() && all->chosen.size() == before)
        sim.complain("after calm contenders act, one after the other", "nobody was chosen for ten seconds");
      for (const auto start = sim.now(); !sim.broken() && sim.now() - start < 5s; sim.run_for(10ms))
        if (all->acting.size() > 1) sim.complain("after calm one contender acts at a time", "two do");
    });
    CHECK_MESSAGE(!found, found.story);
  }
}

// Service names on whole nodes: two want one, the holder is killed, cut off, frozen or leaves, and the other has it in time,
// never both; every node finds it.
#include "actors/storage/names.hpp"
#include "cluster/simulator.hpp"
#include "cluster/simulator_probe.hpp"
#include "patterns/consensus/fence.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "seeds.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <vector>

#include <caf/all.hpp>
#include <doctest/doctest.h>
namespace {
using namespace std::chrono_literals;
using namespace troupe;
using laboratory::simulation_options, laboratory::node_ids;
using whole = laboratory::simulation;

// What all owners do something to, and who of them believes to hold the name.
struct world {
  std::map<std::string, std::uint64_t> holders{};  // by node
  std::vector<std::pair<std::string, std::uint64_t>> history{};
  fenced<std::vector<std::string>> resource{{}};
  std::size_t refused = 0;
};
class owner : public caf::event_based_actor {
 public:
  owner(caf::actor_config& config, std::shared_ptr<world> all, std::string node, caf::actor names)
      : caf::event_based_actor{config}, all_{std::move(all)}, node_{std::move(node)}, names_{std::move(names)} {}
  void on_exit() override {
    all_->holders.erase(node_);
    names_ = nullptr;
  }
  caf::behavior make_behavior() override {
    take();
    return {
        [this](caf::ok_atom) { take(); },
        [this](const name_lost&) {
          all_->holders.erase(node_);
          token_ = 0;
          delayed_send(this, 200ms, caf::ok_atom::value);
        },
        [this](caf::tick_atom, std::uint64_t token) {
          if (token != token_) return;
          if (!all_->resource.use(token_, [&](auto& by) { by.push_back(node_); })) ++all_->refused;
          delayed_send(this, 100ms, caf::tick_atom::value, token);
        },
        [this](caf::get_atom) { return token_; },
    };
  }

 private:
  void take() {
    request(names_, 20s, take_name{"one", this})
        .then(
            [this](const name_taken& t) {
              token_ = t.token;
              all_->holders[node_] = token_;
              all_->history.emplace_back(node_, token_);
              send(this, caf::tick_atom::value, token_);
            },
            [this](const caf::error&) { delayed_send(this, 200ms, caf::ok_atom::value); });
  }
  std::shared_ptr<world> all_;
  std::string node_;
  caf::actor names_;
  std::uint64_t token_ = 0;
};

struct contest {
  explicit contest(std::uint64_t seed) : sim{seed, three_voters()} {
    sim.start(3);
    sim.start(2, [all = all](local_node& n) { n.own(n.system().spawn<owner>(all, n.name(), n.names())); });
    REQUIRE(sim.run_until_up(5, 30s));
    REQUIRE(sim.run_until([&] { return !all->history.empty(); }, 20s));
  }
  static simulation_options three_voters() {
    simulation_options how;
    how.node.consensus.bootstrap_expect = 3;
    return how;
  }
  std::size_t holder() {  // the last, that is
    return sim[3].name() == all->history.back().first ? 3 : 4;
  }
  bool passed_on(std::size_t from, std::chrono::milliseconds within) {
    return sim.run_until([&] { return holder() != from; }, within);
  }
  void expect_found(const node_ids& by) {
    const auto& [node, token] = all->history.back();
    for (const auto i : by) {
      CAPTURE(i);
      const auto found = laboratory::ask<name_found>(sim, sim[i], sim[i].names(), 10s, find_name{"one"});
      REQUIRE_MESSAGE(found, sentence_of(found.error()));
      CHECK(found->node == node);
      CHECK(found->token == token);
      const auto said = laboratory::ask<std::uint64_t>(sim, sim[i], found->who, 10s, caf::get_atom::value);
      REQUIRE_MESSAGE(said, sentence_of(said.error()));
      CHECK(*said == token);
    }
  }
  void expect_rising() {
    const auto& h = all->history;
    CHECK(std::adjacent_find(h.begin(), h.end(), [](const auto& a, const auto& b) { return a.second >= b.second; }) ==
          h.end());
    CHECK(sim.complaints().empty());
  }
  // While nobody is frozen.
  void never_two() {
    sim.always("one holder", [all = all] {
      return all->holders.size() > 1 ? std::string{"two nodes hold the name"} : std::string{};
    });
  }
  std::shared_ptr<world> all = std::make_shared<world>();
  whole sim;
};
constexpr auto takeover = 6s;  // the lease, and a second
}  // namespace

TEST_CASE("names simulation: the holder is killed, and the other has it after the lease; every node finds it") {
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    contest c{seed};
    c.never_two();
    c.expect_found({0, 1, 2, 3, 4});
    for (int round = 0; round < 3; ++round) {
      const auto at = c.holder();
      c.sim.kill(at);
      REQUIRE(c.passed_on(at, takeover));
      c.expect_found({0, 1, 2, 7 - at});
      c.sim.restart(at);
      REQUIRE(c.sim.run_until_up(5, 60s));
      c.expect_found({at});
    }
    c.expect_rising();
  }
}

TEST_CASE("names simulation: the holder is cut off, and knows it before the other has it") {
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    contest c{seed};
    c.never_two();
    const auto at = c.holder();
    c.sim.partition({at}, {0, 1, 2, 7 - at});
    REQUIRE(c.passed_on(at, takeover));
    c.expect_found({0, 1, 2, 7 - at});
    c.sim.heal();
    REQUIRE(c.sim.run_until_up(5, 90s));
    c.expect_found({0, 1, 2, 3, 4});
    c.expect_rising();
  }
}

TEST_CASE("names simulation: the holder is frozen, and what it does when it wakes is refused") {
  std::size_t refused = 0;
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    contest c{seed};
    const auto at = c.holder();
    c.sim.freeze(at);
    REQUIRE(c.passed_on(at, takeover));
    c.sim.run_for(1s);
    c.sim.thaw(at);
    const auto woken = c.all->resource.look().size();
    REQUIRE(c.sim.run_until([&] { return !c.all->holders.contains(c.sim[at].name()); }, 1s));
    const auto& by = c.all->resource.look();
    CHECK(std::count(by.begin() + static_cast<std::ptrdiff_t>(woken), by.end(), c.sim[at].name()) == 0);
    refused += c.all->refused;
    REQUIRE(c.sim.run_until_up(5, 90s));
    c.expect_found({0, 1, 2, 3, 4});
    c.expect_rising();
  }
  CHECK(refused > 0);  // or the fence was not needed, and not tried
}

TEST_CASE("names simulation: the voters are killed in turn under the holder") {
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    contest c{seed};
    c.never_two();
    for (std::size_t voter = 0; voter < 3; ++voter) {
      c.sim.kill(voter);
      c.sim.run_for(3s);
      c.sim.restart(voter);
      REQUIRE(c.sim.run_until_up(5, 60s));
    }
    c.expect_found({0, 1, 2, 3, 4});
    CHECK(c.all->history.size() == 1);  // nobody lost it
    c.expect_rising();
  }
}

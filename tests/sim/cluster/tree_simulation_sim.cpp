// The coordination tree on whole nodes: begun once, on first use; exactly once in effect, through kills and cuts; there again
// when all nodes are started again.
#include "actors/consensus/protocol.hpp"
#include "actors/tree/protocol.hpp"
#include "cluster/replicated_log.hpp"
#include "cluster/simulation_campaign.hpp"
#include "cluster/simulator_probe.hpp"
#include "cluster/tree_keeper.hpp"
#include "patterns/encoding.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "seeds.hpp"
#include "whole_nodes.hpp"

#include <chrono>

#include <caf/all.hpp>
#include <doctest/doctest.h>
namespace {
using namespace std::chrono_literals;
using namespace troupe;
using test::three_voters;
using whole = laboratory::simulation;

template <class Done>
caf::expected<Done> answer_of(caf::expected<consensus::reply> got) {
  if (!got) return got.error();
  auto r = decode<tree::reply>(got->bytes);
  if (!r) return make_error(errc::corrupted);
  if (auto* done = std::get_if<Done>(&r->what)) return std::move(*done);
  return make_error(errc::refused, text_of(*r));
}
template <class Done>
caf::expected<Done> change(whole& sim, std::size_t by, tree::command what) {
  return answer_of<Done>(laboratory::ask<consensus::reply>(
      sim, sim[by], sim[by].tree(), 10s,
      consensus::command{encode(tree::request{std::move(what), 0, {}, {}})}));
}
template <class Done>
caf::expected<Done> look(whole& sim, std::size_t by, const tree::question& what) {
  return answer_of<Done>(laboratory::ask<consensus::reply>(
      sim, sim[by], sim[by].tree(), 10s, consensus::question{encode(what), false, false}));
}
std::optional<std::size_t> children_in_the_end(whole& sim, std::size_t by) {
  for (int i = 0; i < 20; ++i)
    if (const auto found = look<tree::names>(sim, by, tree::children{"/q"}))
      return found->all.size();
  return {};
}
bool has_replica(whole& sim, std::size_t by) {
  return bool{laboratory::ask<consensus::group_status>(
      sim, sim[by], sim[by].gateway(), 10s, log_status_query{.here = true, .group = tree_group})};
}
std::size_t replicas(whole& sim) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < sim.size(); ++i) count += has_replica(sim, i) ? 1 : 0;
  return count;
}
const tree::create parent{"/q", ""}, one{"/q/n-", "", tree::mode::persistent_sequential};
}  // namespace

TEST_CASE("tree simulation: it is begun by the first who uses it, on the log's voters, for all") {
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    whole sim{seed, three_voters()};
    sim.start(5);
    REQUIRE(sim.run_until_up(5, 20s));
    sim.run_for(2s);
    CHECK(replicas(sim) == 0);
    const auto made = change<tree::created>(sim, seed % 5, parent);
    REQUIRE_MESSAGE(made, sentence_of(made.error()));
    for (std::size_t i = 0; i < 5; ++i) {
      CAPTURE(i);
      CHECK(change<tree::created>(sim, i, one)->path == "/q/n-000000000" + std::to_string(i));
      CHECK(look<tree::names>(sim, 4 - i, tree::children{"/q"})->all.size() == i + 1);
    }
    CHECK(replicas(sim) == 3);
    CHECK(sim.complaints().empty());
  }
}

TEST_CASE("tree simulation: many who use it first at once begin one tree") {
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    whole sim{seed, three_voters()};
    sim.start(5, [](local_node& n) { n.tree(); });
    REQUIRE(sim.run_until_up(5, 20s));
    REQUIRE(sim.run_until([&] { return replicas(sim) == 3; }, 20s, 200ms));
    REQUIRE(change<tree::created>(sim, 3, parent));
    for (std::size_t i = 0; i < 5; ++i) CHECK(look<tree::found>(sim, i, tree::exists{"/q"})->is);
  }
}

TEST_CASE("tree simulation: what was acknowledged was done once, through any faults") {
  const auto how = test::usual_campaign();
  const auto found = laboratory::campaign(how, [](whole& sim, const laboratory::plan& faults) {
    sim.start(faults.members);
    sim.run_until_up(faults.members, 20s);
    for (int i = 0; i < 5 && !change<tree::created>(sim, 0, parent); ++i) sim.run_for(1s);
    sim.begin(faults);
    std::size_t asked = 0, done = 0;
    for (std::size_t i = 0; i < 40 && !sim.broken(); ++i, sim.run_for(300ms)) {
      const auto by = i % sim.size();
      if (!sim[by].running() || sim[by].frozen()) continue;
      ++asked;
      if (change<tree::created>(sim, by, one)) ++done;
    }
    sim.run_for(faults.calm);
    const auto by = static_cast<std::size_t>(faults.seed % sim.size());
    if (!sim[by].running()) sim.restart(by);
    const auto there = children_in_the_end(sim, by);
    if (!there)
      sim.complain("in calm the tree answers", "it does not");
    else if (*there < done || *there > asked)
      sim.complain("an acknowledged create took effect once, one that was not at most once",
                   std::to_string(*there) + " nodes; asked " + std::to_string(asked) +
                       ", acknowledged " + std::to_string(done));
  });
  CHECK_MESSAGE(!found, found.story);
}

TEST_CASE("tree simulation: it has what it had when all nodes are started again, unasked") {
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    whole sim{seed, three_voters()};
    sim.start(4);
    REQUIRE(sim.run_until_up(4, 20s));
    REQUIRE(change<tree::created>(sim, 3, parent));
    for (std::size_t i = 0; i < 4; ++i) REQUIRE(change<tree::created>(sim, i, one));
    for (std::size_t i = 0; i < 4; ++i) sim.power_off(i);
    for (std::size_t i = 0; i < 4; ++i) sim.restart(i);
    REQUIRE(sim.run_until_up(4, 60s));
    CHECK(sim.run_until([&] { return replicas(sim) == 3; }, 20s, 200ms));
    CHECK(children_in_the_end(sim, seed % 4) == 4);
  }
}

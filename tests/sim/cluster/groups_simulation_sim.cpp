// State machines of a user's own on whole nodes: founded once, exactly once in effect, through kills and cuts; they follow
// the log's members; many of them share their heartbeats.
#include "actors/consensus/protocol.hpp"
#include "cluster/groups.hpp"
#include "cluster/replicated_log.hpp"
#include "cluster/simulation_campaign.hpp"
#include "cluster/simulator_probe.hpp"
#include "patterns/consensus/described_machine.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/metrics.hpp"
#include "seeds.hpp"
#include "whole_nodes.hpp"

#include <chrono>
#include <stdexcept>

#include <caf/all.hpp>
#include <doctest/doctest.h>
namespace {
using namespace std::chrono_literals;
using namespace troupe;
using test::three_voters;
using whole = laboratory::simulation;

struct raise {
  std::uint64_t by = 1;
};
TROUPE_MESSAGE(raise, by)
struct read_it {};
TROUPE_MESSAGE(read_it)
struct counting {
  using command = std::variant<raise>;
  using question = std::variant<read_it>;
  std::uint64_t apply(const raise& r) { return count += r.by; }
  std::uint64_t answer(const read_it&) const { return count; }
  std::uint64_t count = 0;
};
TROUPE_MESSAGE(counting, count)

std::unique_ptr<state_machine> make_counting() {
  return std::make_unique<described_machine<counting>>();
}
laboratory::starter opens(std::vector<std::string> groups) {
  return [groups](local_node& n) {
    for (const auto& g : groups) n.group(g, make_counting);
  };
}
caf::expected<std::uint64_t> raised(whole& sim, std::size_t by, const std::string& group) {
  auto got =
      laboratory::ask<consensus::reply>(sim, sim[by], sim[by].group(group, make_counting), 10s,
                                        consensus::command{command_bytes<counting>(raise{})});
  if (!got) return got.error();
  return *read_reply<counting, raise>(got->bytes);
}
std::optional<std::uint64_t> count(whole& sim, std::size_t by, const std::string& group) {
  auto got = laboratory::ask<consensus::reply>(
      sim, sim[by], sim[by].group(group, make_counting), 10s,
      consensus::question{question_bytes<counting>(read_it{}), false, false});
  if (!got) return {};
  return *read_reply<counting, read_it>(got->bytes);
}
std::optional<std::uint64_t> in_the_end(whole& sim, std::size_t by, const std::string& group) {
  for (int i = 0; i < 20; ++i)
    if (const auto found = count(sim, by, group)) return found;
  return {};
}
std::size_t voters(whole& sim, std::size_t by, const std::string& group) {
  const auto got = laboratory::ask<consensus::group_status>(
      sim, sim[by], sim[by].gateway(), 10s, log_status_query{.here = false, .group = group});
  return got ? got->config.voters.size() : 0;
}
}  // namespace

TEST_CASE("groups simulation: one of a user's own is founded once, and each node can use it") {
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    whole sim{seed, three_voters()};
    sim.start(5, opens({"counts"}));
    REQUIRE(sim.run_until_up(5, 20s));
    for (std::uint64_t i = 0; i < 5; ++i) {
      const auto got = raised(sim, i, "counts");
      REQUIRE_MESSAGE(got, sentence_of(got.error()));
      CHECK(*got == i + 1);
      CHECK(count(sim, 4 - i, "counts") == i + 1);
    }
    CHECK(voters(sim, 4, "counts") == 3);
    CHECK(sim.complaints().empty());
  }
}

TEST_CASE(
    "groups simulation: a name that is none is refused, and one that nobody has opened has no "
    "status") {
  whole sim{1, three_voters()};
  sim.start(3);
  CHECK_THROWS_AS(sim[0].group("", make_counting), std::invalid_argument);
  CHECK_THROWS_AS(sim[0].group("map", make_counting), std::invalid_argument);
  CHECK_THROWS_AS(sim[0].group("a/b", make_counting), std::invalid_argument);
  REQUIRE(sim.run_until_up(3, 20s));
  CHECK(voters(sim, 0, "nobodys") == 0);
}

TEST_CASE("groups simulation: what was acknowledged is counted once, through any faults") {
  const auto how = test::usual_campaign();
  const auto found = laboratory::campaign(how, [](whole& sim, const laboratory::plan& faults) {
    sim.start(faults.members, opens({"a", "b"}));
    sim.run_until_up(faults.members, 20s);
    sim.begin(faults);
    std::map<std::string, std::uint64_t> asked, done;
    for (std::size_t i = 0; i < 40 && !sim.broken(); ++i, sim.run_for(300ms)) {
      const auto by = i % sim.size();
      if (!sim[by].running() || sim[by].frozen()) continue;
      const std::string group = i % 3 == 0 ? "a" : "b";
      ++asked[group];
      if (raised(sim, by, group)) ++done[group];
    }
    sim.run_for(faults.calm);
    for (const std::string group : {"a", "b"}) {
      const auto by = static_cast<std::size_t>(faults.seed % sim.size());
      if (!sim[by].running()) sim.restart(by);
      const auto found = in_the_end(sim, by, group);
      if (!found)
        sim.complain("in calm the group answers", group + " does not");
      else if (*found < done[group] || *found > asked[group])
        sim.complain("an acknowledged command took effect once, one that was not at most once",
                     group + " has counted to " + std::to_string(*found) + "; asked " +
                         std::to_string(asked[group]) + ", acknowledged " +
                         std::to_string(done[group]));
    }
  });
  CHECK_MESSAGE(!found, found.story);
}

TEST_CASE("groups simulation: a group has what it had when all nodes are started again") {
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    whole sim{seed, three_voters()};
    sim.start(3, opens({"counts"}));
    REQUIRE(sim.run_until_up(3, 20s));
    for (std::uint64_t i = 0; i < 3; ++i) REQUIRE(raised(sim, i, "counts"));
    for (std::size_t i = 0; i < 3; ++i) sim.power_off(i);
    for (std::size_t i = 0; i < 3; ++i) sim.restart(i);
    REQUIRE(sim.run_until_up(3, 60s));
    CHECK(in_the_end(sim, seed % 3, "counts") == 3);
  }
}

TEST_CASE("groups simulation: groups follow the log: who is added to it and removed from it") {
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    whole sim{seed, three_voters()};
    sim.start(4, opens({"counts"}));
    REQUIRE(sim.run_until_up(4, 20s));
    REQUIRE(raised(sim, 3, "counts"));
    const auto order = [&](auto what) {
      return laboratory::ask<management::done_reply>(sim, sim[0], sim[0].gateway(), 40s, what);
    };
    for (std::size_t i = 0; i < 4; ++i) {  // of three that vote already nothing changes
      const auto added = order(management::log_add_order{sim[i].name(), false});
      REQUIRE_MESSAGE(added, sentence_of(added.error()));
    }
    CHECK(voters(sim, 0, "") == 4);
    CHECK(sim.run_until([&] { return voters(sim, 0, "counts") == 4; }, 60s, 1s));
    const auto removed = order(management::log_remove_order{sim[1].name()});
    REQUIRE_MESSAGE(removed, sentence_of(removed.error()));
    CHECK(sim.run_until([&] { return voters(sim, 0, "counts") == 3; }, 60s, 1s));
    sim.kill(1);
    sim.kill(2);
    sim.restart(2);
    REQUIRE(sim.run_until_up(3, 60s));
    CHECK(in_the_end(sim, 3, "counts") == 1);
  }
}

TEST_CASE("groups simulation: many groups share their heartbeats") {
  auto& beats = metrics::counter("troupe_log_heartbeats_total", "");
  auto& parcels = metrics::counter("troupe_log_heartbeat_parcels_total", "");
  std::vector<std::string> names;
  for (int i = 0; i < 30; ++i) names.push_back("group-" + std::to_string(i));
  whole sim{7, three_voters()};
  sim.start(3, opens(names));
  REQUIRE(sim.run_until_up(3, 20s));
  for (const auto& name : names) REQUIRE(in_the_end(sim, 0, name) == 0);
  const auto beats_before = beats.value(), parcels_before = parcels.value();
  sim.run_for(10s);
  const auto one_by_one = beats.value() - beats_before, carried = parcels.value() - parcels_before;
  // 30 groups, 250 beats, to two others and back
  CHECK(one_by_one > 25'000);
  CHECK(carried < one_by_one / 5);
}

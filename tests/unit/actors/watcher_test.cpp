// Watches through replicas that die, are cut off, and come again.
#include "actors/storage/watcher.hpp"

#include "map_group.hpp"

#include <vector>

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace troupe::storage;
using namespace std::chrono_literals;
using test::map_group;

struct seen {
  std::vector<revision> revisions{};
  std::vector<std::string> values{};
  std::optional<watch_created> created{};
  std::optional<watch_ended> ended{};
  bool holds_back = false;
  std::vector<caf::response_promise> held{};
};
caf::behavior user(caf::event_based_actor* self, std::shared_ptr<seen> saw) {
  return {
      [=](const watch_created& x) { saw->created = x; },
      [=](const watch_events& x) -> caf::result<void> {
        saw->revisions.push_back(x.at);
        for (const auto& e : x.events) saw->values.push_back(e.kv.value);
        if (!saw->holds_back) return caf::unit;
        auto promise = self->make_response_promise();
        saw->held.push_back(promise);
        return promise;
      },
      [=](const watch_progress&) {},
      [=](caf::ok_atom) {
        saw->holds_back = false;
        for (auto& promise : std::exchange(saw->held, {})) promise.deliver(caf::unit);
      },
      [=](const watch_ended& x) { saw->ended = x; },
  };
}
struct watching {
  watching(map_group& g, watcher_settings s) : saw{std::make_shared<seen>()} {
    whose = g.sim.spawn(user, saw);
    watcher = spawn_watcher(g.sim.system, g.client, whose, std::move(s));
    g.sim.adopt(watcher);
  }
  std::shared_ptr<seen> saw;
  caf::actor whose, watcher;
};
std::vector<revision> upto(revision last) {
  std::vector<revision> all;
  for (revision r = 1; r <= last; ++r) all.push_back(r);
  return all;
}
}  // namespace

TEST_CASE("watcher: sees each change once and in order, whatever becomes of the replicas") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    map_group g{3, seed};
    REQUIRE(g.elect() >= 0);
    simulation::generator chance{seed};
    watching w{g, {.what = {.keys = prefix("k"), .from = 1}}};
    revision last = 0;
    int down = -1, cut = -1;
    for (int i = 0; i < 60; ++i) {
      const auto done = g.put("k" + std::to_string(i % 5), std::to_string(i));
      REQUIRE(done > last);
      last = done;
      if (i % 6 != 0) continue;
      if (down >= 0) {
        g.start(std::exchange(down, -1));
      } else if (cut >= 0) {
        g.rejoin(std::exchange(cut, -1));
      } else if (chance() % 3 != 0) {
        down = static_cast<int>(chance() % 3);
        g.crash(down);
      } else {
        cut = static_cast<int>(chance() % 3);
        g.isolate(cut);
      }
      g.sim.run_for(std::chrono::milliseconds{chance() % 1500});
    }
    g.sim.run_until([&] { return w.saw->revisions.size() >= last; }, 10s);
    CHECK(w.saw->revisions == upto(last));
    CHECK(!w.saw->ended);
    REQUIRE(w.saw->created);
    CHECK(w.saw->created->next == 1);
  }
}

TEST_CASE("watcher: leaves a replica that is cut off, for one that is not") {
  map_group g;
  const auto leads = g.elect();
  const auto follows = (leads + 1) % 3;
  watching w{g, {.what = {.keys = prefix("")}, .prefer = map_group::name(follows)}};
  g.sim.run_for(1s);
  REQUIRE(g.put("a", "1") == 1);
  g.sim.run_for(100ms);
  CHECK(w.saw->revisions == upto(1));
  g.isolate(follows);
  REQUIRE(g.put("a", "2") == 2);
  CHECK(g.sim.run_until([&] { return w.saw->revisions == upto(2); }, 4s));
}

TEST_CASE("watcher: without a revision it begins where the map is when it is made") {
  map_group g;
  REQUIRE(g.elect() >= 0);
  REQUIRE(g.put("a", "before") == 1);
  watching w{g, {.what = {.keys = prefix("")}}};
  REQUIRE(g.sim.run_until([&] { return w.saw->created.has_value(); }, 5s));
  CHECK(w.saw->created->next == 2);
  REQUIRE(g.put("a", "after") == 2);
  g.sim.run_for(100ms);
  CHECK(w.saw->values == std::vector<std::string>{"after"});
}

TEST_CASE("watcher: told what history does not have any more, and at its own wish") {
  map_group g;
  REQUIRE(g.elect() >= 0);
  for (int i = 0; i < 10; ++i) g.put("a", std::to_string(i));
  REQUIRE(g.ask(g.client, command{compact{7}}));
  g.sim.run_for(500ms);
  watching late{g, {.what = {.keys = prefix(""), .from = 3}, .id = 9}};
  REQUIRE(g.sim.run_until([&] { return late.saw->ended.has_value(); }, 5s));
  CHECK(*late.saw->ended == watch_ended{9, watch_end::compacted, 3, 8});
  CHECK(late.saw->revisions.empty());
  watching w{g, {.what = {.keys = prefix(""), .from = 8}}};
  g.sim.run_for(500ms);
  CHECK(w.saw->revisions == std::vector<revision>{8, 9, 10});
  caf::anon_send(w.watcher, cancel_watch{});
  g.sim.settle();
  REQUIRE(w.saw->ended);
  CHECK(w.saw->ended->why == watch_end::cancelled);
  CHECK(w.saw->ended->next == 11);
}

TEST_CASE("watcher: a user that takes nothing is sent no more than the window, then the rest") {
  map_group g{3, 1, {}, {.window = 4}};
  REQUIRE(g.elect() >= 0);
  watching w{g, {.what = {.keys = prefix(""), .from = 1}}};
  w.saw->holds_back = true;
  for (int i = 0; i < 20; ++i) g.put("a", std::to_string(i));
  g.sim.run_for(1s);
  CHECK(w.saw->revisions == upto(4));
  caf::anon_send(w.whose, caf::ok_atom::value);
  g.sim.run_for(1s);
  CHECK(w.saw->revisions == upto(20));
}

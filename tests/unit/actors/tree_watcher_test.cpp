// Watches on the coordination tree through replicas that die, are cut off, and come again.
#include "actors/tree/tree_watcher.hpp"

#include "tree_group.hpp"

#include <map>
#include <vector>

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace troupe::tree;
using namespace std::chrono_literals;
using test::tree_group;

struct seen {
  std::vector<watch_set> set{};
  std::vector<watch_fired> fired{};
  std::vector<watch_refused> refused{};
};
struct watching {
  watching(tree_group& of, tree_watcher_settings s) : g{of}, saw{std::make_shared<seen>()} {
    user = g.sim.spawn([saw = saw](caf::event_based_actor*) {
      return caf::behavior{[=](const watch_set& x) { saw->set.push_back(x); },
                           [=](const watch_fired& x) { saw->fired.push_back(x); },
                           [=](const watch_refused& x) { saw->refused.push_back(x); }};
    });
    watcher = spawn_tree_watcher(g.sim.system, g.client, user, std::move(s));
    g.sim.adopt(watcher);
  }
  ~watching() { caf::anon_send_exit(user, caf::exit_reason::user_shutdown); }
  bool is_set() {
    return g.sim.run_until([&] { return !saw->set.empty(); }, 10s);
  }
  bool told(change what, const std::string& path) const {
    for (const auto& f : saw->fired)
      for (const auto& e : f.events)
        if (e.what == what && e.path == path) return true;
    return false;
  }
  tree_group& g;
  std::shared_ptr<seen> saw;
  caf::actor user, watcher;
};
}  // namespace

TEST_CASE("tree watcher: what changes after it was asked for is told, wherever that was done") {
  tree_group g;
  REQUIRE(g.elect() >= 0);
  REQUIRE(g.make<created>(create{"/a", "1"}));
  watching w{g, {.what = {"/a", watch_kind::persistent}, .id = 7}};
  REQUIRE(w.is_set());
  CHECK(w.saw->fired.empty());  // the past is not told
  const auto first = g.make<set_done>(tree::set{"/a", "2", {}});
  REQUIRE(first);
  REQUIRE(g.make<set_done>(tree::set{"/a", "3", {}}));
  REQUIRE(g.sim.run_until([&] { return w.saw->fired.size() == 2; }, 2s));
  CHECK(w.saw->fired[0].id == 7);
  CHECK(w.saw->fired[0].at == first->is.modified);
  CHECK(w.saw->fired[0].events == std::vector<event>{{change::data, "/a"}});
  CHECK_FALSE(w.saw->fired[0].last);
}

TEST_CASE("tree watcher: from what was read on, nothing is missed") {
  tree_group g;
  REQUIRE(g.elect() >= 0);
  REQUIRE(g.make<created>(create{"/a", "1"}));
  const auto read = g.question(g.client, tree::get{"/a"});
  REQUIRE(read);
  REQUIRE(g.make<set_done>(tree::set{"/a", "2", {}}));
  watching w{g, {.what = {"/a", watch_kind::data}, .seen = read->at}};
  REQUIRE(g.sim.run_until([&] { return !w.saw->fired.empty(); }, 2s));
  CHECK(w.saw->fired[0].last);
  REQUIRE(g.make<set_done>(tree::set{"/a", "3", {}}));
  g.sim.run_for(3s);
  CHECK(w.saw->fired.size() == 1);  // a one-shot
}

TEST_CASE("tree watcher: no last state goes untold, whatever becomes of the replicas") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    tree_group g{{.zab = {.seed = seed}}};
    REQUIRE(g.elect() >= 0);
    REQUIRE(g.make<created>(create{"/k", ""}));
    simulation::generator chance{seed};
    watching w{g, {.what = {"/k", watch_kind::recursive}, .prefer = tree_group::name(0)}};
    REQUIRE(w.is_set());
    std::map<std::string, zxid> last;  // of each node, its newest change
    int down = -1, cut = -1;
    for (int i = 0; i < 60; ++i) {
      const auto path = "/k/" + std::to_string(i);
      const auto done = g.make<created>(create{path, ""});
      REQUIRE(done);
      last[path] = done->is.created;
      if (i > 2) {
        const auto old = "/k/" + std::to_string(chance() % static_cast<unsigned>(i));
        const auto set = g.make<set_done>(tree::set{old, std::to_string(i), {}});
        REQUIRE(set);
        last[old] = set->is.modified;
      }
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
    }
    const auto all_told = [&] {
      auto untold = last;
      for (const auto& f : w.saw->fired)
        for (const auto& e : f.events)
          if (const auto is = untold.find(e.path); is != untold.end() && f.at >= is->second)
            untold.erase(is);
      return untold.empty();
    };
    CHECK(g.sim.run_until(all_told, 10s));
    for (std::size_t i = 1; i < w.saw->fired.size(); ++i)
      CHECK(w.saw->fired[i - 1].at <= w.saw->fired[i].at);
  }
}

TEST_CASE("tree watcher: a replica that is cut off is left, and a one-shot fires once") {
  tree_group g;
  const auto leads = g.elect();
  REQUIRE(leads >= 0);
  const auto other = (leads + 1) % 3;
  watching w{
      g, {.what = {"/a", watch_kind::exists}, .prefer = tree_group::name(other), .silence = 500ms}};
  REQUIRE(w.is_set());
  g.isolate(other);
  g.sim.run_for(100ms);
  REQUIRE(g.make<created>(create{"/a", ""}));
  CHECK(w.saw->fired.empty());
  REQUIRE(g.sim.run_until([&] { return w.told(change::created, "/a"); }, 3s));
  g.rejoin(other);
  REQUIRE(g.make<erased>(erase{"/a", {}}));
  g.sim.run_for(3s);
  CHECK(w.saw->fired.size() == 1);
}

TEST_CASE("tree watcher: what is no watch is refused with the reason, and it ends") {
  tree_group g;
  REQUIRE(g.elect() >= 0);
  watching w{g, {.what = {"a/b", watch_kind::persistent}, .id = 3}};
  REQUIRE(g.sim.run_until([&] { return !w.saw->refused.empty(); }, 5s));
  CHECK(w.saw->refused[0].id == 3);
  CHECK(w.saw->refused[0].why == refusal::path_relative);
  CHECK(w.saw->set.empty());
}

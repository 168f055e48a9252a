// Watches on the coordination tree as actors: at any replica, by whoever moves from one to another.
#include "tree_group.hpp"
#include "zab_chaos.hpp"

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace troupe::tree;
using namespace std::chrono_literals;
using test::tree_group;
using test::tree_shape;
using test::watch_log;

struct watching {
  explicit watching(tree_group& of)
      : g{of}, log{std::make_shared<watch_log>()}, actor{test::spawn_watcher(of, log)} {}
  void set(int replica, watch_id id, watch what, std::optional<zxid> seen = {}) {
    caf::anon_send(g.replica(replica), set_watch{actor, id, std::move(what), seen});
    g.sim.settle();
  }
  std::string events() {
    g.sim.run_for(200ms);
    auto all = log->events();
    log->fired.clear();
    return all;
  }
  tree_group& g;
  std::shared_ptr<watch_log> log;
  caf::actor actor;
};
// One of those that do not lead.
int follower(tree_group& g) { return (g.leader() + 1) % 3; }
}  // namespace

TEST_CASE(
    "tree watches: one-shots fire once, at any replica, once their change can be read there") {
  tree_group g{{.zab = {.observers = 1}}};
  REQUIRE(g.elect() >= 0);
  REQUIRE(g.make<created>(create{"/a", "1"}));
  g.sim.run_for(100ms);
  for (const int at : {g.leader(), follower(g), 3}) {
    CAPTURE(at);
    watching w{g};
    w.set(at, 1, {"/a", watch_kind::data});
    w.set(at, 2, {"/a", watch_kind::children});
    w.set(at, 3, {"/b", watch_kind::exists});
    w.set(at, 4, {"/a", watch_kind::exists});
    REQUIRE(w.log->set.size() == 4);
    CHECK(w.log->set[3].kind == watch_kind::data);  // it is there
    CHECK(w.events().empty());
    REQUIRE(g.make<set_done>(tree::set{"/a", "2", {}}));
    CHECK(w.events() == "1! data /a\n4! data /a\n");
    REQUIRE(g.make<set_done>(tree::set{"/a", "3", {}}));
    CHECK(w.events().empty());
    REQUIRE(g.make<created>(create{"/a/x", ""}));
    REQUIRE(g.make<created>(create{"/b", ""}));
    CHECK(w.events() == "2! children /a\n3! created /b\n");
    w.set(at, 5, {"/b", watch_kind::data});
    REQUIRE(g.make<erased>(erase{"/b", {}}));
    REQUIRE(g.make<erased>(erase{"/a/x", {}}));
    CHECK(w.events() == "5! deleted /b\n");
    CHECK(w.log->reads == 5);
    CHECK(w.log->unread.empty());
  }
}

TEST_CASE("tree watches: persistent and recursive ones go on, and a multi is told as a whole") {
  tree_group g;
  REQUIRE(g.elect() >= 0);
  watching w{g};
  const auto at = follower(g);
  w.set(at, 1, {"/a", watch_kind::persistent});
  w.set(at, 2, {"/a", watch_kind::recursive});
  REQUIRE(g.make<created>(create{"/a", ""}));
  REQUIRE(g.make<created>(create{"/a/b", ""}));
  CHECK(w.events() == "1 created /a\n2 created /a\n1 children /a\n2 created /a/b\n");
  const auto all = g.make<multi_done>(
      multi{{tree::set{"/a/b", "x", {}}, tree::set{"/a", "x", {}}, create{"/a/c", ""}}});
  REQUIRE((all && all->succeeded));
  CHECK(w.events() == "1 data /a children /a\n2 data /a/b data /a created /a/c\n");
  caf::anon_send(w.actor, g.replica(at), remove_watch{2});
  g.sim.settle();
  REQUIRE(g.make<erased>(erase{"/a/c", {}}));
  CHECK(w.events() == "1 children /a\n");
}

TEST_CASE("tree watches: who has seen less is told at once, and who has seen more waits for it") {
  tree_group g;
  REQUIRE(g.elect() >= 0);
  const auto first = g.make<created>(create{"/a", "1"});
  REQUIRE(g.make<set_done>(tree::set{"/a", "2", {}}));
  g.sim.run_for(100ms);
  watching w{g};
  const auto at = follower(g);
  w.set(at, 1, {"/a", watch_kind::data}, first->is.created);
  CHECK(w.log->set.empty());  // that was all
  w.set(at, 2, {"/b", watch_kind::exists}, first->is.created);
  w.set(at, 3, {"/a", watch_kind::recursive}, first->is.created);
  CHECK(w.events() == "1! data /a\n3 data /a\n");
  CHECK(w.log->set.size() == 2);
  // a replica that lags behind what its watcher has seen elsewhere
  g.isolate(at);
  const auto later = g.make<set_done>(tree::set{"/a", "3", {}});
  REQUIRE(later);
  REQUIRE(g.make<created>(create{"/b", ""}));
  watching ahead{g};
  ahead.set(at, 7, {"/a", watch_kind::data}, later->is.modified);
  ahead.set(at, 8, {"/b", watch_kind::exists}, later->is.modified);
  ahead.set(at, 9, {"/b", watch_kind::exists}, later->is.modified);
  caf::anon_send(ahead.actor, g.replica(at), remove_watch{9});
  caf::anon_send(ahead.actor, g.replica(at), watch_ping{7});
  CHECK(ahead.events().empty());
  CHECK(ahead.log->set.empty());
  REQUIRE(ahead.log->pongs.size() == 1);
  CHECK(!ahead.log->pongs[0].in_touch);
  g.rejoin(at);
  REQUIRE(g.sim.run_until([&] { return g.caught_up(at); }, 5s));
  CHECK(ahead.events() == "8! created /b\n");  // the other has seen its change
  REQUIRE(ahead.log->set.size() == 1);
  CHECK(ahead.log->set[0].id == 7);
  REQUIRE(g.make<set_done>(tree::set{"/a", "4", {}}));
  CHECK(ahead.events() == "7! data /a\n");
}

TEST_CASE("tree watches: a replica that ends says so; who ends is forgotten; there are bounds") {
  tree_group g{{.watches = {.watches_max = 5, .watches_of_one_max = 3}}};
  REQUIRE(g.elect() >= 0);
  const auto at = follower(g);
  watching w{g};
  for (watch_id id = 1; id <= 4; ++id)
    w.set(at, id, {"/n" + std::to_string(id), watch_kind::persistent});
  CHECK(w.log->set.size() == 3);
  REQUIRE(w.log->refused.size() == 1);
  CHECK(w.log->refused[0].id == 4);
  CHECK(w.log->refused[0].why == refusal::too_many_watches);
  {
    watching other{g};
    for (watch_id id = 1; id <= 3; ++id) other.set(at, id, {"/x", watch_kind::persistent});
    CHECK(other.log->set.size() == 2);
    CHECK(other.log->refused.size() == 1);  // of all together
    caf::anon_send_exit(other.actor, caf::exit_reason::kill);
    g.sim.settle();
  }
  watching next{g};
  next.set(at, 1, {"/y", watch_kind::persistent});
  next.set(at, 2, {"relative", watch_kind::persistent});
  next.set(at, 3, {"/none", watch_kind::data});
  CHECK(next.log->set.size() == 1);  // there is room again
  REQUIRE(next.log->refused.size() == 2);
  CHECK(next.log->refused[0].why == refusal::path_relative);
  CHECK(next.log->refused[1].why == refusal::no_node);
  caf::anon_send(next.actor, g.replica(at), watch_ping{1});
  caf::anon_send(next.actor, g.replica(at), watch_ping{2});
  g.sim.settle();
  REQUIRE(next.log->pongs.size() == 1);
  CHECK(next.log->pongs[0].in_touch);
  REQUIRE(next.log->closed.size() == 1);
  CHECK(next.log->closed[0].id == 2);
  g.stop(at);
  g.sim.settle();
  CHECK(next.log->closed.size() == 2);
  CHECK(w.log->closed.size() == 3);
}

TEST_CASE("tree watches: what a snapshot brings is told too") {
  tree_shape shape;
  shape.zab.log_bytes = 2'000;
  tree_group g{shape};
  REQUIRE(g.elect() >= 0);
  REQUIRE(g.make<created>(create{"/a", ""}));
  REQUIRE(g.make<created>(create{"/gone", ""}));
  g.sim.run_for(100ms);
  const auto at = follower(g);
  watching w{g};
  w.set(at, 1, {"/a", watch_kind::data});
  w.set(at, 2, {"/", watch_kind::recursive});
  w.set(at, 3, {"/gone", watch_kind::data});
  g.isolate(at);
  REQUIRE(g.make<set_done>(tree::set{"/a", "x", {}}));
  REQUIRE(g.make<erased>(erase{"/gone", {}}));
  for (int i = 0; i < 60; ++i) REQUIRE(g.make<set_done>(tree::set{"/", "more", {}}));
  REQUIRE(g.status(g.leader()).first > g.status(at).last);
  g.rejoin(at);
  REQUIRE(g.sim.run_until([&] { return g.caught_up(at); }, 5s));
  g.sim.run_for(100ms);
  bool data = false, gone = false, below = false;
  for (const auto& f : w.log->fired)
    for (const auto& e : f.events) {
      data = data || (f.id == 1 && f.last && e.what == change::data);
      gone = gone || (f.id == 3 && f.last && e.what == change::deleted);
      below = below || (f.id == 2 && e.path == "/a" && e.what == change::data);
    }
  CHECK(data);
  CHECK(gone);
  CHECK(below);
}

// It watches all of the tree, at one replica after the other, with what it has seen.
TEST_CASE("tree watches: through crashes and cuts a watcher misses no change that left a trace") {
  std::size_t told = 0, moves = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    tree_shape shape;
    shape.zab = {.voters = 3,
                 .observers = static_cast<int>(seed % 2),
                 .seed = seed,
                 .log_bytes = seed % 3 == 0 ? 3'000U : 1'000'000U,
                 .sync = std::chrono::milliseconds{1 + seed % 7}};
    tree_group g{shape};
    REQUIRE(g.elect() >= 0);
    watching w{g};
    int at = 0;
    watch_id id = 0;
    caf::actor there;
    const auto follow = [&] {
      while (!g.runs(at)) at = (at + 1) % g.size();
      if (g.replica(at) == there) return;
      there = g.replica(at);
      ++moves;
      w.set(at, ++id, {"/", watch_kind::recursive}, w.log->seen);
    };
    follow();
    test::zab_chaos chaos{g, seed};
    chaos.run(50, [&](simulation::generator& chance) {
      const auto path = "/n" + std::to_string(chance.below(6));
      tree::command what = create{path, ""};
      if (chance.below(2) == 0) what = tree::set{path, "x", {}};
      if (chance.below(4) == 0) what = erase{path, {}};
      g.sim.spawn([&, what](caf::event_based_actor* self) {
        const tree::request r{what, 0, {}, {}};
        self->request(g.client, caf::infinite, consensus::command{encode(r)})
            .then([](consensus::reply&) {}, [](caf::error&) {});
      });
      bool any = false;
      for (int i = 0; i < g.size(); ++i) any = any || g.runs(i);
      if (!any) return;
      if (chance.below(8) == 0) at = (at + 1) % g.size();
      follow();
    });
    follow();
    g.sim.run_for(6s);
    REQUIRE(w.log->refused.empty());
    std::map<std::string, zxid> latest;
    for (const auto& f : w.log->fired)
      for (const auto& e : f.events)
        if (e.what != change::children) latest[e.path] = std::max(latest[e.path], f.at);
    for (int n = 0; n < 6; ++n) {
      const auto path = "/n" + std::to_string(n);
      const auto is = g.at<found>(g.leader(), exists{path});
      REQUIRE(is);
      if (is->is) CHECK(latest[path] >= is->is->modified);
    }
    CHECK(w.log->unread.empty());
    told += w.log->fired.size();
  }
  MESSAGE(told << " told, " << moves << " replicas");
  CHECK(told > 500);
  CHECK(moves > 200);
}

// Locks on the replicated map and on the coordination tree: who holds, who waits, what a cut, a death
// and a circle of waits do.
#include "actors/lock/locks.hpp"

#include "actors/lock/tree_store.hpp"
#include "map_group.hpp"
#include "tree_group.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace std::chrono_literals;
using lock::mode;
using test::map_group;
using test::tree_group;

caf::actor store_on(map_group& g, const caf::actor& way) {
  return lock::spawn_map_store(g.sim.system, way);
}
caf::actor store_on(tree_group& g, const caf::actor& way) {
  return lock::spawn_tree_store(g.sim.system, way);
}
std::unique_ptr<map_group> of_seed(std::uint64_t seed, const map_group*) {
  return std::make_unique<map_group>(3, seed);
}
std::unique_ptr<tree_group> of_seed(std::uint64_t seed, const tree_group*) {
  return std::make_unique<tree_group>(test::tree_shape{.zab = {.seed = seed}});
}

struct put_all_back {};
// A process with locks, and a way to where they are kept that can be cut.
template <class Group>
struct process {
  process(Group& g, const std::string& owner, lock::locks_settings how = {})
      : g{g}, way{g.sim, g.client} {
    how.owner = owner;
    store = store_on(g, way.actor);
    g.sim.adopt(store);
    locks = lock::spawn_locks(g.sim.system, store, how);
    g.sim.adopt(locks);
    user = g.sim.spawn([s = said, to = locks](caf::event_based_actor* self) -> caf::behavior {
      return {
          [=](const lock::take& wanted) {
            self->request(to, caf::infinite, wanted)
                .then(
                    [=](const lock::taken& t) {
                      s->fences.push_back(t.fence);
                      s->names.push_back(wanted.name);
                    },
                    [=](const caf::error& why) { s->refusals.push_back(sentence_of(why)); });
          },
          [=](const lock::put_back& what) {
            self->request(to, caf::infinite, what)
                .then([=](const lock::returned& r) { s->returned.push_back(r.held); },
                      [](const caf::error&) {});
          },
          [=](const lock::lock_lost& l) { s->lost.push_back(l.fence); },
      };
    });
  }
  ~process() {
    for (const auto& part : {user, locks, store})
      caf::anon_send_exit(part, caf::exit_reason::user_shutdown);
  }
  void take(const lock::take& wanted) { caf::anon_send(user, wanted); }
  void put_back(const std::string& name, mode as = mode::exclusive) {
    caf::anon_send(user, lock::put_back{name, as, {}});
  }
  bool takes(const lock::take& wanted, lock::duration within = 3s) {
    const auto before = said->fences.size();
    take(wanted);
    return g.sim.run_until([&] { return said->fences.size() > before; }, within);
  }
  struct heard {
    std::vector<std::uint64_t> fences{}, lost{};
    std::vector<std::string> names{}, refusals{};
    std::vector<bool> returned{};
  };
  std::uint64_t fence() const { return said->fences.empty() ? 0 : said->fences.back(); }

  Group& g;
  test::gate way;
  std::shared_ptr<heard> said = std::make_shared<heard>();
  caf::actor store, locks, user;
};
template <class Group>
struct ground {
  explicit ground(std::uint64_t seed = 1)
      : whole{of_seed(seed, static_cast<const Group*>(nullptr))}, g{*whole} {
    REQUIRE(g.elect() >= 0);
  }
  std::unique_ptr<Group> whole;
  Group& g;
};
}  // namespace

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::take)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::put_back)

TEST_CASE_TEMPLATE("locks: the second waits for the first, and has the higher fence", Group,
                   map_group, tree_group) {
  ground<Group> x;
  process a{x.g, "a"}, b{x.g, "b"};
  REQUIRE(a.takes({.name = "x"}));
  CHECK_FALSE(b.takes({.name = "x"}, 5s));
  a.put_back("x");
  REQUIRE(x.g.sim.run_until([&] { return b.fence() > 0; }, 1s));
  CHECK(b.fence() > a.fence());
  CHECK(a.said->returned == std::vector<bool>{true});
}

TEST_CASE("locks: on the map the next holds by the word of who lets go, before a majority has it") {
  ground<map_group> x;
  process a{x.g, "a"}, b{x.g, "b"}, c{x.g, "c"};
  REQUIRE(a.takes({.name = "x"}));
  b.take({.name = "x"});
  x.g.sim.run_for(500ms);
  c.take({.name = "x"});
  x.g.sim.run_for(500ms);
  const auto leader = x.g.leader();
  x.g.isolate(leader);
  a.put_back("x");
  REQUIRE(x.g.sim.run_until([&] { return b.fence() > 0; }, 100ms));
  CHECK(a.said->returned.empty());  // nobody has that on disk
  CHECK(c.fence() == 0);
  x.g.rejoin(leader);
  REQUIRE(x.g.sim.run_until([&] { return a.said->returned.size() == 1; }, 5s));
  CHECK(c.fence() == 0);
  b.put_back("x");
  REQUIRE(x.g.sim.run_until([&] { return c.fence() > 0; }, 1s));
  CHECK(c.fence() > b.fence());
  CHECK(b.said->lost.empty());
}

TEST_CASE_TEMPLATE(
    "locks: one that is kept is taken again without the store, and goes to who wants it", Group,
    map_group, tree_group) {
  ground<Group> x;
  process a{x.g, "a", {.keeps = 800ms}}, b{x.g, "b"};
  REQUIRE(b.takes({.name = "other"}));  // it has a session
  REQUIRE(a.takes({.name = "x"}));
  const auto puts_back = [&](process<Group>& p) {
    const auto before = p.said->returned.size();
    p.put_back("x");
    return x.g.sim.run_until([&] { return p.said->returned.size() > before; }, 1s);
  };
  REQUIRE(puts_back(a));
  x.g.sim.run_for(10ms);  // for the look behind
  *a.way.open = false;
  for (int i = 0; i < 10; ++i) {
    REQUIRE(a.takes({.name = "x"}, 1ms));
    CHECK(a.fence() == a.said->fences.front());
    REQUIRE(puts_back(a));
  }
  *a.way.open = true;
  REQUIRE(a.takes({.name = "x"}, 500ms));
  b.take({.name = "x"});
  x.g.sim.run_for(300ms);
  CHECK(b.said->fences.size() == 1);
  REQUIRE(puts_back(a));
  REQUIRE(x.g.sim.run_until([&] { return b.said->fences.size() == 2; }, 200ms));
  CHECK(b.fence() > a.fence());
  REQUIRE(puts_back(b));
  REQUIRE(a.takes({.name = "x"}));
  CHECK(a.fence() > b.fence());
  REQUIRE(puts_back(a));
  REQUIRE(a.takes({.name = "x"}));
  REQUIRE(puts_back(a));
  REQUIRE(b.takes({.name = "x"}, 200ms));  // it lay idle
  CHECK(a.said->lost.empty());
}

TEST_CASE_TEMPLATE("locks: what a process keeps goes back when it retires", Group, map_group,
                   tree_group) {
  ground<Group> x;
  process a{x.g, "a", {.keeps = 900ms}}, b{x.g, "b"};
  REQUIRE(a.takes({.name = "x"}));
  a.put_back("x");
  REQUIRE(x.g.sim.run_until([&] { return !a.said->returned.empty(); }, 1s));
  x.g.sim.run_for(5ms);
  caf::anon_send(a.locks, lock::retire{});
  REQUIRE(b.takes({.name = "x", .wait = 0ms}, 1s));
}

TEST_CASE_TEMPLATE("locks: who cannot reach the map has lost its lock before another has it", Group,
                   map_group, tree_group) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    ground<Group> x{seed};
    process a{x.g, "a"}, b{x.g, "b"};
    REQUIRE(a.takes({.name = "x"}));
    b.take({.name = "x"});
    x.g.sim.run_for(std::chrono::milliseconds{5'000 + 370 * seed});
    *a.way.open = false;
    REQUIRE(x.g.sim.run_until([&] { return b.fence() > 0; }, 12s));  // the lease and what it takes
    CHECK(a.said->lost == std::vector<std::uint64_t>{a.fence()});
    CHECK(b.fence() > a.fence());
    *a.way.open = true;
    x.g.sim.run_for(5s);
    CHECK(b.said->lost.empty());
    CHECK(a.said->fences.size() == 1);
  }
}

TEST_CASE_TEMPLATE("locks: an answer that is lost on its way leaves no second place", Group,
                   map_group, tree_group) {
  ground<Group> x;
  process a{x.g, "a"}, b{x.g, "b"};
  REQUIRE(b.takes({.name = "other"}));  // both have sessions
  REQUIRE(a.takes({.name = "other2"}));
  *a.way.deaf = true;
  a.take({.name = "x"});
  x.g.sim.run_for(1s);
  *a.way.deaf = false;
  REQUIRE(x.g.sim.run_until([&] { return a.said->fences.size() == 2; }, 12s));
  a.put_back("x");
  CHECK(b.takes({.name = "x"}));
}

TEST_CASE_TEMPLATE(
    "locks: readers share, a writer waits for all of them, and no reader overtakes it", Group,
    map_group, tree_group) {
  ground<Group> x;
  process a{x.g, "a"}, b{x.g, "b"}, w{x.g, "w"}, late{x.g, "late"};
  CHECK(a.takes({.name = "x", .as = mode::shared}));
  CHECK(b.takes({.name = "x", .as = mode::shared}));
  CHECK_FALSE(w.takes({.name = "x"}, 1s));
  CHECK_FALSE(late.takes({.name = "x", .as = mode::shared}, 1s));
  a.put_back("x", mode::shared);
  x.g.sim.run_for(1s);
  CHECK(w.fence() == 0);
  b.put_back("x", mode::shared);
  CHECK(x.g.sim.run_until([&] { return w.fence() > 0; }, 1s));
  CHECK(late.fence() == 0);
  w.put_back("x");
  CHECK(x.g.sim.run_until([&] { return late.fence() > 0; }, 1s));
}

TEST_CASE_TEMPLATE("locks: a semaphore has as many holders as permits, and its size is one for all",
                   Group, map_group, tree_group) {
  ground<Group> x;
  process a{x.g, "a"}, b{x.g, "b"}, c{x.g, "c"}, d{x.g, "d"};
  const auto permits = [](std::uint32_t count, std::uint32_t capacity) {
    return lock::take{.name = "pool", .as = mode::permits, .count = count, .capacity = capacity};
  };
  CHECK(a.takes(permits(1, 3)));
  CHECK(b.takes(permits(2, 3)));
  CHECK_FALSE(c.takes(permits(1, 3), 1s));
  CHECK_FALSE(d.takes(permits(1, 4), 1s));
  REQUIRE(d.said->refusals.size() == 1);
  CHECK(d.said->refusals[0] == "'pool' has 3 permits, not 4");
  a.put_back("pool", mode::permits);
  CHECK(x.g.sim.run_until([&] { return c.fence() > 0; }, 1s));
}

TEST_CASE_TEMPLATE("locks: tried, given up after a while, and taken again by the same owner", Group,
                   map_group, tree_group) {
  ground<Group> x;
  process a{x.g, "a"}, b{x.g, "b"};
  REQUIRE(a.takes({.name = "x"}));
  REQUIRE(a.takes({.name = "x"}));
  CHECK(a.said->fences[0] == a.said->fences[1]);
  b.take({.name = "x", .wait = 0ms});
  REQUIRE(x.g.sim.run_until([&] { return b.said->refusals.size() == 1; }, 2s));
  CHECK(b.said->refusals[0] == "'x' is not free");
  b.take({.name = "x", .wait = 1500ms});
  x.g.sim.run_for(1400ms);
  CHECK(b.said->refusals.size() == 1);
  REQUIRE(x.g.sim.run_until([&] { return b.said->refusals.size() == 2; }, 1s));
  a.put_back("x");
  x.g.sim.run_for(1s);
  CHECK_FALSE(b.takes({.name = "x", .wait = 0ms}, 2s));  // held once still
  a.put_back("x");
  x.g.sim.run_for(1s);
  CHECK(b.takes({.name = "x", .wait = 0ms}));  // nobody's place was left
}

TEST_CASE_TEMPLATE(
    "locks: who took it and ends has given it back; a whole process has with its session", Group,
    map_group, tree_group) {
  ground<Group> x;
  process b{x.g, "b"};
  {
    process a{x.g, "a"};
    REQUIRE(a.takes({.name = "x"}));
    caf::anon_send_exit(a.user, caf::exit_reason::user_shutdown);
    CHECK(b.takes({.name = "x"}, 1s));
    b.put_back("x");
    REQUIRE(x.g.sim.run_until([&] { return b.said->returned.size() == 1; }, 1s));
    process dies{x.g, "dies"};
    REQUIRE(dies.takes({.name = "y"}));
  }
  CHECK(b.takes({.name = "y"}, 11s));  // its lease, 10 s, plus one
}

TEST_CASE_TEMPLATE("locks: a lock is revoked by its fence, and its holder is told", Group,
                   map_group, tree_group) {
  ground<Group> x;
  process a{x.g, "a"}, b{x.g, "b"};
  REQUIRE(a.takes({.name = "x"}));
  b.take({.name = "x"});
  x.g.sim.run_for(1s);
  caf::anon_send(b.locks, lock::revoke{"x", a.fence()});
  REQUIRE(x.g.sim.run_until([&] { return b.fence() > 0; }, 1s));
  CHECK(x.g.sim.run_until([&] { return a.said->lost.size() == 1; }, 1s));
}

TEST_CASE_TEMPLATE("locks: a deadlock of three is found within a second, and one of them gives way",
                   Group, map_group, tree_group) {
  ground<Group> x;
  process a{x.g, "a"}, b{x.g, "b"}, c{x.g, "c"};
  REQUIRE(a.takes({.name = "x"}));
  REQUIRE(b.takes({.name = "y"}));
  REQUIRE(c.takes({.name = "z"}));
  a.take({.name = "y"});
  x.g.sim.run_for(100ms);
  b.take({.name = "z"});
  x.g.sim.run_for(100ms);
  c.take({.name = "x"});
  const auto refusals = [&] {
    return a.said->refusals.size() + b.said->refusals.size() + c.said->refusals.size();
  };
  REQUIRE(x.g.sim.run_until([&] { return refusals() > 0; }, 1s));
  x.g.sim.run_for(5s);
  CHECK(refusals() == 1);
  REQUIRE(c.said->refusals.size() == 1);  // who came last
  CHECK(c.said->refusals[0] ==
        "a deadlock, and this wait gives way: a waits for 'y', held by b; b waits for 'z', held by "
        "c; c waits for 'x', "
        "held by a");
  c.put_back("z");
  CHECK(x.g.sim.run_until([&] { return b.said->fences.size() == 2; }, 1s));
}

TEST_CASE_TEMPLATE("locks: twenty in line are served in order, one after the other", Group,
                   map_group, tree_group) {
  ground<Group> x;
  std::vector<std::unique_ptr<process<Group>>> all;
  for (int i = 0; i < 20; ++i) {
    all.push_back(std::make_unique<process<Group>>(x.g, "p" + std::to_string(i)));
    all.back()->take({.name = "x"});
    x.g.sim.run_for(50ms);
  }
  for (int i = 0; i < 20; ++i) {
    CAPTURE(i);
    REQUIRE(x.g.sim.run_until([&] { return all[i]->fence() > 0; }, 1s));
    for (int later = i + 1; later < 20; ++later) CHECK(all[later]->fence() == 0);
    all[i]->put_back("x");
  }
}

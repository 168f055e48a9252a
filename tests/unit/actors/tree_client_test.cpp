// A process's client of the coordination tree: its session, its commands, and what a lost leader does to them.
#include "actors/tree/tree_client.hpp"

#include "map_group.hpp"
#include "tree_group.hpp"

#include <vector>

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace troupe::tree;
using namespace std::chrono_literals;
using test::tree_group;

struct seen {
  std::vector<session_held> held{};
  std::vector<session_lost> lost{};
  std::vector<std::chrono::milliseconds> lost_at{};
};
// A process with an owner, and a way to the tree that can be cut.
struct process {
  explicit process(tree_group& of, tree_client_settings how = {})
      : g{of}, way{of.sim, of.client}, saw{std::make_shared<seen>()} {
    owner = g.sim.spawn([s = saw, &g = g](caf::event_based_actor*) {
      return caf::behavior{[s](const session_held& x) { s->held.push_back(x); },
                           [s, &g](const session_lost& x) {
                             s->lost.push_back(x);
                             s->lost_at.push_back(g.now());
                           }};
    });
    tree = spawn_tree(g.sim.system, way.actor, owner, how);
    g.sim.adopt(caf::actor_cast<caf::actor>(tree));
  }
  ~process() { caf::anon_send_exit(owner, caf::exit_reason::user_shutdown); }
  bool held(std::size_t times = 1) {
    return g.sim.run_until([&] { return saw->held.size() >= times; }, 20s);
  }
  template <class Done, class What>
  caf::expected<Done> ask(What what) {
    return g.await<Done>([&](caf::event_based_actor* self, auto then) {
      self->request(tree, caf::infinite, what)
          .then([then](zxid, Done& done) { then(std::move(done)); },
                [then](caf::error& why) { then(std::move(why)); });
    });
  }
  tree_group& g;
  test::gate way;
  std::shared_ptr<seen> saw;
  caf::actor owner;
  tree_actor tree;
};
struct ground {
  ground() { REQUIRE(g.elect() >= 0); }
  tree_group g;
};
}  // namespace

TEST_CASE("tree client: commands are under its session, and what is refused is not done") {
  ground x;
  process p{x.g};
  const auto made = p.ask<created>(create{"/e", "1", mode::ephemeral});  // waits for the session
  REQUIRE(made);
  REQUIRE(p.saw->held.size() == 1);
  CHECK(made->is.owner == p.saw->held[0].id);
  const auto twice = p.ask<created>(create{"/e", "", mode::persistent});
  REQUIRE_FALSE(twice);
  CHECK(twice.error() == errc::already_exists);
  CHECK(outcome_of(twice.error()) == outcome::not_done);
  const auto stale = p.ask<set_done>(tree::set{"/e", "2", 7});
  REQUIRE_FALSE(stale);
  CHECK(stale.error() == errc::refused);
  CHECK(sentence_of(stale.error()) ==
        "the node has another version: read it again and decide anew (it is at version 0)");
  CHECK(p.ask<set_done>(tree::set{"/e", "2", 0})->is.version == 1);
  CHECK(p.ask<got>(get{"/e"})->data == "2");
  CHECK(p.ask<checked>(check{"/e", 1}));
  const auto none = p.ask<multi_done>(multi{{create{"/m", ""}, check{"/e", 9}}});
  REQUIRE(none);
  CHECK_FALSE(none->succeeded);
  CHECK_FALSE(p.ask<found>(exists{"/m"})->is);
  CHECK(p.ask<names>(children{"/"})->all == std::vector<std::string>{"e"});
  CHECK(p.ask<browsed>(browse{"/"})->all.front().data == "2");
  CHECK(p.ask<synced>(tree::sync{}));
  CHECK(p.ask<erased>(erase{"/e", {}}));
}

TEST_CASE("tree client: without a session it has no ephemeral nodes, and asks nobody for one") {
  ground x;
  process p{x.g, {.timeout = 0ms}};
  CHECK(p.ask<created>(create{"/a", ""}));
  const auto no = p.ask<created>(create{"/e", "", mode::ephemeral});
  REQUIRE_FALSE(no);
  CHECK(no.error() == errc::refused);
  CHECK(p.saw->held.empty());
  CHECK(x.g.make<session_opened>(open_session{2s, std::string(16, 's')}));  // the first of all
}

TEST_CASE("tree client: a session lasts through leaders that die") {
  ground x;
  process p{x.g, {.timeout = 4s, .margin = 500ms}};
  REQUIRE(p.ask<created>(create{"/e", "", mode::ephemeral}));
  for (int turn = 0; turn < 3; ++turn) {
    const auto leads = x.g.elect();
    REQUIRE(leads >= 0);
    x.g.crash(leads);
    x.g.sim.run_for(5s);
    x.g.start(leads);
    x.g.sim.run_for(1s);
  }
  CHECK(p.saw->lost.empty());
  CHECK(p.saw->held.size() == 1);
  CHECK(p.ask<found>(exists{"/e"})->is);
}

TEST_CASE("tree client: a session is told lost before its nodes go, and another follows") {
  for (int delay = 0; delay < 10; ++delay) {
    CAPTURE(delay);
    ground x;
    process p{x.g, {.timeout = 4s, .margin = 500ms}};
    REQUIRE(p.ask<created>(create{"/e", "", mode::ephemeral}));
    x.g.sim.run_for(170ms * delay);
    *p.way.open = false;
    std::optional<std::chrono::milliseconds> gone;
    REQUIRE(x.g.sim.run_until(
        [&] {
          found none{stat{}};
          if (!x.g.at<found>(x.g.leader(), exists{"/e"}).value_or(none).is) gone = x.g.now();
          return gone.has_value();
        },
        10s));
    REQUIRE(p.saw->lost.size() == 1);
    CHECK(p.saw->lost[0].why == session_loss::lapsed);
    CHECK(p.saw->lost[0].id == p.saw->held[0].id);
    CHECK(p.saw->lost_at[0] + 500ms <= *gone);
    CHECK(p.saw->lost_at[0] + 2s > *gone);  // and is not given up needlessly early
    *p.way.open = true;
    REQUIRE(p.held(2));
    CHECK(p.saw->held[1].id > p.saw->held[0].id);
    CHECK(p.ask<created>(create{"/e", "", mode::ephemeral}));
  }
}

TEST_CASE("tree client: touches whose answers are lost for a while cost nothing") {
  ground x;
  process p{x.g, {.timeout = 6s, .margin = 500ms}};
  REQUIRE(p.ask<created>(create{"/e", "", mode::ephemeral}));
  *p.way.deaf = true;  // touches arrive, and are not answered
  x.g.sim.run_for(1s);
  CHECK(p.saw->lost.empty());
  *p.way.deaf = false;
  x.g.sim.run_for(10s);
  CHECK(p.saw->lost.empty());
  CHECK(x.g.at<found>(x.g.leader(), exists{"/e"})->is);
}

TEST_CASE("tree client: a create whose answer is lost with its leader is done once") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    tree_group g{{.zab = {.seed = seed}}};
    REQUIRE(g.elect() >= 0);
    process p{g};
    REQUIRE(p.ask<created>(create{"/q", ""}));
    auto answers = std::make_shared<std::vector<std::string>>();
    auto errors = std::make_shared<int>(0);
    g.sim.spawn([=, tree = p.tree](caf::event_based_actor* self) {
      for (int i = 0; i < 20; ++i)
        self->request(tree, caf::infinite, create{"/q/n-", "", mode::persistent_sequential})
            .then([=](zxid, const created& c) { answers->push_back(c.path); },
                  [=](const caf::error&) { ++*errors; });
    });
    g.sim.run_for(std::chrono::milliseconds{seed});  // some are in the log, some are on their way
    const auto leads = g.leader();
    g.crash(leads);
    REQUIRE(g.sim.run_until([&] { return answers->size() + *errors == 20; }, 20s));
    CHECK(*errors == 0);
    std::sort(answers->begin(), answers->end());
    CHECK(std::unique(answers->begin(), answers->end()) == answers->end());
    CHECK(g.children("/q").size() == 20);
  }
}

TEST_CASE("tree client: who leaves its session has its nodes gone at once, and so has who ends") {
  ground x;
  for (const bool leaves : {true, false}) {
    CAPTURE(leaves);
    process p{x.g};
    REQUIRE(p.ask<created>(create{"/e", "", mode::ephemeral}));
    if (leaves)
      caf::anon_send(p.tree, leave_session{});
    else
      caf::anon_send_exit(p.owner, caf::exit_reason::user_shutdown);
    CHECK(x.g.sim.run_until([&] { return x.g.children("/").empty(); }, 1s));
    CHECK(p.saw->lost.empty());
  }
}

TEST_CASE("tree client: without a leader commands end in time, each with what is known of it") {
  ground x;
  process p{x.g};
  REQUIRE(p.held());
  x.g.stop(0);
  x.g.stop(1);
  x.g.stop(2);
  x.g.sim.run_for(1s);
  const auto no = p.ask<created>(create{"/a", ""});
  REQUIRE_FALSE(no);
  CHECK(no.error() == errc::not_ready);  // it was never sent
  CHECK(outcome_of(no.error()) == outcome::not_done);
  const auto begun = x.g.now();
  REQUIRE(x.g.sim.run_until([&] { return !p.saw->lost.empty(); }, 12s));
  CHECK(x.g.now() - begun < 11s);
  const auto waits = p.ask<created>(create{"/b", ""});
  REQUIRE_FALSE(waits);
  CHECK(waits.error() == errc::not_ready);
}

// The coordination tree as actors: what users ask of it, sessions, and what only the leader may do.
#include "tree_group.hpp"
#include "zab_chaos.hpp"

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace troupe::tree;
using namespace std::chrono_literals;
using test::opened;
using test::tree_group;
using test::tree_shape;
}  // namespace

TEST_CASE("tree: what users make and ask, and what is refused") {
  tree_group g;
  REQUIRE(g.elect() >= 0);
  const auto made = g.make<created>(create{"/app", "v1"});
  REQUIRE(made);
  CHECK(made->path == "/app");
  CHECK(made->is.created_at > 0ms);
  CHECK(made->is.created_at <= g.now());
  CHECK(g.get("/app") == "v1");
  CHECK(g.refused(create{"/app", ""}) == refusal::node_exists);
  CHECK(g.make<set_done>(set{"/app", "v2", 0}));
  CHECK(g.refused(set{"/app", "v3", 0}) == refusal::bad_version);
  const auto all =
      g.make<multi_done>(multi{{check{"/app", 1}, create{"/app/a", ""}, erase{"/none", {}}}});
  REQUIRE(all);
  CHECK(!all->succeeded);
  CHECK(g.children("/app").empty());
  const auto first = g.make<created>(create{"/app/n-", "", mode::persistent_sequential});
  const auto second = g.make<created>(create{"/app/n-", "", mode::persistent_sequential});
  REQUIRE(second);
  CHECK(first->path < second->path);
  CHECK(second->is.created > first->is.created);
  CHECK(g.make<synced>(tree::sync{}));
}

TEST_CASE("tree: bytes that are no request are answered, and change nothing") {
  tree_group g;
  REQUIRE(g.elect() >= 0);
  for (const auto& bytes : {std::string{}, std::string{"\xff\x00nonsense", 10}}) {
    const auto said = g.request<consensus::reply>(g.client, consensus::command{bytes});
    REQUIRE(said);
    const auto r = decode<reply>(said->bytes);
    REQUIRE(r);
    CHECK(std::get<refused>(r->what).why == refusal::malformed);
    const auto asked =
        g.request<consensus::reply>(g.client, consensus::question{bytes, false, true});
    REQUIRE(asked);
    const auto a = decode<host_answer>(asked->bytes);
    REQUIRE(a);
    CHECK(std::get<not_touched>(*a).why == refusal::malformed);
  }
}

TEST_CASE("tree: what only the leader may put into the log is taken from nobody else") {
  tree_group g;
  REQUIRE(g.elect() >= 0);
  const auto s = g.open_session(5s);
  REQUIRE(s.id != 0);
  REQUIRE(g.make<created>(create{"/c", "", mode::container}));
  CHECK(g.refused(expire_session{s.id, 0}) == refusal::leaders_only);
  CHECK(g.refused(expire_session{s.id, 1}, s) == refusal::leaders_only);
  CHECK(g.refused(reap_container{"/c"}) == refusal::leaders_only);
  CHECK(g.touch(s));
  CHECK(g.get("/c"));
}

TEST_CASE("tree: an empty container that had children is reaped, and no other") {
  tree_group g;
  REQUIRE(g.elect() >= 0);
  REQUIRE(g.make<created>(create{"/used", "", mode::container}));
  REQUIRE(g.make<created>(create{"/fresh", "", mode::container}));
  REQUIRE(g.make<created>(create{"/used/a", ""}));
  g.sim.run_for(2s);
  CHECK(g.get("/used"));
  REQUIRE(g.make<erased>(erase{"/used/a", {}}));
  g.sim.run_for(600ms);
  CHECK(!g.get("/used"));
  CHECK(g.get("/fresh"));
  g.crash(g.leader());  // the next one does it as well
  REQUIRE(g.make<created>(create{"/fresh/a", ""}));
  REQUIRE(g.make<erased>(erase{"/fresh/a", {}}));
  g.sim.run_for(600ms);
  CHECK(!g.get("/fresh"));
}

TEST_CASE("tree: a session lives while it is touched, and ends with its nodes when it is not") {
  tree_group g;
  REQUIRE(g.elect() >= 0);
  const auto s = g.open_session(2s);
  REQUIRE(s.id != 0);
  REQUIRE(g.make<created>(create{"/mine", "", mode::ephemeral}, s));
  REQUIRE(g.make<created>(create{"/stays", ""}, s));
  for (int i = 0; i < 4; ++i) {
    g.sim.run_for(1500ms);
    REQUIRE(g.touch(s));
  }
  const auto last = g.now();
  CHECK(!g.touch({s.id, std::string(16, '?')}));  // another's guess keeps nothing alive
  while (g.now() < last + 1990ms) {
    REQUIRE(g.get("/mine"));
    g.sim.run_for(10ms);
  }
  g.sim.run_for(300ms);
  CHECK(!g.get("/mine"));
  CHECK(g.get("/stays"));
  const auto late = g.host(touch{s.id, s.secret});
  REQUIRE(late);
  CHECK(std::get<not_touched>(*late).why == refusal::session_unknown);
  CHECK(g.refused(create{"/mine", "", mode::ephemeral}, s) == refusal::session_unknown);
}

TEST_CASE("tree: a session lasts its time-out from the last touch on, whoever comes to lead") {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    CAPTURE(seed);
    tree_group g{{.zab = {.seed = seed}}};
    const auto leads = g.elect();
    REQUIRE(leads >= 0);
    const auto s = g.open_session(2s);
    REQUIRE(g.make<created>(create{"/mine", "", mode::ephemeral}, s));
    g.sim.run_for(std::chrono::milliseconds{200 * seed});
    const auto last = g.now();
    REQUIRE(g.touch(s));
    g.sim.run_for(std::chrono::milliseconds{150 * seed});
    g.crash(leads);
    g.start(leads);
    const auto crashed = g.now();
    while (g.now() < last + 2s) {
      REQUIRE(g.get("/mine"));
      g.sim.run_for(20ms);
    }
    // and its time-out anew from the new leader's beginning, but no longer
    g.sim.run_until([&] { return g.now() >= crashed + 2s + 1s; }, 5s);
    CHECK(!g.get("/mine"));
  }
}

TEST_CASE("tree: a leader that is cut off keeps no session alive and answers no question") {
  tree_group g;
  const auto leads = g.elect();
  const auto s = g.open_session(3s);
  REQUIRE(g.touch(s));
  g.isolate(leads);
  const auto ask = [&](std::string bytes, bool host) {
    return g.request<consensus::answered>(g.replica(leads),
                                          consensus::ask{std::move(bytes), false, host});
  };
  const auto kept = ask(encode(host_question{touch{s.id, s.secret}}), true);
  REQUIRE(kept);
  CHECK(kept->what == consensus::verdict::not_leader);
  const auto read = ask(encode(question{get{"/"}}), false);
  REQUIRE(read);
  CHECK(read->what == consensus::verdict::not_leader);
  REQUIRE(g.sim.run_until([&] { return g.leader() >= 0 && g.leader() != leads; }, 5s));
  CHECK(g.touch(s));  // by way of the new one
}

// Sessions and their nodes as each replica has them, entry by entry: whoever sees the one without the
// other has applied half an entry, or in another order.
TEST_CASE("tree: a session ends for all at one point of the order, and takes its nodes along") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    tree_group g{{.zab = {.voters = 3, .observers = 1, .seed = seed}}};
    REQUIRE(g.elect() >= 0);
    const auto s = g.open_session(2s);
    for (const auto* path : {"/a", "/b", "/c"})
      REQUIRE(g.make<created>(create{path, "", mode::ephemeral}, s));
    int others = 0;  // that go on meanwhile
    std::map<zxid, std::string> seen;
    const auto until = g.now() + 3s;
    int with = 0, without = 0;
    while (g.now() < until) {
      REQUIRE(g.make<created>(create{"/other" + std::to_string(++others), ""}));
      for (int steps = 0; steps < 40; ++steps) {
        g.sim.step();
        for (int i = 0; i < g.size(); ++i) {
          zxid when = 0, then = 0;
          bool one = true;  // it has not gone on between the questions
          const auto is = g.at<session_is>(i, session_info{s.id, s.secret}, &when);
          std::string state = is ? "open" : "over";
          for (const auto* path : {"/a", "/b", "/c"}) {
            const auto node = g.at<found>(i, exists{path}, &then);
            state += node && node->is ? '+' : '-';
            one = one && then == when;
          }
          if (!one) continue;
          const auto [known, fresh] = seen.emplace(when, state);
          CHECK(known->second == state);
          if (state == "open+++") ++with;
          if (state == "over---") ++without;
        }
      }
      g.sim.run_for(100ms);
    }
    bool over = false;  // once it has ended, it has for all that come later
    for (const auto& [when, state] : seen) {
      if (when < s.id + 3) continue;  // while the nodes were made
      over = over || state == "over---";
      CHECK(state == (over ? "over---" : "open+++"));
    }
    CHECK(with > 0);
    CHECK(without > 0);
  }
}

TEST_CASE("tree: a request that a client sends again is done once, also through another leader") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    tree_group g{{.zab = {.seed = seed}}};
    const auto leads = g.elect();
    REQUIRE(leads >= 0);
    REQUIRE(g.make<created>(create{"/q", ""}));
    std::vector<std::string> made;
    int answers = 0;
    for (int i = 0; i < 5; ++i)
      g.sim.spawn([&, to = g.client](caf::event_based_actor* self) {
        const tree::request r{create{"/q/n-", "", mode::persistent_sequential}, 0, {}, {}};
        self->request(to, caf::infinite, consensus::command{encode(r)})
            .then(
                [&](consensus::reply& got) {
                  ++answers;
                  const auto r = decode<reply>(got.bytes);
                  if (const auto* c = r ? std::get_if<created>(&r->what) : nullptr)
                    made.push_back(c->path.substr(3));
                },
                [&](caf::error&) { ++answers; });
      });
    for (std::uint64_t i = 0; i < seed * 2; ++i) g.sim.step();
    g.sim.run_for(std::chrono::milliseconds{seed % 6});
    g.crash(leads);
    REQUIRE(g.sim.run_until([&] { return answers == 5; }, 20s));
    CHECK(made.size() == 5);
    std::sort(made.begin(), made.end());
    CHECK(g.children("/q") == made);
  }
}

TEST_CASE("tree: all is there again after all have crashed, sessions too") {
  tree_shape shape;
  shape.zab.log_bytes = 4'000;
  tree_group g{shape};
  REQUIRE(g.elect() >= 0);
  const auto s = g.open_session(20s);
  REQUIRE(g.make<created>(create{"/mine", "x", mode::ephemeral}, s));
  for (int i = 0; i < 60; ++i)
    REQUIRE(g.make<created>(create{"/n-", "data", mode::persistent_sequential}));
  for (int i = 0; i < 3; ++i) g.crash(i);
  for (int i = 0; i < 3; ++i) g.start(i);
  CHECK(g.get("/mine") == "x");
  CHECK(g.children("/").size() == 61);
  CHECK(g.touch(s));
  CHECK(g.make<session_ended>(close_session{}, s)->nodes == 1);
  CHECK(!g.get("/mine"));
}

// Clients count under versions: what one was told it has set, nobody else was.
TEST_CASE(
    "tree: through crashes and cuts a version is set by one alone, and nothing told is lost") {
  std::size_t told = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    tree_shape shape;
    shape.zab = {.voters = seed % 3 == 0 ? 5 : 3,
                 .observers = static_cast<int>(seed % 2),
                 .seed = seed,
                 .log_bytes = seed % 4 == 0 ? 3'000U : 1'000'000U,
                 .sync = std::chrono::milliseconds{1 + seed % 7}};
    tree_group g{shape};
    REQUIRE(g.elect() >= 0);
    REQUIRE(g.make<created>(create{"/count", "0"}));
    const std::vector<caf::actor> clients{g.client, g.add_client("a"), g.add_client("b")};
    std::map<std::uint64_t, int> by_version;
    test::zab_chaos chaos{g, seed};
    chaos.run(40, [&](simulation::generator& chance) {
      const auto by = clients[chance.below(clients.size())];
      g.sim.spawn([&, by](caf::event_based_actor* self) {
        self->request(by, caf::infinite, consensus::question{encode(question{get{"/count"}})})
            .then(
                [&, self, by](consensus::reply& r) {
                  const auto seen = decode<reply>(r.bytes);
                  const auto* is = seen ? std::get_if<got>(&seen->what) : nullptr;
                  if (!is) return;
                  const auto next = std::to_string(std::stoi(is->data) + 1);
                  const tree::request wish{set{"/count", next, is->is.version}, 0, {}, {}};
                  self->request(by, caf::infinite, consensus::command{encode(wish)})
                      .then(
                          [&](consensus::reply& r) {
                            const auto did = decode<reply>(r.bytes);
                            const auto* done = did ? std::get_if<set_done>(&did->what) : nullptr;
                            if (done) ++by_version[done->is.version];
                          },
                          [](caf::error&) {});
                },
                [](caf::error&) {});
      });
    });
    g.sim.run_for(12s);  // the clients' patience, twice
    for (const auto& [version, times] : by_version) CHECK(times == 1);
    const auto last = tree_group::as<got>(g.question(g.client, get{"/count"}));
    REQUIRE(last);
    CHECK(last->data == std::to_string(last->is.version));
    if (!by_version.empty()) CHECK(last->is.version >= by_version.rbegin()->first);
    told += by_version.size();
    for (int i = 0; i < g.size(); ++i) CHECK(g.at<got>(i, get{"/count"})->data == last->data);
  }
  MESSAGE(told << " versions");
  CHECK(told > 400);
}

// Service names: one holder a name, told before another can have it, found from everywhere.
#include "actors/storage/names.hpp"

#include "map_group.hpp"

#include <algorithm>
#include <vector>

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace std::chrono_literals;
using std::chrono::milliseconds;
using test::freeze, test::map_group;

// An owner that takes a name again and again until it has it.
struct saw {
  std::vector<std::uint64_t> tokens{};
  std::vector<errc> refused{};
  std::optional<name_lost> lost{};
  milliseconds taken_at{}, lost_at{};
  bool persists = false, slow = false;
  caf::response_promise letting_go{};
};
class owner : public caf::event_based_actor {
 public:
  owner(caf::actor_config& config, std::shared_ptr<saw> s, caf::actor names)
      : caf::event_based_actor{config}, s_{std::move(s)}, names_{std::move(names)} {}
  void on_exit() override { names_ = nullptr; }
  caf::behavior make_behavior() override {
    return {
        [this](const std::string& name) { take(name); },
        [this](const name_lost& l) -> caf::result<void> {
          s_->lost = l;
          s_->lost_at = now();
          if (!s_->slow) return caf::unit;
          s_->letting_go = make_response_promise();
          return s_->letting_go;
        },
        [this](caf::ok_atom) { std::exchange(s_->letting_go, {}).deliver(caf::unit); },
        [this](const release_name& what) {
          request(names_, 20s, what).then([] {}, [](const caf::error&) {});
        },
    };
  }

 private:
  milliseconds now() {
    return std::chrono::duration_cast<milliseconds>(clock().now().time_since_epoch());
  }
  void take(const std::string& name) {
    request(names_, 100s, take_name{name, this})
        .then(
            [this](const name_taken& t) {
              s_->tokens.push_back(t.token);
              s_->taken_at = now();
            },
            [this, name](const caf::error& why) {
              s_->refused.push_back(code_of(why).value_or(errc::failed));
              if (s_->persists) delayed_send(this, 50ms, name);
            });
  }
  std::shared_ptr<saw> s_;
  caf::actor names_;
};

struct node {
  node(map_group& g, names_settings s) : world{g}, way{g.sim, g.client}, name{s.node} {
    names = spawn_names(g.sim.system, way.actor, std::move(s));
    g.sim.adopt(names);
  }
  std::shared_ptr<saw> take(const std::string& what, bool persists = false) {
    auto s = std::make_shared<saw>();
    s->persists = persists;
    owners.push_back(world.sim.system.spawn<owner>(s, names));
    world.sim.adopt(owners.back());
    caf::anon_send(owners.back(), what);
    return s;
  }
  caf::expected<name_found> find(const std::string& what) {
    return world.await<name_found>([&](caf::event_based_actor* self, auto then) {
      self->request(names, 20s, find_name{what})
          .then([then](name_found& f) { then(std::move(f)); },
                [then](caf::error& why) { then(std::move(why)); });
    });
  }
  caf::expected<caf::unit_t> release(const std::string& what) {
    return world.await<caf::unit_t>([&](caf::event_based_actor* self, auto then) {
      self->request(names, 20s, release_name{what})
          .then([then] { then(caf::unit); }, [then](caf::error& why) { then(std::move(why)); });
    });
  }
  bool took(const std::shared_ptr<saw>& s) {
    return world.sim.run_until([&] { return !s->tokens.empty(); }, 5s);
  }
  map_group& world;
  test::gate way;
  std::string name;
  caf::actor names;
  std::vector<caf::actor> owners;
};
struct two : map_group {
  explicit two(std::uint64_t seed = 1)
      : map_group{3, seed, {}, {.window = 4}}, a{*this, {.node = "a"}}, b{*this, {.node = "b"}} {
    REQUIRE(elect() >= 0);
    caf::anon_send(a.names, peer_up{"b", b.names});
    caf::anon_send(b.names, peer_up{"a", a.names});
  }
  node a, b;
};
}  // namespace

TEST_CASE("names: of two that want one, one has it, and both find it") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    two n{seed};
    const auto first = n.a.take("billing"), second = n.b.take("billing");
    REQUIRE(n.sim.run_until(
        [&] {
          return first->tokens.size() + first->refused.size() == 1 &&
                 second->tokens.size() + second->refused.size() == 1;
        },
        5s));
    CHECK(first->tokens.size() + second->tokens.size() == 1);
    auto& won = first->tokens.empty() ? n.b : n.a;
    auto& lost = first->tokens.empty() ? n.a : n.b;
    const auto token = (first->tokens.empty() ? second : first)->tokens.at(0);
    CHECK((first->tokens.empty() ? first : second)->refused == std::vector{errc::already_exists});
    for (auto* from : {&won, &lost}) {
      const auto found = from->find("billing");
      REQUIRE_MESSAGE(found, sentence_of(found.error()));
      CHECK(found->node == won.name);
      CHECK(found->token == token);
      CHECK(found->who == won.owners.at(0));
    }
    CHECK(n.get("/troupe/names/billing") == won.name);
  }
}

TEST_CASE("names: who is cut off from the map is told before another can have the name") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    two n{seed};
    const auto first = n.a.take("x");
    REQUIRE(n.a.took(first));
    const auto second = n.b.take("x", true);
    n.sim.run_for(milliseconds{9'000 + 330 * seed});
    REQUIRE(!first->lost);
    REQUIRE(second->tokens.empty());
    *n.a.way.open = false;
    const auto cut = n.now();
    REQUIRE(n.sim.run_until([&] { return !second->tokens.empty(); }, 10s));
    REQUIRE(first->lost);
    CHECK(first->lost->why == name_loss::lapsed);
    CHECK(first->lost->token == first->tokens.at(0));
    CHECK(second->taken_at - first->lost_at >= 400ms);
    CHECK(second->tokens.at(0) > first->tokens.at(0));
    CHECK(n.now() - cut <= 6s);
    *n.a.way.open = true;
    CHECK(n.a.find("x")->node == "b");
  }
}

TEST_CASE("names: who is told to release one keeps it until it has let go") {
  two n;
  const auto first = n.a.take("x");
  REQUIRE(n.a.took(first));
  const auto second = n.b.take("x", true);
  first->slow = true;
  n.sim.spawn([&](caf::event_based_actor* self) { self->send(n.a.names, release_name{"x"}); });
  n.sim.run_for(2s);
  REQUIRE(first->lost);
  CHECK(first->lost->why == name_loss::released);
  CHECK(second->tokens.empty());
  caf::anon_send(n.a.owners.at(0), caf::ok_atom::value);
  n.sim.run_for(300ms);
  CHECK(second->tokens.size() == 1);
  const auto no = n.a.release("x");
  REQUIRE(!no);
  CHECK(code_of(no.error()) == errc::not_found);
}

TEST_CASE("names: who releases its own is told nothing, and an owner that ends has released") {
  two n;
  const auto first = n.a.take("x");
  REQUIRE(n.a.took(first));
  caf::anon_send(n.a.owners.at(0), release_name{"x"});
  REQUIRE(n.sim.run_until([&] { return !n.get("/troupe/names/x"); }, 1s));
  CHECK(!first->lost);
  const auto second = n.b.take("x");
  REQUIRE(n.b.took(second));
  const auto third = n.a.take("x", true);
  caf::anon_send_exit(n.b.owners.at(0), caf::exit_reason::kill);
  REQUIRE(n.sim.run_until([&] { return !third->tokens.empty(); }, 1s));
  CHECK(third->tokens.at(0) > second->tokens.at(0));
}

TEST_CASE("names: taking what one has says so again, and nonsense is refused") {
  two n;
  const auto first = n.a.take("x");
  REQUIRE(n.a.took(first));
  caf::anon_send(n.a.owners.at(0), std::string{"x"});
  n.sim.run_for(100ms);
  CHECK(first->tokens == std::vector{first->tokens.at(0), first->tokens.at(0)});
  const auto other = n.a.take("x");  // another actor of the same node
  n.sim.run_for(100ms);
  CHECK(other->refused == std::vector{errc::already_exists});
  for (const auto* bad : {"", "with blank", "line\n"}) {
    const auto none = n.a.take(bad);
    n.sim.run_for(100ms);
    CHECK(none->refused == std::vector{errc::invalid_argument});
  }
  CHECK(code_of(n.a.find("nobodys").error()) == errc::not_found);
}

TEST_CASE("names: a key that somebody deletes takes the name away, and its owner is told") {
  two n;
  const auto first = n.a.take("x"), kept = n.a.take("y");
  REQUIRE(n.a.took(first));
  REQUIRE(n.a.took(kept));
  REQUIRE(n.ask(n.client, storage::command{storage::erase{storage::one("/troupe/names/x")}}));
  REQUIRE(n.sim.run_until([&] { return first->lost.has_value(); }, 1s));
  CHECK(first->lost->why == name_loss::deleted);
  CHECK(!kept->lost);
  const auto second = n.b.take("x");
  REQUIRE(n.b.took(second));
  n.sim.run_for(10s);
  CHECK(!second->lost);
  CHECK(n.b.find("x")->node == "b");
}

TEST_CASE("names: a deletion that the watch has missed is found out") {
  two n;
  const auto first = n.a.take("x"), kept = n.a.take("y");
  REQUIRE(n.a.took(first));
  REQUIRE(n.a.took(kept));
  n.sim.run_for(1s);
  freeze names{n, n.a.names, find_name{"x"}};  // takes nothing: its watch is overrun
  for (int i = 0; i < 20; ++i) REQUIRE(n.put("/troupe/names/z", std::to_string(i)) > 0);
  REQUIRE(n.ask(n.client, storage::command{storage::erase{storage::one("/troupe/names/x")}}));
  REQUIRE(n.ask(n.client, storage::command{storage::compact{n.put("/else", "")}}));
  n.sim.run_for(1s);
  names.thaw();
  REQUIRE(n.sim.run_until([&] { return first->lost.has_value(); }, 3s));
  CHECK(first->lost->why == name_loss::deleted);
  REQUIRE(n.ask(n.client, storage::command{storage::erase{storage::one("/troupe/names/y")}}));
  REQUIRE(n.sim.run_until([&] { return kept->lost.has_value(); }, 3s));
}

TEST_CASE("names: the map's leader may change, and names stay") {
  two n;
  const auto first = n.a.take("x");
  REQUIRE(n.a.took(first));
  const auto other = n.b.take("x", true);
  for (int i = 0; i < 2; ++i) {
    const auto leads = n.leader();
    REQUIRE(leads >= 0);
    n.crash(leads);
    n.start(leads);
    n.sim.run_for(4s);
  }
  CHECK(!first->lost);
  CHECK(other->tokens.empty());
}

TEST_CASE("names: without the map nothing is taken, and what was begun leaves no name behind") {
  two n;
  *n.a.way.open = false;
  const auto first = n.a.take("x");
  n.sim.run_for(7s);
  CHECK(first->refused == std::vector{errc::not_ready});
  *n.a.way.open = true;
  n.sim.run_for(6s);
  CHECK(!n.get("/troupe/names/x"));
}

TEST_CASE(
    "names: cut off while it takes one, at whatever moment, a name is taken or free in the end") {
  int taken = 0, refused = 0, unsure = 0;
  for (std::uint64_t seed = 1; seed <= 120; ++seed) {
    CAPTURE(seed);
    two n{seed};
    const auto first = n.a.take("x");
    for (std::uint64_t i = 0; i < seed / 2; ++i) n.sim.step();
    const bool deaf = seed % 2 == 0;  // what it asks is done, and it does not hear of it
    *n.a.way.deaf = deaf;
    *n.a.way.open = deaf;
    n.sim.run_for(milliseconds{200 * (seed % 40)});
    const bool there = n.get("/troupe/names/x").has_value();
    if (there && first->tokens.empty()) ++unsure;
    *n.a.way.deaf = false;
    *n.a.way.open = true;
    n.sim.run_for(20s);
    REQUIRE(first->tokens.size() + first->refused.size() == 1);
    const bool has = !first->tokens.empty() && !first->lost;
    CHECK(n.get("/troupe/names/x") == (has ? std::optional<std::string>{"a"} : std::nullopt));
    (has ? taken : refused) += 1;
    if (has) continue;
    const auto next = n.b.take("x");
    REQUIRE(n.b.took(next));
    if (!first->tokens.empty()) CHECK(next->tokens.at(0) > first->tokens.at(0));
  }
  CHECK(taken > 0);
  CHECK(refused > 0);
  CHECK(unsure > 0);
}

TEST_CASE("names: who is patient has its name once the map is back, wherever it had come to") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    map_group g{3, seed};
    REQUIRE(g.elect() >= 0);
    node a{g, {.node = "a", .lease = {.ttl = 20s}, .patience = 60s}};
    const auto first = a.take("x");
    for (std::uint64_t i = 0; i < seed; ++i) g.sim.step();
    g.crash(1);
    g.crash(2);
    g.sim.run_for(7s);  // longer than the client's patience
    g.start(1);
    g.start(2);
    g.sim.run_for(30s);
    CHECK(first->tokens.size() == 1);
    CHECK(!first->lost);
    CHECK(g.get("/troupe/names/x") == "a");
  }
}

TEST_CASE("names: a node that retires has released all it had, and takes none any more") {
  two n;
  const auto x = n.a.take("x"), y = n.a.take("y");
  REQUIRE(n.a.took(x));
  REQUIRE(n.a.took(y));
  const auto done = n.await<caf::unit_t>([&](caf::event_based_actor* self, auto then) {
    self->request(n.a.names, 20s, retire_names{})
        .then([then] { then(caf::unit); }, [then](caf::error& why) { then(std::move(why)); });
  });
  REQUIRE(done);
  CHECK(x->lost->why == name_loss::released);
  CHECK(y->lost->why == name_loss::released);
  CHECK(!n.get("/troupe/names/x"));
  const auto late = n.a.take("z");
  n.sim.run_for(100ms);
  CHECK(late->refused == std::vector{errc::not_ready});
}

TEST_CASE("names: names whose actor ends unasked are not free before their lease has run out") {
  two n;
  const auto first = n.a.take("x");
  REQUIRE(n.a.took(first));
  caf::anon_send_exit(n.a.names, caf::exit_reason::kill);  // and its owner goes on, unaware
  n.sim.run_for(4s);
  CHECK(n.get("/troupe/names/x") == "a");
  REQUIRE(n.sim.run_until([&] { return !n.get("/troupe/names/x"); }, 3s));
}

TEST_CASE(
    "names: one that is on a node that is not reached, or is not sure, is not found, and says "
    "why") {
  two n;
  const auto first = n.a.take("x");
  REQUIRE(n.a.took(first));
  caf::anon_send(n.b.names, peer_down{"a"});
  CHECK(code_of(n.b.find("x").error()) == errc::unreachable);
  REQUIRE(n.put("/troupe/names/y", "b") > 0);  // of an earlier life of b, say
  CHECK(code_of(n.a.find("y").error()) == errc::not_ready);
  CHECK(code_of(n.b.find("y").error()) == errc::not_ready);
}

// The map as actors: its users' requests, and the time of leases through crashes and leaders.
#include "actors/storage/lease_holder.hpp"
#include "map_group.hpp"
#include "patterns/encoding.hpp"

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace troupe::storage;
using namespace std::chrono_literals;
using test::map_group;

template <class Done, class Request>
caf::expected<Done> of_map(map_group& g, const map_actor& kv, Request what) {
  return g.await<Done>([&](caf::event_based_actor* self, auto then) {
    self->request(kv, 30s, what)
        .then([then](revision, Done& done) { then(std::move(done)); },
              [then](caf::error& why) { then(std::move(why)); });
  });
}
}  // namespace

TEST_CASE("map: what users ask, and what is refused") {
  map_group g;
  REQUIRE(g.elect() >= 0);
  const auto kv = spawn_map(g.sim.system, g.client);
  g.sim.adopt(caf::actor_cast<caf::actor>(kv));
  REQUIRE(of_map<put_done>(g, kv, put{"colour", "red"}));
  const auto seen = of_map<got>(g, kv, get{one("colour")});
  REQUIRE(seen);
  CHECK(seen->items.at(0).value == "red");
  auto set = of_map<set_done>(g, kv, compare_and_set{.key = "colour", .value = "blue"});
  REQUIRE(set);
  CHECK(!set->set);  // it is not absent
  REQUIRE(set->there);
  CHECK(set->there->value == "red");
  set =
      of_map<set_done>(g, kv, compare_and_set{.key = "colour", .value = "blue", .expected = "red"});
  REQUIRE(set);
  CHECK(set->set);
  set = of_map<set_done>(g, kv, compare_and_set{.key = "shape", .value = "round"});
  CHECK((set && set->set));
  set = of_map<set_done>(
      g, kv,
      compare_and_set{.key = "colour", .value = "green", .modified = seen->items[0].mod_revision});
  CHECK((set && !set->set && set->there->value == "blue"));
  const auto no = of_map<put_done>(g, kv, put{"", "x"});
  REQUIRE(!no);
  CHECK(code_of(no.error()) == errc::invalid_argument);
  CHECK(outcome_of(no.error()) == outcome::not_done);
  CHECK(sentence_of(no.error()) == explain(refusal::key_empty));
  const auto gone = of_map<revoked>(g, kv, lease_revoke{77});
  REQUIRE(!gone);
  CHECK(code_of(gone.error()) == errc::not_found);
  caf::anon_send_exit(kv, caf::exit_reason::user_shutdown);
}

TEST_CASE("map: with a minority left, nobody knows whether a command was done") {
  map_group g;
  const auto leads = g.elect();
  REQUIRE(g.put("k", "1") > 0);
  g.stop((leads + 1) % 3);
  g.stop((leads + 2) % 3);
  const auto done = g.ask(g.client, command{put{"k", "2"}});
  REQUIRE(!done);
  CHECK(outcome_of(done.error()) == outcome::unknown);
}

TEST_CASE(
    "lease: runs out once nobody keeps it alive, and its keys go with it, not before its ttl") {
  map_group g;
  REQUIRE(g.elect() >= 0);
  const auto lease = g.grant(2s);
  REQUIRE(lease != 0);
  REQUIRE(g.put("k", "held", lease) > 0);
  REQUIRE(g.put("other", "stays") > 0);
  auto last = g.now();
  for (int i = 0; i < 3; ++i) {
    g.sim.run_for(1500ms);
    last = g.now();
    REQUIRE(g.keep_alive(lease));
  }
  while (g.now() < last + 2s) {
    REQUIRE(g.get("k") == "held");
    g.sim.run_for(20ms);
  }
  g.sim.run_for(300ms);
  CHECK(!g.get("k"));
  CHECK(g.get("other") == "stays");
  const auto late = g.keep_alive(lease);
  REQUIRE(late);
  CHECK(std::holds_alternative<not_kept>(*late));
}

TEST_CASE("lease: lasts its ttl from the last keepalive on, whoever comes to lead meanwhile") {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    CAPTURE(seed);
    map_group g{3, seed};
    const auto leads = g.elect();
    REQUIRE(leads >= 0);
    const auto lease = g.grant(2s);
    REQUIRE(g.put("k", "held", lease) > 0);
    g.sim.run_for(std::chrono::milliseconds{200 * seed});
    const auto last = g.now();
    REQUIRE(g.keep_alive(lease));
    g.sim.run_for(std::chrono::milliseconds{150 * seed});
    g.crash(leads);
    g.start(leads);
    const auto crashed = g.now();
    while (g.now() < last + 2s) {
      REQUIRE(g.get("k") == "held");
      g.sim.run_for(20ms);
    }
    // and its ttl anew from the new leader's beginning, but no longer
    g.sim.run_until([&] { return g.now() >= crashed + 2s + 1s; }, 5s);
    CHECK(!g.get("k"));
  }
}

TEST_CASE("lease: a deposed leader that does not know it keeps nothing alive") {
  map_group g;
  const auto leads = g.elect();
  REQUIRE(leads >= 0);
  const auto lease = g.grant(2s);
  REQUIRE(g.keep_alive(lease));
  g.isolate(leads);
  const auto said = g.await<consensus::answered>([&](caf::event_based_actor* self, auto then) {
    self->request(g.replica(leads), caf::infinite,
                  consensus::ask{.question = encode(host_question{keepalive{lease}}), .host = true})
        .then([then](consensus::answered& a) { then(std::move(a)); },
              [then](caf::error& why) { then(std::move(why)); });
  });
  REQUIRE(said);
  CHECK(said->what == consensus::verdict::not_leader);
  REQUIRE(g.sim.run_until([&] { return g.leader() >= 0 && g.leader() != leads; }, 5s));
  CHECK(g.keep_alive(lease));  // by way of the new one
}

namespace {
struct owner_saw {
  lease_id lease = 0;
  std::optional<lease_lost> lost{};
  caf::response_promise letting_go{};
};
caf::behavior owner(caf::event_based_actor* self, std::shared_ptr<owner_saw> saw, bool slow) {
  return {
      [=](const lease_held& x) { saw->lease = x.lease; },
      [=](caf::ok_atom) { std::exchange(saw->letting_go, {}).deliver(caf::unit); },
      [=](const lease_lost& x) -> caf::result<void> {
        saw->lost = x;
        if (!slow) return caf::unit;
        saw->letting_go = self->make_response_promise();
        return saw->letting_go;
      },
  };
}
}  // namespace

TEST_CASE(
    "lease holder: keeps its lease through a change of leaders, and knows when it has lost it") {
  map_group g;
  const auto leads = g.elect();
  test::gate way{g.sim, g.client};
  auto saw = std::make_shared<owner_saw>();
  const auto whose = g.sim.spawn(owner, saw, false);
  g.sim.adopt(spawn_lease_holder(g.sim.system, way.actor, whose, {.ttl = 3s, .margin = 500ms}));
  REQUIRE(g.sim.run_until([&] { return saw->lease != 0; }, 5s));
  REQUIRE(g.put("k", "held", saw->lease) > 0);
  g.sim.run_for(10s);
  g.crash(leads);
  g.start(leads);
  g.sim.run_for(10s);
  CHECK(!saw->lost);
  CHECK(g.get("k") == "held");
  *way.open = false;
  REQUIRE(g.sim.run_until([&] { return saw->lost.has_value(); }, 3s));
  CHECK(saw->lost->why == lease_loss::lapsed);
  const auto lost_at = g.now();
  while (g.now() < lost_at + 400ms) {  // what is left of the margin
    REQUIRE(g.get("k") == "held");
    g.sim.run_for(20ms);
  }
  g.sim.run_for(3s);
  CHECK(!g.get("k"));
}

TEST_CASE("lease holder: what is given back goes only when the owner has let go of it") {
  map_group g;
  REQUIRE(g.elect() >= 0);
  auto saw = std::make_shared<owner_saw>();
  const auto whose = g.sim.spawn(owner, saw, true);
  const auto holder = spawn_lease_holder(g.sim.system, g.client, whose, {.ttl = 60s});
  g.sim.adopt(holder);
  REQUIRE(g.sim.run_until([&] { return saw->lease != 0; }, 5s));
  REQUIRE(g.put("k", "held", saw->lease) > 0);
  caf::anon_send(holder, release_lease{});
  g.sim.run_for(5s);
  REQUIRE(saw->lost);
  CHECK(saw->lost->why == lease_loss::released);
  CHECK(g.get("k") == "held");
  caf::anon_send(whose, caf::ok_atom::value);
  g.sim.run_for(100ms);
  CHECK(!g.get("k"));
}

TEST_CASE("lease holder: a lease that the map refuses is lost with a sentence") {
  map_group g;
  REQUIRE(g.elect() >= 0);
  auto saw = std::make_shared<owner_saw>();
  const auto whose = g.sim.spawn(owner, saw, false);
  g.sim.adopt(spawn_lease_holder(g.sim.system, g.client, whose, {.ttl = 100ms, .margin = 20ms}));
  REQUIRE(g.sim.run_until([&] { return saw->lost.has_value(); }, 5s));
  CHECK(saw->lost->why == lease_loss::refused);
  CHECK(saw->lost->sentence == explain(refusal::ttl_out_of_range));
}

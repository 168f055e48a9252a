// Leadership on the map: elected, lost in time, resigned, observed.
#include "actors/election/campaign.hpp"
#include "map_group.hpp"

#include <vector>

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace troupe::election;
using namespace std::chrono_literals;
using std::chrono::milliseconds;
using test::map_group;

struct saw {
  std::vector<std::uint64_t> tokens{};
  milliseconds elected_at{}, lost_at{};
  std::optional<lost> gone{};
  int proclaimed = 0;
  bool slow = false;
  caf::response_promise letting_go{};
};
caf::behavior owner(caf::event_based_actor* self, std::shared_ptr<saw> s) {
  const auto now = [self] {
    return std::chrono::duration_cast<milliseconds>(self->clock().now().time_since_epoch());
  };
  return {
      [=](const elected& x) {
        s->tokens.push_back(x.token);
        s->elected_at = now();
      },
      [=](const lost& x) -> caf::result<void> {
        s->gone = x;
        s->lost_at = now();
        if (!s->slow) return caf::unit;
        s->letting_go = self->make_response_promise();
        return s->letting_go;
      },
      [=](proclaimed) { ++s->proclaimed; },
      [=](caf::ok_atom) { std::exchange(s->letting_go, {}).deliver(caf::unit); },
      [](const declined&) {},
  };
}
struct standing {
  standing(map_group& g, const std::string& name, settings bounds = {})
      : s{std::make_shared<saw>()}, way{g.sim, g.client} {
    whose = g.sim.spawn(owner, s);
    campaign = spawn_campaign(g.sim.system, way.actor, whose,
                              {.election = "e", .name = name, .bounds = bounds});
    g.sim.adopt(campaign);
  }
  bool leads() const { return !s->tokens.empty() && !s->gone; }
  std::shared_ptr<saw> s;
  test::gate way;
  caf::actor whose, campaign;
};
struct gallery {
  explicit gallery(map_group& g) {
    whom = g.sim.spawn([told = told](caf::event_based_actor*) {
      return caf::behavior{[=](const leader& x) { told->push_back(x.name + "=" + x.value); },
                           [=](vacant) { told->push_back("-"); }};
    });
    g.sim.adopt(spawn_observer(g.sim.system, g.client, whom, {.election = "e"}));
  }
  std::shared_ptr<std::vector<std::string>> told = std::make_shared<std::vector<std::string>>();
  caf::actor whom;
};
}  // namespace

TEST_CASE("election: a leader whose way to the map is cut has lost before another is elected") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    map_group g{3, seed};
    REQUIRE(g.elect() >= 0);
    standing a{g, "a"}, b{g, "b"};
    caf::anon_send(a.campaign, campaign{"A"});
    REQUIRE(g.sim.run_until([&] { return a.leads(); }, 5s));
    caf::anon_send(b.campaign, campaign{"B"});
    g.sim.run_for(milliseconds{9'000 + 330 * seed});
    REQUIRE(a.leads());
    REQUIRE(!b.leads());
    *a.way.open = false;
    const auto cut = g.now();
    REQUIRE(g.sim.run_until([&] { return b.leads(); }, 10s));
    REQUIRE(a.s->gone);
    CHECK(a.s->gone->why == loss::lapsed);
    CHECK(a.s->lost_at < b.s->elected_at);
    CHECK(b.s->elected_at - a.s->lost_at >= 400ms);
    CHECK(g.now() - cut <= 6s);
    CHECK(b.s->tokens.at(0) > a.s->tokens.at(0));
  }
}

TEST_CASE("election: the map's leader may change, and the election's stays") {
  map_group g;
  const auto leads = g.elect();
  standing a{g, "a", {.ttl = 3s}}, b{g, "b", {.ttl = 3s}};
  caf::anon_send(a.campaign, campaign{"A"});
  REQUIRE(g.sim.run_until([&] { return a.leads(); }, 5s));
  caf::anon_send(b.campaign, campaign{"B"});
  g.sim.run_for(4s);
  g.crash(leads);
  g.start(leads);
  g.sim.run_for(4s);
  g.crash((leads + 1) % 3);
  g.start((leads + 1) % 3);
  g.sim.run_for(10s);
  CHECK(a.leads());
  CHECK(b.s->tokens.empty());
}

TEST_CASE("election: who resigns gives way once it has let go, and everybody sees who leads") {
  map_group g;
  REQUIRE(g.elect() >= 0);
  gallery seen{g};
  standing a{g, "a"}, b{g, "b"};
  caf::anon_send(a.campaign, campaign{"A"});
  REQUIRE(g.sim.run_until([&] { return a.leads(); }, 5s));
  caf::anon_send(b.campaign, campaign{"B"});
  g.sim.run_for(500ms);
  caf::anon_send(a.campaign, proclaim{"A2"});
  g.sim.run_for(500ms);
  CHECK(a.s->proclaimed == 1);
  a.s->slow = true;
  caf::anon_send(a.campaign, resign{});
  g.sim.run_for(2s);
  CHECK(a.s->gone->why == loss::resigned);
  CHECK(b.s->tokens.empty());
  caf::anon_send(a.whose, caf::ok_atom::value);
  g.sim.run_for(200ms);
  CHECK(b.leads());
  CHECK(*seen.told == std::vector<std::string>{"-", "a=A", "a=A2", "b=B"});
  const auto no = g.sim.ask<caf::unit_t>(a.campaign, resign{});
  REQUIRE(!no);
  CHECK(code_of(no.error()) == errc::refused);
}

TEST_CASE("election: an owner that ends makes way at once") {
  map_group g;
  REQUIRE(g.elect() >= 0);
  standing a{g, "a", {.ttl = 30s}}, b{g, "b", {.ttl = 30s}};
  caf::anon_send(a.campaign, campaign{"A"});
  REQUIRE(g.sim.run_until([&] { return a.leads(); }, 5s));
  caf::anon_send(b.campaign, campaign{"B"});
  g.sim.run_for(500ms);
  caf::anon_send_exit(a.whose, caf::exit_reason::kill);
  g.sim.run_for(500ms);
  CHECK(b.leads());
}

// Waits for keys of the map to go, at replicas that die, are cut off, and come again.
#include "actors/storage/departures.hpp"

#include "map_group.hpp"

#include <vector>

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace troupe::storage;
using namespace std::chrono_literals;
using test::map_group;
using how = departures::how;

struct told {
  departures::wait id = 0;
  how what{};
  revision at = 0;
  bool operator==(const told&) const = default;
};
struct wish {
  departures::wait id = 0;
  std::vector<std::string> keys{};
  revision from = 0;
  std::string own{};
};
TROUPE_MESSAGE(wish, id, keys, from, own)

class waiter : public caf::event_based_actor {
 public:
  waiter(caf::actor_config& config, caf::actor client, std::shared_ptr<std::vector<told>> all)
      : caf::event_based_actor{config},
        gone_{this, std::move(client), {}, [all = std::move(all)](auto id, auto end) {
                all->push_back({id, end.what, end.at});
              }} {}
  void on_exit() override { gone_.clear(); }
  caf::behavior make_behavior() override {
    set_down_handler([this](const caf::down_msg& who) { gone_.down(who); });
    return gone_.handlers().or_else(
        [this](const wish& w) { gone_.await(w.id, w.keys, w.from, w.own); });
  }

 private:
  departures gone_;
};
struct ground {
  explicit ground(std::uint64_t seed = 1) : g{3, seed} {
    REQUIRE(g.elect() >= 0);
    it = g.sim.system.spawn<waiter>(g.client, all);
    g.sim.adopt(it);
  }
  ~ground() { caf::anon_send_exit(it, caf::exit_reason::user_shutdown); }
  void wait(wish w) {
    caf::anon_send(it, std::move(w));
    g.sim.run_for(100ms);
  }
  revision erase_key(const std::string& key, std::optional<note> ahead = {}) {
    const auto done = g.await<reply>([&](auto* self, auto then) {
      ask_map(self, g.client, 20s, command{erase{one(key)}}, then, ahead);
    });
    return done ? done->at : 0;
  }
  bool hears(std::size_t many, caf::timespan within = 1s) {
    return g.sim.run_until([&] { return all->size() >= many; }, within);
  }
  map_group g;
  std::shared_ptr<std::vector<told>> all = std::make_shared<std::vector<told>>();
  caf::actor it;
};
}  // namespace
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(wish)

TEST_CASE("departures: each is told once, of the key that goes, also if it has gone already") {
  ground x;
  for (const auto* k : {"a", "b", "c"}) x.g.put(k, "1");
  const auto from = x.g.put("d", "1");
  x.wait({1, {"a"}, from, {}});
  x.wait({2, {"a", "b"}, from, {}});
  x.g.put("a", "2");
  x.g.sim.run_for(3s);
  CHECK(x.all->empty());
  const auto b = x.erase_key("b");
  REQUIRE(x.hears(1));
  CHECK(x.all->back() == told{2, how::erased, b});
  const auto a = x.erase_key("a");
  REQUIRE(x.hears(2));
  CHECK(x.all->back() == told{1, how::erased, a});
  x.wait({3, {"b"}, from, {}});
  REQUIRE(x.hears(3));
  CHECK(x.all->back() == told{3, how::erased, b});
  x.g.sim.run_for(5s);
  CHECK(x.all->size() == 3);
}

TEST_CASE("departures: what history does not have any more is unknown") {
  ground x;
  x.g.put("a", "1");
  x.erase_key("a");
  const auto last = x.g.put("b", "1");
  REQUIRE(x.g.ask(x.g.client, command{compact{last}}));
  x.wait({1, {"a"}, 1, {}});
  REQUIRE(x.hears(1));
  CHECK(x.all->back().what == how::unknown);
}

TEST_CASE("departures: a note comes ahead, and only to who stands there with its own key") {
  ground x;
  const auto created = x.g.put("a", "1");
  x.g.put("own", "1");
  const auto from = x.g.put("z", "1");
  x.wait({1, {"a"}, from, "own"});
  x.wait({2, {"a"}, from, "none"});
  const auto at = x.erase_key("a", note{"a", created});
  REQUIRE(x.hears(2));
  CHECK(*x.all == std::vector<told>{{1, how::noted, 0}, {2, how::erased, at}});
}

TEST_CASE("departures: whatever becomes of the replicas, none is missed") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    ground x{seed};
    simulation::generator chance{seed};
    int down = -1, cut = -1;
    std::size_t many = 0;
    for (int i = 0; i < 30; ++i) {
      const auto key = "k" + std::to_string(i);
      const auto from = x.g.put(key, "1");
      REQUIRE(from > 0);
      x.wait({static_cast<departures::wait>(i) + 1, {key}, from, {}});
      ++many;
      if (i % 3 == 0) {
        if (down >= 0) {
          x.g.start(std::exchange(down, -1));
        } else if (cut >= 0) {
          x.g.rejoin(std::exchange(cut, -1));
        } else if (chance() % 3 != 0) {
          down = chance() % 2 == 0 ? x.g.elect() : static_cast<int>(chance() % 3);
          x.g.crash(down);
        } else {
          cut = static_cast<int>(chance() % 3);
          x.g.isolate(cut);
        }
      }
      if (i % 2 == 0) continue;
      const auto before = "k" + std::to_string(i - 1);
      REQUIRE(x.erase_key(before) > 0);
      REQUIRE(x.erase_key(key) > 0);
      REQUIRE(x.hears(many, 10s));
    }
    CHECK(x.all->size() == many);
  }
}

// One actor at a time, on whichever node: taken over in time, never two, and fenced.
#include "actors/election/singleton.hpp"

#include "map_group.hpp"
#include "patterns/consensus/fence.hpp"
#include "seeds.hpp"

#include <algorithm>
#include <set>
#include <vector>

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace troupe::election;
using namespace std::chrono_literals;
using std::chrono::milliseconds;
using test::freeze, test::map_group;

struct ledger {  // who runs, and what was done to the one resource that they share
  std::set<std::uint64_t> running{};
  std::size_t most = 0;
  std::vector<std::uint64_t> begun{};
  fenced<std::vector<std::string>> lines{{}};
  std::vector<fence_refused> refused{};
};
class worker : public caf::event_based_actor {
 public:
  worker(caf::actor_config& config, std::shared_ptr<ledger> all, std::uint64_t token)
      : caf::event_based_actor{config}, all_{std::move(all)}, token_{token} {
    all_->running.insert(token_);
    all_->most = std::max(all_->most, all_->running.size());
    all_->begun.push_back(token_);
  }
  void on_exit() override { all_->running.erase(token_); }
  caf::behavior make_behavior() override {
    return {[this](caf::get_atom) { return token_; },
            [this](caf::put_atom, const std::string& line) {
              const auto done =
                  all_->lines.use(token_, [&](auto& lines) { lines.push_back(line); });
              if (!done) all_->refused.push_back(done.error());
            },
            [this](const std::string& line) {
              said_.push_back(line);
              return said_.size();
            },
            [this](caf::close_atom) { quit(); }};
  }

 private:
  std::shared_ptr<ledger> all_;
  std::uint64_t token_;
  std::vector<std::string> said_;
};

struct nodes {
  explicit nodes(map_group& g) : world{g}, all{std::make_shared<ledger>()} {
    for (const auto* name : {"n0", "n1", "n2"}) {
      ways.emplace_back(g.sim, g.client);
      managers.emplace_back();
      names.emplace_back(name);
      start(managers.size() - 1);
    }
  }
  ~nodes() {
    for (std::size_t i = 0; i < managers.size(); ++i) kill(i);
    world.sim.settle();
  }
  void start(std::size_t i) {
    managers[i] = spawn_singleton(world.sim.system, ways[i].actor,
                                  {.name = "s", .node = names[i], .bounds = bounds},
                                  [this, i](caf::actor_system& system, std::uint64_t token) {
                                    where = i;
                                    current = system.spawn<worker>(all, token);
                                    return current;
                                  });
  }
  void kill(std::size_t i) {  // all of the node at once; what it had sent is on its way
    if (where == i && current) caf::anon_send_exit(current, caf::exit_reason::kill);
    if (managers[i]) caf::anon_send_exit(managers[i], caf::exit_reason::kill);
    managers[i] = nullptr;
  }
  bool runs() const { return !all->running.empty(); }
  map_group& world;
  settings bounds{.ttl = 3s};
  std::shared_ptr<ledger> all;
  std::vector<test::gate> ways;
  std::vector<caf::actor> managers;
  std::vector<std::string> names;
  std::size_t where = 0;
  caf::actor current;
};
}  // namespace

TEST_CASE(
    "singleton: never two at once over crashes and cuts, and taken over within the lease and a "
    "second") {
  for (const auto seed : test::seeds()) {
    CAPTURE(seed);
    map_group g{3, seed};
    REQUIRE(g.elect() >= 0);
    nodes n{g};
    simulation::generator chance{seed};
    REQUIRE(g.sim.run_until([&] { return n.runs(); }, 5s));
    for (int round = 0; round < 6; ++round) {
      g.sim.run_for(milliseconds{chance() % 4'000});
      if (!n.runs()) {
        REQUIRE(g.sim.run_until([&] { return n.runs(); }, n.bounds.ttl + 1s));
      }
      const auto at = n.where;
      const auto before = n.all->begun.size();
      const auto kind = chance() % 4;
      auto limit = n.bounds.ttl + 1s;
      if (kind == 0) {
        *n.ways[at].open = false;
      } else if (kind == 1) {
        caf::anon_send(n.managers[at], leave_singleton{});
        limit = 1s;
      } else {
        n.kill(at);
      }
      const auto leads = g.leader();
      if (kind == 3) {  // the map's leader with it: leases get their time anew
        g.crash(leads);
        limit += n.bounds.ttl;
      }
      REQUIRE(g.sim.run_until([&] { return n.all->begun.size() > before; }, limit));
      if (kind == 3) g.start(leads);
      *n.ways[at].open = true;
      if (kind != 0) n.start(at);
      REQUIRE(n.all->most == 1);
    }
    CHECK(std::is_sorted(n.all->begun.begin(), n.all->begun.end()));
    CHECK(std::adjacent_find(n.all->begun.begin(), n.all->begun.end()) == n.all->begun.end());
  }
}

TEST_CASE("singleton: one that is stopped past its lease does nothing more when it wakes") {
  map_group g;
  REQUIRE(g.elect() >= 0);
  nodes n{g};
  REQUIRE(g.sim.run_until([&] { return n.runs(); }, 5s));
  const auto write = [](const char* what) {
    return caf::make_message(caf::put_atom::value, std::string{what});
  };
  caf::anon_send(n.current, write("first"));
  g.sim.settle();
  const auto frozen = n.where;
  const auto old = n.all->begun.at(0);
  freeze actor{g, n.current, write("late")};
  freeze manager{g, n.managers[frozen], caf::make_message(where_is{old})};
  *n.ways[frozen].open = false;
  REQUIRE(g.sim.run_until([&] { return n.all->begun.size() == 2; }, n.bounds.ttl + 1s));
  caf::anon_send(n.current, write("second"));
  g.sim.settle();
  CHECK(n.all->running.size() == 2);  // which is what the fence is for
  actor.thaw();
  g.sim.settle();
  CHECK(n.all->refused ==
        std::vector<fence_refused>{{fence_refusal::stale, old, n.all->begun.at(1)}});
  CHECK(n.all->lines.look() == std::vector<std::string>{"first", "second"});
  manager.thaw();
  g.sim.settle();
  CHECK(n.all->running == std::set<std::uint64_t>{n.all->begun.at(1)});
}

TEST_CASE("singleton: who leaves waits for its actor's end before another may begin") {
  map_group g;
  REQUIRE(g.elect() >= 0);
  nodes n{g};
  REQUIRE(g.sim.run_until([&] { return n.runs(); }, 5s));
  freeze busy{g, n.current, caf::make_message(std::string{"takes long"})};
  caf::anon_send(n.managers[n.where], leave_singleton{});
  g.sim.run_for(2s);
  CHECK(n.all->begun.size() == 1);
  busy.thaw();
  REQUIRE(g.sim.run_until([&] { return n.all->begun.size() == 2; }, 500ms));
  CHECK(n.all->most == 1);
}

TEST_CASE("singleton: one that ends by itself begins again, with another token") {
  map_group g;
  REQUIRE(g.elect() >= 0);
  nodes n{g};
  REQUIRE(g.sim.run_until([&] { return n.runs(); }, 5s));
  caf::anon_send(n.current, caf::close_atom::value);
  REQUIRE(g.sim.run_until([&] { return n.all->begun.size() == 2; }, 2s));
  CHECK(n.all->begun[1] > n.all->begun[0]);
  CHECK(n.all->most == 1);
}

TEST_CASE(
    "singleton proxy: messages find it, wait in order while it runs nowhere, and too many are "
    "refused") {
  map_group g;
  REQUIRE(g.elect() >= 0);
  nodes n{g};
  const auto proxy = spawn_singleton_proxy(g.sim.system, g.client, {.name = "s", .buffer = 3});
  g.sim.adopt(proxy);
  for (std::size_t i = 0; i < 3; ++i) caf::anon_send(proxy, peer_up{n.names[i], n.managers[i]});
  const auto token = [&] {
    return g.await<std::uint64_t>([&](caf::event_based_actor* self, auto then) {
      self->request(proxy, 20s, caf::get_atom::value)
          .then([then](std::uint64_t t) { then(t); },
                [then](caf::error& why) { then(std::move(why)); });
    });
  };
  auto first = token();
  REQUIRE(first);
  CHECK(*first == n.all->begun.at(0));
  const auto at = n.where;
  n.kill(at);
  g.sim.settle();
  caf::anon_send(proxy, peer_down{n.names[at]});
  std::vector<std::string> answers;
  for (int i = 0; i < 4; ++i)
    g.sim.spawn([&, i](caf::event_based_actor* self) {
      self->request(proxy, 20s, std::to_string(i))
          .then(
              [&answers, i](std::size_t place) {
                answers.push_back(std::to_string(i) + "@" + std::to_string(place));
              },
              [&answers](caf::error& why) { answers.emplace_back(to_string(*code_of(why))); });
    });
  g.sim.settle();
  CHECK(answers == std::vector<std::string>{"overloaded"});
  REQUIRE(g.sim.run_until([&] { return answers.size() == 4; }, 5s));
  CHECK(n.all->begun.size() == 2);
  std::set<std::string> places;
  for (const auto& a : answers)
    if (const auto place = a.find('@'); place != std::string::npos) places.insert(a.substr(place));
  CHECK(places == std::set<std::string>{"@1", "@2", "@3"});
  first = token();
  REQUIRE(first);
  CHECK(*first == n.all->begun.at(1));
}

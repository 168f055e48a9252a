// Locks on the replicated map: a thousand in line, several at once, somebody revoked while it waits, an old answer.
#include "actors/lock/locks.hpp"
#include "map_group.hpp"

#include <map>
#include <optional>
#include <vector>

#include <caf/default_attachable.hpp>
#include <doctest/doctest.h>
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::store_wish)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::store_answer)
namespace {
using namespace troupe;
using namespace std::chrono_literals;
using lock::mode;
using test::map_group;

// Locks of a process on the map, what they ask of their store, and what its user is told.
struct process {
  struct heard {
    std::map<std::string, std::uint64_t> fences{};  // by owner
    std::vector<std::string> granted{}, refusals{};
    std::vector<lock::lock_lost> lost{};
    std::vector<std::map<std::string, std::uint64_t>> all{};
    std::vector<bool> returned{};
    int looks = 0, awaits = 0;
  };
  process(map_group& g, const std::string& owner, lock::locks_settings how = {}) : g{g} {
    how.owner = owner;
    store = lock::spawn_map_store(g.sim.system, g.client);
    g.sim.adopt(store);
    const auto counting = g.sim.spawn([s = said, to = store](caf::event_based_actor* self) {
      return caf::behavior{[=](lock::store_wish& w) {
        s->looks += std::holds_alternative<lock::look>(w.what) ? 1 : 0;
        s->awaits += std::holds_alternative<lock::await>(w.what) ? 1 : 0;
        return self->delegate(to, std::move(w));
      }};
    });
    locks = lock::spawn_locks(g.sim.system, counting, how);
    g.sim.adopt(locks);
    user = g.sim.spawn([s = said, to = locks](caf::event_based_actor* self) -> caf::behavior {
      return {
          [=](const lock::take& wanted) {
            self->request(to, caf::infinite, wanted)
                .then(
                    [=](const lock::taken& t) {
                      s->fences[wanted.owner] = t.fence;
                      s->granted.push_back(wanted.owner);
                    },
                    [=](const caf::error& why) { s->refusals.push_back(sentence_of(why)); });
          },
          [=](const lock::take_all& wanted) {
            self->request(to, caf::infinite, wanted)
                .then([=](const lock::taken_all& t) { s->all.push_back(t.fences); },
                      [=](const caf::error& why) { s->refusals.push_back(sentence_of(why)); });
          },
          [=](const lock::put_back& what) { self->send(to, what); },
          [=](const lock::returned&) {},
          [=](const lock::put_back_all& what) {
            self->request(to, caf::infinite, what)
                .then([=](const lock::returned& r) { s->returned.push_back(r.held); },
                      [](const caf::error&) {});
          },
          [=](const lock::lock_lost& l) { s->lost.push_back(l); },
      };
    });
  }
  ~process() {
    for (const auto& part : {user, locks, store})
      caf::anon_send_exit(part, caf::exit_reason::user_shutdown);
  }
  template <class What>
  void tell(What what) {
    caf::anon_send(user, std::move(what));
  }
  template <class Holds>
  bool until(Holds holds, lock::duration within = 3s) {
    return g.sim.run_until(holds, within);
  }
  bool takes(const std::string& name) {
    const auto before = said->granted.size();
    tell(lock::take{.name = name});
    return until([&] { return said->granted.size() > before; });
  }
  map_group& g;
  std::shared_ptr<heard> said = std::make_shared<heard>();
  caf::actor store, locks, user;
};
struct ground {
  ground() : g{3, 1} { REQUIRE(g.elect() >= 0); }
  lock::surveyed survey(const process& p) {
    auto got = g.sim.ask<lock::surveyed>(p.locks, lock::survey{});
    REQUIRE(got);
    return *got;
  }
  map_group g;
};
}  // namespace
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::take)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::take_all)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::put_back)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::put_back_all)

TEST_CASE("locks: of a thousand in line a release wakes one, and all of them are to be seen") {
  constexpr int many = 1'000;
  ground x;
  process p{x.g, "p", {.scan = 1h}};
  for (int i = 0; i < many; ++i) p.tell(lock::take{.name = "x", .owner = std::to_string(i)});
  REQUIRE(p.until([&] { return p.said->awaits == many; }, 60s));  // the holder its own place
  CHECK(p.said->looks == 0);
  const auto there = x.survey(p);
  REQUIRE(there.all.contains("x"));
  const auto& line = there.all.at("x");
  REQUIRE(line.size() == many);
  CHECK(lock::holders(line).size() == 1);
  CHECK(lock::holders(line)[0].owner == p.said->granted[0]);
  for (int i = 1; i <= 20; ++i) {
    CAPTURE(i);
    p.tell(lock::put_back{"x", mode::exclusive, p.said->granted.back()});
    REQUIRE(p.until([&] { return static_cast<int>(p.said->granted.size()) > i; }));
    x.g.sim.run_for(500ms);
    CHECK(p.said->looks <= i);          // none where the wake-up says what the line is now
    CHECK(p.said->awaits == many + i);  // the new holder its own place; nobody waits anew
    CHECK(static_cast<int>(p.said->granted.size()) == i + 1);
    CHECK(p.said->granted.back() == line[static_cast<std::size_t>(i)].owner);
  }
}

TEST_CASE("locks: a waiter is revoked: it stands anew, at the end") {
  ground x;
  process a{x.g, "a"}, b{x.g, "b"}, c{x.g, "c"};
  REQUIRE(a.takes("x"));
  b.tell(lock::take{.name = "x"});
  x.g.sim.run_for(500ms);
  c.tell(lock::take{.name = "x"});
  x.g.sim.run_for(500ms);
  const auto before = x.survey(a).all.at("x");
  REQUIRE(before.size() == 3);
  caf::anon_send(a.locks, lock::revoke{"x", before[1].ticket});
  x.g.sim.run_for(1s);
  a.tell(lock::put_back{"x", mode::exclusive, {}});
  REQUIRE(c.until([&] { return c.said->granted.size() == 1; }));
  CHECK(b.said->granted.empty());
  c.tell(lock::put_back{"x", mode::exclusive, {}});
  CHECK(b.until([&] { return b.said->granted.size() == 1; }));
}

TEST_CASE("locks: several at once: all or none") {
  ground x;
  process a{x.g, "a"}, b{x.g, "b"};
  REQUIRE(a.takes("m"));
  b.tell(lock::take_all{.locks = {{"z"}, {"m"}, {"c", mode::shared}}, .wait = 1s});
  REQUIRE(b.until([&] { return b.said->refusals.size() == 1; }));
  CHECK(b.said->refusals[0] == "'m' was not free within the time given");
  CHECK(x.survey(a).all.size() == 1);  // "m" alone: nothing else is left
  b.tell(lock::take_all{.locks = {{"z"}, {"m"}, {"c", mode::shared}}});
  x.g.sim.run_for(1s);
  CHECK(x.survey(a).all.at("m").size() == 2);
  a.tell(lock::put_back{"m", mode::exclusive, {}});
  REQUIRE(b.until([&] { return b.said->all.size() == 1; }));
  const auto fences = b.said->all[0];
  CHECK(fences.size() == 3);
  CHECK(fences.at("c") < fences.at("m"));
  CHECK(fences.at("m") < fences.at("z"));
  CHECK_FALSE(a.takes("z"));
  b.tell(lock::put_back_all{{"m", "c", "z"}, {}});
  REQUIRE(b.until([&] { return b.said->returned.size() == 1; }));
  CHECK(b.said->returned[0]);
  CHECK(a.until([&] { return a.said->granted.size() == 2; }));  // z
  b.tell(lock::put_back_all{{"m", "c", "z"}, {}});
  REQUIRE(b.until([&] { return b.said->returned.size() == 2; }));
  CHECK_FALSE(b.said->returned[1]);
  b.tell(lock::take_all{});
  b.tell(lock::take_all{.locks = {{"x"}, {"x"}}});
  REQUIRE(b.until([&] { return b.said->refusals.size() == 3; }));
  CHECK(b.said->refusals[1] == "name the locks that are to be taken");
  CHECK(b.said->refusals[2] == "'x' is wanted twice: it would wait for itself");
}

TEST_CASE("locks: one of several is revoked: all go back, and each is told of") {
  ground x;
  process a{x.g, "a"}, b{x.g, "b"};
  b.tell(lock::take_all{.locks = {{"x"}, {"y"}, {"z"}}});
  REQUIRE(b.until([&] { return b.said->all.size() == 1; }));
  caf::anon_send(a.locks, lock::revoke{"y", b.said->all[0].at("y")});
  REQUIRE(b.until([&] { return b.said->lost.size() == 3; }));
  CHECK(b.said->lost[0].name == "y");
  CHECK(b.said->lost[1].why == "'y', taken with it, is lost: it was revoked");
  x.g.sim.run_for(1s);
  CHECK(x.survey(a).all.empty());
  // while it waits for the last: nothing is told as held, since nothing was
  REQUIRE(a.takes("z"));
  b.tell(lock::take_all{.locks = {{"x"}, {"y"}, {"z"}}});
  x.g.sim.run_for(1s);
  const auto there = x.survey(a).all;
  REQUIRE(there.size() == 3);
  caf::anon_send(a.locks, lock::revoke{"x", there.at("x")[0].ticket});
  REQUIRE(b.until([&] { return b.said->refusals.size() == 1; }));
  CHECK(b.said->refusals[0] == "'x' is lost: it was revoked");
  x.g.sim.run_for(1s);
  CHECK(x.survey(a).all.size() == 1);
}

TEST_CASE(
    "locks: who was killed and begins anew under its name waits for its lease, in no deadlock") {
  ground x;
  std::optional<process> before{std::in_place, x.g, "me"};
  REQUIRE(before->takes("x"));
  before.reset();
  process after{x.g, "me"};
  after.tell(lock::take{.name = "x"});
  REQUIRE(after.until([&] { return after.said->granted.size() == 1; }, 12s));
  CHECK(after.said->refusals.empty());
  after.tell(lock::take{.name = "x", .as = mode::shared});  // its own
  REQUIRE(after.until([&] { return after.said->refusals.size() == 1; }, 1s));
  process other{x.g, "me"};
  other.tell(lock::take{.name = "x"});
  REQUIRE(other.until([&] { return other.said->refusals.size() == 1; }, 12s));
}

TEST_CASE("locks: who takes locks again and again is monitored once") {
  ground x;
  process p{x.g, "p"};
  const auto other = x.g.sim.spawn([to = p.locks](caf::event_based_actor* self) -> caf::behavior {
    return {[=](const lock::take& wanted) { self->send(to, wanted); }, [](const lock::taken&) {}};
  });
  for (int i = 0; i < 5; ++i) {
    REQUIRE(p.takes("x"));
    caf::anon_send(other, lock::take{.name = "x"});
    x.g.sim.run_for(100ms);
    p.tell(lock::take_all{{{.lock = "y"}, {.lock = "z"}}});
    REQUIRE(p.until([&] { return static_cast<int>(p.said->all.size()) == i + 1; }));
    p.tell(lock::put_back_all{{"y", "z"}});
  }
  const caf::default_attachable::observe_token by{p.locks.address(),
                                                  caf::default_attachable::monitor};
  for (const auto& who : {p.user, other})
    CHECK(caf::actor_cast<caf::abstract_actor*>(who)->detach(by) == 1);
}

TEST_CASE("locks: two who take the same at once, named in other orders, are in no deadlock") {
  ground x;
  process a{x.g, "a"}, b{x.g, "b"};
  for (int i = 0; i < 10; ++i) {
    CAPTURE(i);
    a.tell(lock::take_all{.locks = {{"x"}, {"y"}, {"z"}}});
    b.tell(lock::take_all{.locks = {{"z"}, {"y"}, {"x"}}});
    const auto all = static_cast<std::size_t>(i + 1);
    REQUIRE(a.until([&] { return a.said->all.size() + b.said->all.size() > 2 * all - 2; }));
    auto& first = a.said->all.size() == all ? a : b;
    auto& second = &first == &a ? b : a;
    first.tell(lock::put_back_all{{"x", "y", "z"}, {}});
    REQUIRE(a.until([&] { return second.said->all.size() == all; }));
    second.tell(lock::put_back_all{{"x", "y", "z"}, {}});
  }
  CHECK(a.said->refusals.empty());
  CHECK(b.said->refusals.empty());
}

TEST_CASE("locks: who took several and ends has given them back") {
  ground x;
  process a{x.g, "a"}, b{x.g, "b"};
  b.tell(lock::take_all{.locks = {{"x"}, {"y"}}});
  REQUIRE(b.until([&] { return b.said->all.size() == 1; }));
  REQUIRE(a.takes("z"));
  caf::anon_send_exit(b.user, caf::exit_reason::user_shutdown);
  CHECK(a.takes("y"));
  CHECK(a.takes("x"));
}

TEST_CASE("locks: a process that was stopped past its lease believes no old answer") {
  ground x;
  struct late {
    caf::response_promise stand;
    std::uint64_t stands = 0;
  };
  const auto state = std::make_shared<late>();
  auto store = x.g.sim.spawn([state](caf::event_based_actor* self) -> caf::behavior {
    return {[=](const lock::store_wish& w) -> caf::result<lock::store_answer> {
              if (std::holds_alternative<lock::open_session>(w.what))
                return lock::store_answer{lock::opened{"s"}};
              auto promise = self->make_response_promise<lock::store_answer>();
              if (std::holds_alternative<lock::stand>(w.what)) {
                state->stand = promise;
                ++state->stands;
              }
              return promise;
            },
            [=](caf::put_atom) {
              state->stand.deliver(lock::store_answer{lock::stood{7, {{.ticket = 7}}}});
            }};
  });
  auto granted = std::make_shared<int>(0);
  auto locks = lock::spawn_locks(x.g.sim.system, store, {.owner = "me"});
  x.g.sim.adopt(locks);
  x.g.sim.spawn([=](caf::event_based_actor* self) {
    self->request(locks, caf::infinite, lock::take{.name = "x"})
        .then([=](const lock::taken&) { ++*granted; }, [](const caf::error&) {});
  });
  REQUIRE(x.g.sim.run_until([&] { return state->stands == 1; }, 1s));
  test::freeze stopped{x.g, locks, lock::put_back{"another", mode::exclusive, {}}};
  caf::anon_send(store, caf::put_atom::value);
  x.g.sim.run_for(20s);
  stopped.thaw();
  x.g.sim.run_for(100ms);
  CHECK(*granted == 0);
  caf::anon_send_exit(locks, caf::exit_reason::user_shutdown);
}

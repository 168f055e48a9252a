// Latches and barriers on the replicated map: crashes, cuts, ends of processes.
#include "actors/lock/barrier.hpp"
#include "actors/lock/latches.hpp"
#include "map_group.hpp"

#include <memory>
#include <vector>

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace std::chrono_literals;
using test::map_group;

struct heard {
  std::vector<std::uint32_t> counts{};
  std::vector<lock::entered_barrier> entered{};
  int left = 0;
  std::vector<std::string> broken{}, refusals{};
};
// A process with a way to the map that can be cut.
struct process {
  explicit process(map_group& g) : g{g}, way{g.sim, g.client} {}
  ~process() {
    for (const auto& part : {user, service, store})
      if (part) caf::anon_send_exit(part, caf::exit_reason::user_shutdown);
  }
  void with_latches() {
    begin();
    service = lock::spawn_latches(g.sim.system, store);
    serve();
  }
  void with_barrier(const std::string& owner, std::uint32_t parties) {
    begin();
    service = lock::spawn_barrier(g.sim.system, store,
                                  {.core = {.name = "x", .parties = parties, .owner = owner}});
    serve();
  }
  void begin() {
    store = lock::spawn_map_store(g.sim.system, way.actor);
    g.sim.adopt(store);
  }
  void serve() {
    g.sim.adopt(service);
    user = g.sim.spawn([s = said, to = service](caf::event_based_actor* self) -> caf::behavior {
      const auto no = [=](const caf::error& why) { s->refusals.push_back(sentence_of(why)); };
      const auto count = [=](const auto& what) {
        self->request(to, caf::infinite, what)
            .then([=](const lock::latch_count& c) { s->counts.push_back(c.left); }, no);
      };
      return {
          [=](const lock::latch_set& w) { count(w); },
          [=](const lock::latch_count_down& w) { count(w); },
          [=](const lock::latch_await& w) { count(w); },
          [=](const lock::latch_reset& w) { count(w); },
          [=](const lock::enter_barrier& e) {
            self->request(to, caf::infinite, e)
                .then([=](const lock::entered_barrier& b) { s->entered.push_back(b); }, no);
          },
          [=](lock::leave_barrier l) {
            self->request(to, caf::infinite, l)
                .then([=](const lock::left_barrier&) { ++s->left; }, no);
          },
          [=](const lock::barrier_broken& b) { s->broken.push_back(b.why); },
      };
    });
  }
  template <class What>
  void tell(What what) {
    caf::anon_send(user, std::move(what));
  }
  template <class Holds>
  bool until(Holds holds, lock::duration within = 3s) {
    return g.sim.run_until(holds, within);
  }
  map_group& g;
  test::gate way;
  std::shared_ptr<heard> said = std::make_shared<heard>();
  caf::actor store, service, user;
};
struct ground {
  ground() : g{3, 1} { REQUIRE(g.elect() >= 0); }
  map_group g;
};
struct hall {  // members of a barrier
  explicit hall(map_group& g, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      all.push_back(std::make_unique<process>(g));
      all.back()->with_barrier(std::string(1, static_cast<char>('a' + i)), 3);
    }
  }
  process& operator[](std::size_t i) { return *all[i]; }
  std::size_t entered() const {
    std::size_t n = 0;
    for (const auto& p : all) n += p->said->entered.size();
    return n;
  }
  int left() const {
    int n = 0;
    for (const auto& p : all) n += p->said->left;
    return n;
  }
  std::vector<std::unique_ptr<process>> all;
};
}  // namespace
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::latch_set)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::latch_count_down)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::latch_await)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::latch_reset)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::enter_barrier)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::leave_barrier)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::retire_barrier)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::store_wish)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::store_answer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::barrier_broken)

TEST_CASE("latches: counted down by processes that end, awaited by others") {
  ground x;
  process waits{x.g};
  waits.with_latches();
  waits.tell(lock::latch_await{"x"});
  REQUIRE(waits.until([&] { return waits.said->refusals.size() == 1; }));
  CHECK(waits.said->refusals[0] == "'x' has no count: set it first");
  waits.tell(lock::latch_set{"x", 2});
  REQUIRE(waits.until([&] { return waits.said->counts.size() == 1; }));
  waits.tell(lock::latch_await{"x"});
  for (const auto* id : {"a", "a", "b"}) {
    process counts{x.g};
    counts.with_latches();
    x.g.sim.run_for(1s);
    CHECK(waits.said->counts.size() == 1);
    counts.tell(lock::latch_count_down{"x", id});
    REQUIRE(counts.until([&] { return counts.said->counts.size() == 1; }));
    CHECK(counts.said->counts[0] == (*id == 'a' ? 1 : 0));
  }
  x.g.sim.run_for(20s);  // longer than any session: what was counted stays
  CHECK(waits.said->counts == std::vector<std::uint32_t>{2, 0});
  waits.tell(lock::latch_await{"x", 0ms});
  CHECK(waits.until([&] { return waits.said->counts.size() == 3; }));
}

TEST_CASE(
    "latches: an answer that is lost counts once; a wait outlives a cut and a change of leader") {
  ground x;
  process a{x.g}, b{x.g};
  a.with_latches();
  b.with_latches();
  a.tell(lock::latch_set{"x", 2});
  REQUIRE(a.until([&] { return a.said->counts.size() == 1; }));
  a.tell(lock::latch_await{"x"});
  x.g.sim.run_for(1s);
  *b.way.deaf = true;
  b.tell(lock::latch_count_down{"x", "b"});
  x.g.sim.run_for(1s);
  *b.way.deaf = false;
  REQUIRE(b.until([&] { return b.said->counts.size() == 1; }, 9s));
  CHECK(b.said->counts[0] == 1);
  const auto leads = x.g.leader();
  x.g.crash(leads);
  *a.way.open = false;
  REQUIRE(x.g.elect() >= 0);
  b.tell(lock::latch_count_down{"x", "c"});
  REQUIRE(b.until([&] { return b.said->counts.size() == 2; }, 9s));
  x.g.sim.run_for(2s);
  *a.way.open = true;
  CHECK(a.until([&] { return a.said->counts.size() == 2; }, 9s));
}

TEST_CASE("barrier: three go in and out together, twice, and a fourth waits its turn") {
  ground x;
  hall h{x.g, 4};
  for (const std::size_t i : {0, 1}) h[i].tell(lock::enter_barrier{});
  x.g.sim.run_for(3s);
  CHECK(h.entered() == 0);
  h[2].tell(lock::enter_barrier{});
  REQUIRE(h[0].until([&] { return h.entered() == 3; }));
  h[3].tell(lock::enter_barrier{});
  x.g.sim.run_for(15s);  // sessions are kept
  CHECK(h.entered() == 3);
  for (const std::size_t i : {0, 1}) h[i].tell(lock::leave_barrier{});
  x.g.sim.run_for(3s);
  CHECK(h.left() == 0);
  h[2].tell(lock::leave_barrier{});
  REQUIRE(h[0].until([&] { return h.left() == 3; }));
  for (const std::size_t i : {0, 1}) h[i].tell(lock::enter_barrier{});
  REQUIRE(h[0].until([&] { return h.entered() == 6; }));
  CHECK(h[3].said->entered[0].round > h[2].said->entered[0].round);
}

TEST_CASE("barrier: a process that dies inside breaks it within its lease; who ends, at once") {
  ground x;
  {
    hall h{x.g, 3};
    for (std::size_t i = 0; i < 3; ++i) h[i].tell(lock::enter_barrier{});
    REQUIRE(h[0].until([&] { return h.entered() == 3; }));
    h.all.pop_back();  // all of it, at once
    REQUIRE(
        h[0].until([&] { return h[0].said->broken.size() + h[1].said->broken.size() == 2; }, 11s));
    h[0].tell(lock::leave_barrier{});
    h[1].tell(lock::leave_barrier{});
    REQUIRE(
        h[0].until([&] { return h[0].said->refusals.size() + h[1].said->refusals.size() == 2; }));
    CHECK(h[0].said->refusals[0].find("the barrier is broken") == 0);
    x.g.sim.run_for(1s);
  }
  hall h{x.g, 3};
  for (std::size_t i = 0; i < 3; ++i) h[i].tell(lock::enter_barrier{});
  REQUIRE(h[0].until([&] { return h.entered() == 3; }, 12s));
  caf::anon_send_exit(h[2].user, caf::exit_reason::user_shutdown);
  CHECK(h[0].until([&] { return h[0].said->broken.size() + h[1].said->broken.size() == 2; }, 1s));
}

TEST_CASE("barrier: who cannot reach the map is told before the others are") {
  ground x;
  hall h{x.g, 3};
  for (std::size_t i = 0; i < 3; ++i) h[i].tell(lock::enter_barrier{});
  REQUIRE(h[0].until([&] { return h.entered() == 3; }));
  *h[2].way.open = false;
  REQUIRE(h[2].until([&] { return !h[2].said->broken.empty(); }, 10s));
  CHECK(h[0].said->broken.empty());
  CHECK(h[0].until([&] { return h[0].said->broken.size() + h[1].said->broken.size() == 2; }, 3s));
}

TEST_CASE("barrier: given up after a while, and entered again") {
  ground x;
  hall h{x.g, 3};
  h[0].tell(lock::enter_barrier{500ms});
  REQUIRE(h[0].until([&] { return h[0].said->refusals.size() == 1; }));
  CHECK(h[0].said->refusals[0] == "'x' was not complete within the time given");
  h[0].tell(lock::enter_barrier{});
  h[1].tell(lock::enter_barrier{});
  x.g.sim.run_for(1s);
  CHECK(h.entered() == 0);
  h[1].tell(lock::enter_barrier{});
  REQUIRE(h[1].until([&] { return h[1].said->refusals.size() == 1; }));
  h[1].tell(lock::leave_barrier{});
  REQUIRE(h[1].until([&] { return h[1].said->refusals.size() == 2; }));
  CHECK(h[1].said->refusals[1] == "it is not inside");
  h[2].tell(lock::enter_barrier{});
  CHECK(h[0].until([&] { return h.entered() == 3; }));
}

TEST_CASE("barrier: who retires is gone at once, from the line and from the round") {
  ground x;
  hall h{x.g, 4};
  h[0].tell(lock::enter_barrier{});
  h[1].tell(lock::enter_barrier{});
  x.g.sim.run_for(1s);
  caf::anon_send(h[0].service, lock::retire_barrier{});
  REQUIRE(h[0].until([&] { return h[0].said->refusals.size() == 1; }, 100ms));
  h[2].tell(lock::enter_barrier{});
  x.g.sim.run_for(2s);  // less than its lease
  CHECK(h.entered() == 0);
  h[3].tell(lock::enter_barrier{});
  REQUIRE(h[1].until([&] { return h.entered() == 3; }, 1s));
  caf::anon_send(h[3].service, lock::retire_barrier{});
  CHECK(h[1].until([&] { return h[1].said->broken.size() + h[2].said->broken.size() == 2; }, 1s));
}

TEST_CASE("barrier: a store that lets nobody stand is no reason to wait") {
  ground x;
  process a{x.g};
  a.store = x.g.sim.spawn([](caf::event_based_actor*) -> caf::behavior {
    return {[](const lock::store_wish&) {
      return lock::store_answer{lock::refused{"this store evicts keys"}};
    }};
  });
  a.service = lock::spawn_barrier(x.g.sim.system, a.store, {.core = {.name = "x"}});
  a.serve();
  for (std::size_t i = 1; i <= 2; ++i) {
    a.tell(lock::enter_barrier{});
    REQUIRE(a.until([&] { return a.said->refusals.size() == i; }, 1s));
  }
  CHECK(a.said->refusals[1] == "this store evicts keys");
}

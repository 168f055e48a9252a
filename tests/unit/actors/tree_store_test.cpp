// The store of locks on the coordination tree: names of any length, and lines that many ask for at once.
#include "actors/lock/tree_store.hpp"

#include "map_group.hpp"
#include "tree_group.hpp"

#include <functional>
#include <set>
#include <vector>

#include <doctest/doctest.h>
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::store_wish)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::store_answer)
namespace {
using namespace troupe;
using namespace std::chrono_literals;

struct scene {
  scene() : way{g.sim, g.client} {
    REQUIRE(g.elect() >= 0);
    auto counting = g.sim.spawn([this](caf::event_based_actor* self) {
      return caf::behavior{
          [this, self](consensus::question& q) {
            ++questions;
            return self->delegate(way.actor, std::move(q));
          },
          [this, self](consensus::command& c) { return self->delegate(way.actor, std::move(c)); }};
    });
    store = lock::spawn_tree_store(g.sim.system, counting);
    g.sim.adopt(store);
  }
  ~scene() { caf::anon_send_exit(store, caf::exit_reason::user_shutdown); }
  template <class Kind>
  Kind ask(lock::wish what) {
    const auto said = g.request<lock::store_answer>(store, lock::store_wish{std::move(what)});
    REQUIRE(said);
    const auto* kind = std::get_if<Kind>(&said->what);
    REQUIRE(kind != nullptr);
    return *kind;
  }
  void send(lock::wish what, std::function<void(const lock::answer&)> then) {
    g.sim.spawn([this, what = std::move(what), then](caf::event_based_actor* self) {
      self->request(store, caf::infinite, lock::store_wish{what})
          .then([then](const lock::store_answer& said) { then(said.what); });
    });
  }
  test::tree_group g;
  test::gate way;
  int questions = 0;
  caf::actor store;
};
}  // namespace

TEST_CASE("tree store: a name of any length is a lock's, and is shown whole") {
  scene s;
  const auto session = s.ask<lock::opened>(lock::open_session{10s}).session;
  std::map<std::string, lock::line> all;
  for (const auto& name : {std::string(1'000, 'x'), std::string(999, 'x') + "y", std::string{"x"},
                           std::string(5'000, '/'), std::string(1'000, '\xff')}) {
    const lock::place p{.owner = name, .id = std::string(500, '/') + std::to_string(all.size())};
    const auto there = s.ask<lock::stood>(lock::stand{session, name, p}).all;
    REQUIRE(there.size() == 1);
    CHECK(there[0].owner == name);
    CHECK(there[0].id == p.id);
    CHECK(s.ask<lock::seen>(lock::look{name}).all == there);
    all[name] = there;
  }
  CHECK(s.ask<lock::surveyed>(lock::survey{}).all == all);
  for (const auto& [name, line] : all) {
    s.ask<lock::settled>(lock::leave_line{session, name, line[0].id});
    CHECK(s.ask<lock::seen>(lock::look{name}).all.empty());
  }
  CHECK(s.ask<lock::surveyed>(lock::survey{}).all.empty());
}

TEST_CASE("tree store: of many who stand at once each sees itself, and few read the line") {
  constexpr std::size_t many = 500;
  scene s;
  const auto session = s.ask<lock::opened>(lock::open_session{10s}).session;
  std::set<std::uint64_t> tickets;
  for (std::size_t i = 0; i < many; ++i)
    s.send(lock::stand{session, "x", {.owner = "o", .id = std::to_string(i)}},
           [&](const lock::answer& said) {
             const auto* in = std::get_if<lock::stood>(&said);
             REQUIRE(in != nullptr);
             const auto* own = find(in->all, in->ticket);
             REQUIRE(own != nullptr);
             CHECK(tickets.insert(own->ticket).second);
           });
  REQUIRE(s.g.sim.run_until([&] { return tickets.size() == many; }, 2s));
  CHECK(s.questions < 20);
  const auto before = s.questions;
  CHECK(s.ask<lock::seen>(lock::look{"x"}).all.size() == many);
  CHECK(s.questions == before + 1);
}

TEST_CASE("tree store: what was asked while a line was read is answered by a later reading") {
  scene s;
  const auto session = s.ask<lock::opened>(lock::open_session{10s}).session;
  for (std::uint64_t turn = 0; turn < 50; ++turn) {
    std::optional<lock::answer> early, late;
    s.send(lock::look{"x"}, [&](const lock::answer& said) { early = said; });
    s.g.sim.run_for(std::chrono::microseconds{100 * turn});
    const auto is =
        s.ask<lock::stood>(lock::stand{session, "x", {.owner = "o", .id = std::to_string(turn)}});
    CHECK(is.all.size() == turn + 1);
    s.send(lock::look{"x"}, [&](const lock::answer& said) { late = said; });
    REQUIRE(s.g.sim.run_until([&] { return early && late; }, 2s));
    CHECK(std::get<lock::seen>(*late).all.size() == turn + 1);
  }
}

TEST_CASE("tree store: a reading that is never answered holds up nobody who asks later") {
  scene s;
  bool lost = false, seen = false;
  *s.way.deaf = true;
  s.send(lock::look{"x"},
         [&](const lock::answer& said) { lost = std::holds_alternative<lock::unanswered>(said); });
  s.g.sim.run_for(300ms);
  *s.way.deaf = false;
  s.send(lock::look{"x"},
         [&](const lock::answer& said) { seen = std::holds_alternative<lock::seen>(said); });
  CHECK(s.g.sim.run_until([&] { return seen; }, 1s));
  CHECK(s.g.sim.run_until([&] { return lost; }, 5s));
}

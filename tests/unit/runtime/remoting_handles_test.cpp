#include "remoting_fixture.hpp"
#include "runtime/error.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::test;

namespace {
using give_atom = caf::atom_constant<caf::atom("give")>;
using keep_atom = caf::atom_constant<caf::atom("keep")>;
using drop_atom = caf::atom_constant<caf::atom("drop")>;
using fresh_atom = caf::atom_constant<caf::atom("fresh")>;

struct shelf {
  std::vector<caf::actor> kept;
};
caf::behavior worker(caf::event_based_actor*) {
  return {[](int x) { return 2 * x; }};
}
// Keeps handles, gives the last one away, drops them, and makes new actors that only their handles keep alive.
caf::behavior keeper(caf::stateful_actor<shelf>* self) {
  return {
      [=](keep_atom, const caf::actor& x) {
        self->state.kept.push_back(x);
        return self->state.kept.size();
      },
      [=](give_atom) { return self->state.kept.back(); },
      [=](drop_atom) { self->state.kept.clear(); },
      [=](fresh_atom) { return self->spawn(worker); },
      [](int x) { return x + 1; },
  };
}

caf::actor fetch(caf::scoped_actor& self, const caf::actor& from) {
  caf::actor result;
  self->request(from, 20s, give_atom::value)
      .receive([&](caf::actor& x) { result = x; }, [](caf::error& e) { FAIL(sentence_of(e)); });
  return result;
}
std::uint64_t exports_of(linked_system& node) {
  std::uint64_t sum = 0;
  for (const auto& s : node.links().stats()) sum += s.exports;
  return sum;
}
}  // namespace

TEST_CASE("remoting: a third node's handle is reached by a dial of one's own") {
  linked_system a{local("a")}, b{local("b")}, c{local("c")};
  for (auto* node : {&a, &b, &c}) node->offer(keeper);
  const auto life_c = c.links().incarnation();
  const auto at_c = c.address();
  a.links().directory(
      [=](const caf::node_id& who) { return who == life_c ? std::optional{at_c} : std::nullopt; });
  const auto b_at_a = a.meet(b);
  const auto b_at_c = c.meet(b);
  REQUIRE(b_at_a);
  REQUIRE(b_at_c);
  caf::scoped_actor at_c_self{c.system()}, self{a.system()};
  const auto mine = c.spawn(worker);
  at_c_self->request(b_at_c, 20s, keep_atom::value, mine)
      .receive([](std::size_t n) { CHECK(n == 1); }, [](caf::error& e) { FAIL(sentence_of(e)); });
  auto handle = fetch(self, b_at_a);
  REQUIRE(handle);
  CHECK(remoting::incarnation_of(handle) == life_c);
  self->monitor(handle);
  self->request(handle, 20s, 21)
      .receive([](int x) { CHECK(x == 42); }, [](caf::error& e) { FAIL(sentence_of(e)); });
  CHECK(eventually([&] { return a.seen->count("up c") == 1; }));
  caf::anon_send_exit(mine, caf::exit_reason::kill);
  self->receive([](caf::down_msg& down) { CHECK(down.reason == caf::exit_reason::kill); });
}

TEST_CASE("remoting: a third node's handle without a known address is dead at once") {
  linked_system a{local("a")}, b{local("b")}, c{local("c")};
  for (auto* node : {&a, &b, &c}) node->offer(keeper);
  const auto b_at_a = a.meet(b);
  const auto b_at_c = c.meet(b);
  REQUIRE(b_at_a);
  REQUIRE(b_at_c);
  caf::scoped_actor at_c_self{c.system()}, self{a.system()};
  at_c_self->request(b_at_c, 20s, keep_atom::value, c.spawn(worker))
      .receive([](std::size_t) {}, [](caf::error& e) { FAIL(sentence_of(e)); });
  const auto handle = fetch(self, b_at_a);
  REQUIRE(handle);
  self->monitor(handle);
  self->receive(
      [](caf::down_msg& down) { CHECK(down.reason == caf::exit_reason::remote_link_unreachable); });
  self->request(handle, 20s, 1)
      .receive([](int) { FAIL("there is no way"); },
               [](caf::error& e) { CHECK(e == errc::unreachable); });
}

TEST_CASE("remoting: exports are let go when the peer has dropped its handles") {
  linked_system a{local("a")}, b{local("b")};
  a.offer(keeper);
  b.offer(keeper);
  const auto there = a.meet(b);
  REQUIRE(there);
  caf::scoped_actor self{a.system()};
  for (int i = 0; i < 200; ++i) {
    const auto mine = a.spawn(worker);
    self->request(there, 20s, keep_atom::value, mine)
        .receive([](std::size_t) {}, [](caf::error& e) { FAIL(sentence_of(e)); });
  }
  CHECK(exports_of(a) >= 200);
  self->send(there, drop_atom::value);
  CHECK(eventually([&] { return exports_of(a) < 10; }));
}

TEST_CASE("remoting: proxies go with their last handle, and what they stood for ends") {
  linked_system a{local("a")}, b{local("b")};
  a.offer(keeper);
  b.offer(keeper);
  const auto there = a.meet(b);
  REQUIRE(there);
  caf::scoped_actor self{a.system()};
  for (int i = 0; i < 100; ++i) {
    self->request(there, 20s, fresh_atom::value)
        .receive(
            [&](caf::actor& fresh) {
              self->request(fresh, 20s, i)
                  .receive([&](int x) { CHECK(x == 2 * i); },
                           [](caf::error& e) { FAIL(sentence_of(e)); });
            },
            [](caf::error& e) { FAIL(sentence_of(e)); });
  }
  CHECK(eventually([&] { return exports_of(b) < 10; }));
  CHECK(a.links().stats().front().proxies < 10);
}

TEST_CASE("remoting: a monitored handle nobody else holds still fires") {
  linked_system a{local("a")}, b{local("b")};
  a.links().gateway(nullptr);
  b.offer(keeper);
  const auto there = a.meet(b);
  REQUIRE(there);
  caf::scoped_actor self{a.system()};
  self->request(there, 20s, fresh_atom::value)
      .receive(
          [&](caf::actor& fresh) {
            self->monitor(fresh);
            caf::anon_send_exit(fresh, caf::exit_reason::kill);
          },
          [](caf::error& e) { FAIL(sentence_of(e)); });
  self->receive([](caf::down_msg& down) { CHECK(down.reason == caf::exit_reason::kill); });
}

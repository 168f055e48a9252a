#include "remoting_fixture.hpp"
#include "runtime/error.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::test;

namespace {
using stop_atom = caf::atom_constant<caf::atom("stop")>;
using self_atom = caf::atom_constant<caf::atom("self")>;
using pass_atom = caf::atom_constant<caf::atom("pass")>;
using same_atom = caf::atom_constant<caf::atom("same")>;

// Answers numbers; gives itself away; passes numbers on to a handle it is given, as itself or by delegation.
caf::behavior server(caf::event_based_actor* self) {
  return {
      [](int x) { return x + 1; },
      [](std::string& text) { return text + "!"; },
      [=](self_atom) { return caf::actor{self}; },
      [=](pass_atom, const caf::actor& to, int x) { return self->delegate(to, x); },
      [=](same_atom, const caf::actor& who) { return who == caf::actor{self}; },
      [=](stop_atom) { self->quit(caf::exit_reason::user_shutdown); },
  };
}

int ask(caf::actor_system& system, const caf::actor& whom, int x) {
  caf::scoped_actor self{system};
  int answer = -1;
  self->request(whom, 20s, x)
      .receive([&](int y) { answer = y; }, [&](caf::error& e) { FAIL(sentence_of(e)); });
  return answer;
}
}  // namespace

TEST_CASE("remoting: two systems meet, and a handle works across") {
  linked_system a{local("a")}, b{local("b")};
  a.offer(server);
  b.offer(server);
  const auto there = a.meet(b);
  REQUIRE(there);
  CHECK(remoting::incarnation_of(there) == b.links().incarnation());
  CHECK(there.node() != a.system().node());
  CHECK(ask(a.system(), there, 41) == 42);
  CHECK(eventually([&] { return b.seen->count("up a") == 1; }));
  const auto back = b.seen->last_up().gateway;
  REQUIRE(back);
  CHECK(ask(b.system(), back, 1) == 2);
}

TEST_CASE("remoting: handles inside messages: own, the peer's, and delegation") {
  linked_system a{local("a")}, b{local("b")};
  a.offer(server);
  b.offer(server);
  const auto there = a.meet(b);
  REQUIRE(there);
  caf::scoped_actor self{a.system()};
  self->request(there, 20s, self_atom::value)
      .receive([&](const caf::actor& real) { CHECK(real == there); },
               [&](caf::error& e) { FAIL(sentence_of(e)); });
  // the peer finds itself in what we send back
  self->request(there, 20s, same_atom::value, there)
      .receive([](bool same) { CHECK(same); }, [&](caf::error& e) { FAIL(sentence_of(e)); });
  // our own actor, delegated to by the peer
  const auto mine = a.spawn(server);
  self->request(there, 20s, pass_atom::value, mine, 6)
      .receive([](int x) { CHECK(x == 7); }, [&](caf::error& e) { FAIL(sentence_of(e)); });
}

TEST_CASE("remoting: urgent requests are answered") {
  linked_system a{local("a")}, b{local("b")};
  b.offer(server);
  a.links().gateway(nullptr);
  const auto there = a.meet(b);
  REQUIRE(there);
  caf::scoped_actor self{a.system()};
  self->request<caf::message_priority::high>(there, caf::duration{20s}, 5)
      .receive([](int x) { CHECK(x == 6); }, [&](caf::error& e) { FAIL(sentence_of(e)); });
}

TEST_CASE(
    "remoting: a monitor tells the actor's own reason, and a request to the dead fails at once") {
  linked_system a{local("a")}, b{local("b")};
  b.offer(server);
  a.links().gateway(nullptr);
  const auto there = a.meet(b);
  REQUIRE(there);
  caf::scoped_actor self{a.system()};
  self->monitor(there);
  self->send(there, stop_atom::value);
  caf::error reason;
  self->receive([&](caf::down_msg& down) {
    CHECK(down.source == there.address());
    reason = down.reason;
  });
  CHECK(reason == caf::exit_reason::user_shutdown);
  self->request(there, 20s, 1)
      .receive([](int) { FAIL("the dead answered"); },
               [](caf::error& e) { CHECK(e == errc::unreachable); });
  self->monitor(there);
  self->receive(
      [&](caf::down_msg& down) { CHECK(down.reason == caf::exit_reason::user_shutdown); });
}

TEST_CASE("remoting: when a peer stops, monitors fire and pending requests fail at once") {
  linked_system a{local("a")};
  auto b = std::make_unique<linked_system>(local("b"));
  b->offer([](caf::event_based_actor* self) -> caf::behavior {
    return {[=](int) { return self->make_response_promise<int>(); }};
  });
  a.links().gateway(nullptr);
  const auto there = a.meet(*b);
  REQUIRE(there);
  caf::scoped_actor self{a.system()};
  self->monitor(there);
  auto pending = self->request(there, 60s, 1);
  CHECK(eventually(
      [&] { return b->links().stats().size() == 1 && b->links().stats().front().received > 0; }));
  b->end();
  self->receive([&](caf::down_msg& down) {
    CHECK(down.reason == caf::exit_reason::remote_link_unreachable);
  });
  pending.receive([](int) { FAIL("no one has answered"); },
                  [](caf::error& e) { CHECK(e == errc::unknown_outcome); });
  CHECK(eventually([&] { return a.seen->count("down b") == 1; }));
  self->request(there, 60s, 1)
      .receive([](int) { FAIL("the dead answered"); },
               [](caf::error& e) { CHECK(e == errc::unreachable); });
}

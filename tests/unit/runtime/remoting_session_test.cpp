#include "remoting_fixture.hpp"
#include "runtime/error.hpp"
#include "tcp_wire.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::test;

namespace {
using total_atom = caf::atom_constant<caf::atom("total")>;

struct tally {
  int next = 0;
  bool ordered = true;
};
// Takes 0, 1, 2, ... and answers requests with the number and whether all came in order, each once.
caf::behavior recorder(caf::stateful_actor<tally>* self) {
  return {
      [=](std::int64_t x) {
        self->state.ordered = self->state.ordered && x == self->state.next;
        ++self->state.next;
      },
      [](std::int64_t x, std::int64_t y) { return x + y; },
      [=](total_atom) { return std::make_tuple(self->state.next, self->state.ordered); },
  };
}
}  // namespace

TEST_CASE("remoting: a connection cut 200 times under load loses, doubles and reorders nothing") {
  linked_system a{local("a")}, b{local("b")};
  b.offer(recorder);
  a.links().gateway(nullptr);
  tcp_wire wire{b.address().port};
  const auto there = a.meet(remoting::endpoint{"127.0.0.1", wire.port()});
  REQUIRE(there);
  caf::scoped_actor self{a.system()};
  self->monitor(there);
  std::int64_t sent = 0;
  int answered = 0, wrong = 0;
  for (int cut = 0; cut < 200; ++cut) {
    using waiting = decltype(self->request(there, 60s, std::int64_t{}, std::int64_t{}));
    std::vector<waiting> requests;
    for (std::int64_t i = 0; i < 20; ++i) {
      for (int k = 0; k < 10; ++k) self->send(there, sent++);
      requests.push_back(self->request(there, 60s, i, std::int64_t{cut}));
      if (i == 10) wire.cut();
    }
    std::int64_t i = 0;
    for (auto& r : requests) {
      r.receive(
          [&](std::int64_t sum) {
            ++answered;
            wrong += sum == i + cut ? 0 : 1;
          },
          [&](caf::error& e) { FAIL(sentence_of(e)); });
      ++i;
    }
  }
  CHECK(answered == 4000);
  CHECK(wrong == 0);
  self->request(there, 60s, total_atom::value)
      .receive(
          [&](int taken, bool ordered) {
            CHECK(taken == sent);
            CHECK(ordered);
          },
          [&](caf::error& e) { FAIL(sentence_of(e)); });
  CHECK(a.seen->count("down b") == 0);
  CHECK(wire.accepted() > 150);  // most cuts found a connection
  CHECK(a.seen->count("resumed b") > 100);
  self->receive([](caf::down_msg&) { FAIL("the session has not ended"); }, caf::after(0s) >> [] {});
}

TEST_CASE(
    "remoting: cut for longer than the window, the session ends on both sides, and a new one "
    "begins") {
  auto ca = local("a"), cb = local("b");
  ca.link.resume_window = cb.link.resume_window = 300ms;
  linked_system a{ca}, b{cb};
  a.offer(recorder);
  b.offer([](caf::event_based_actor* self) -> caf::behavior {
    return {[=](int) { return self->make_response_promise<int>(); },
            [](std::int64_t x) { return x; }};
  });
  tcp_wire wire{b.address().port};
  const remoting::endpoint by_wire{"127.0.0.1", wire.port()};
  const auto old = a.meet(by_wire);
  REQUIRE(old);
  REQUIRE(eventually([&] { return b.seen->count("up a") == 1; }));
  caf::scoped_actor here{a.system()}, there{b.system()};
  here->monitor(old);
  there->monitor(b.seen->last_up().gateway);
  auto pending = here->request(old, 60s, 7);
  REQUIRE(eventually([&] { return b.links().stats().front().received > 0; }));
  wire.refuse(true);
  wire.cut();
  const auto unreachable = [](caf::down_msg& down) {
    CHECK(down.reason == caf::exit_reason::remote_link_unreachable);
  };
  here->receive(unreachable);
  there->receive(unreachable);
  pending.receive([](int) { FAIL("nobody answered"); },
                  [](caf::error& e) { CHECK(e == errc::unknown_outcome); });
  CHECK(eventually([&] { return a.seen->count("down b") == 1 && b.seen->count("down a") == 1; }));
  CHECK(a.seen->count("broken b") == 1);
  wire.refuse(false);
  const auto fresh = a.meet(by_wire);
  REQUIRE(fresh);
  CHECK(fresh != old);
  CHECK(remoting::incarnation_of(fresh) == remoting::incarnation_of(old));
  here->request(fresh, 60s, std::int64_t{9})
      .receive([](std::int64_t x) { CHECK(x == 9); }, [](caf::error& e) { FAIL(sentence_of(e)); });
  here->request(old, 60s, std::int64_t{9})
      .receive([](std::int64_t) { FAIL("the dead answered"); },
               [](caf::error& e) { CHECK(e == errc::unreachable); });
}

TEST_CASE("remoting: crossed dials end with one session") {
  for (int round = 0; round < 10; ++round) {
    linked_system a{local("a")}, b{local("b")};
    a.offer(recorder);
    b.offer(recorder);
    a.links().connect(b.address());
    b.links().connect(a.address());
    REQUIRE(eventually([&] { return a.seen->count("up b") == 1 && b.seen->count("up a") == 1; }));
    caf::scoped_actor self{a.system()};
    self->request(a.seen->last_up().gateway, 20s, std::int64_t{1}, std::int64_t{2})
        .receive([](std::int64_t x) { CHECK(x == 3); },
                 [](caf::error& e) { FAIL(sentence_of(e)); });
    CHECK(a.seen->count("up b") == 1);
    CHECK(a.seen->count("down b") == 0);
    CHECK(a.links().stats().size() == 1);
  }
}

TEST_CASE("remoting: who is forbidden ends its session and gets no other") {
  linked_system a{local("a")}, b{local("b")};
  a.links().gateway(nullptr);
  b.offer(recorder);
  REQUIRE(a.meet(b));
  REQUIRE(eventually([&] { return b.seen->count("up a") == 1; }));
  b.links().forbid(a.links().incarnation());
  REQUIRE(eventually([&] { return a.seen->count("down b") == 1; }));
  a.links().connect(b.address());
  REQUIRE(eventually([&] { return a.seen->count("refused") == 1; }));
  MESSAGE(sentence_of(a.seen->last_refused().reason));
  CHECK(a.seen->last_refused().downed);
  CHECK(b.links().stats().empty());
}

TEST_CASE("remoting: links kill across nodes, also when the session ends") {
  linked_system a{local("a")};
  auto b = std::make_unique<linked_system>(local("b"));
  a.offer(recorder);
  b->offer(recorder);
  const auto there = a.meet(*b);
  REQUIRE(there);
  // theirs dies of its link to ours
  {
    caf::scoped_actor self{a.system()};
    const auto mine = a.spawn([there](caf::event_based_actor* me) -> caf::behavior {
      me->link_to(there);
      return {[](int) {}};
    });
    self->monitor(there);
    caf::anon_send_exit(mine, caf::exit_reason::user_shutdown);
    self->receive(
        [](caf::down_msg& down) { CHECK(down.reason == caf::exit_reason::user_shutdown); });
  }
  // theirs, linked to ours, dies with our node
  REQUIRE(eventually([&] { return b->seen->count("up a") == 1; }));
  const auto ours = b->seen->last_up().gateway;
  const auto linked = b->spawn([ours](caf::event_based_actor* me) -> caf::behavior {
    me->link_to(ours);
    return {[](int) {}};
  });
  caf::scoped_actor watch{b->system()};
  watch->monitor(linked);
  a.end();
  watch->receive(
      [](caf::down_msg& down) { CHECK(down.reason == caf::exit_reason::remote_link_unreachable); });
}

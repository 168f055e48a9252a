#include "remoting_fixture.hpp"
#include "runtime/error.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::test;

namespace {
using count_atom = caf::atom_constant<caf::atom("count")>;

// A door that a stuck reader waits at.
struct door {
  std::mutex mutex;
  std::condition_variable opened;
  bool open = false;
  void pass() {
    std::unique_lock guard{mutex};
    opened.wait(guard, [this] { return open; });
  }
  void unlock() {
    std::lock_guard guard{mutex};
    open = true;
    opened.notify_all();
  }
};
}  // namespace

TEST_CASE(
    "remoting: a stuck reader bounds memory on both sides, the sender learns it, others are "
    "served") {
  auto ca = local("a"), cb = local("b");
  for (auto* c : {&ca, &cb}) {
    c->link.queue_max = 2u << 20;
    c->link.window = {0, 1u << 20, 1u << 20, 1u << 20};
    c->link.unacknowledged_max = 2u << 20;
  }
  linked_system a{ca}, b{cb};
  a.links().gateway(nullptr);
  auto stuck = std::make_shared<door>();
  auto taken = std::make_shared<std::atomic<int>>(0);
  b.offer([stuck, taken](caf::event_based_actor* self) -> caf::behavior {
    const auto helper = self->spawn(
        [](caf::event_based_actor*) -> caf::behavior { return {[](int x) { return x; }}; });
    return {
        [=](const std::string&) {
          stuck->pass();
          ++*taken;
        },
        [=](count_atom) { return taken->load(); },
        [=](caf::get_atom) { return helper; },
    };
  });
  const auto there = a.meet(b);
  REQUIRE(there);
  caf::scoped_actor self{a.system()};
  caf::actor helper;
  self->request(there, 20s, caf::get_atom::value)
      .receive([&](caf::actor& h) { helper = h; }, [](caf::error& e) { FAIL(sentence_of(e)); });
  const std::string payload(1024, 'x');
  const auto full = [&] { return a.links().stats().front().overloaded > 0; };
  int sent = 0;
  while (!full()) {
    REQUIRE(sent < 1'000'000);
    for (int i = 0; i < 256; ++i, ++sent) self->send(there, payload);
  }
  CHECK(sent < 16 * 1024);
  const auto now = a.links().stats().front();
  CHECK(now.queued_normal <= (3u << 20));
  self->request(there, 20s, count_atom::value)
      .receive([](int) { FAIL("it is stuck"); },
               [](caf::error& e) { CHECK(e == errc::overloaded); });
  // the urgent lane has credit of its own (with a std::chrono duration CAF 0.17.6 forgets the priority)
  self->request<caf::message_priority::high>(helper, caf::duration{20s}, 4)
      .receive([](int x) { CHECK(x == 4); }, [](caf::error& e) { FAIL(sentence_of(e)); });
  stuck->unlock();
  CHECK(eventually([&] { return a.links().stats().front().queued_normal == 0; }));
  const auto lost = static_cast<int>(a.links().stats().front().overloaded) - 1;
  self->request(there, 20s, count_atom::value)
      .receive([&](int n) { CHECK(n == sent - lost); },
               [](caf::error& e) { FAIL(sentence_of(e)); });
}

TEST_CASE("remoting: a large message is decoded aside, and order is kept around it") {
  linked_system a{local("a")}, b{local("b")};
  a.links().gateway(nullptr);
  const auto text_of = [](const std::vector<std::size_t>& sizes) {
    std::string text;
    for (const auto size : sizes) text += std::to_string(size) + " ";
    return text;
  };
  struct seen_so_far {
    std::vector<std::size_t> sizes;
  };
  b.offer([text_of](caf::stateful_actor<seen_so_far>* self) -> caf::behavior {
    return {
        [=](const std::string& x) { self->state.sizes.push_back(x.size()); },
        [=](caf::get_atom) { return text_of(self->state.sizes); },
    };
  });
  const auto there = a.meet(b);
  REQUIRE(there);
  caf::scoped_actor self{a.system()};
  std::vector<std::size_t> expected;
  for (std::size_t i = 0; i < 60; ++i) {
    expected.push_back(i % 20 == 3 ? (12u << 20) + i : i);
    self->send(there, std::string(expected.back(), 'x'));
    if (i % 20 == 19)  // so much is not refused
      self->request(there, 60s, caf::get_atom::value)
          .receive([&](const std::string& sizes) { CHECK(sizes == text_of(expected)); },
                   [](caf::error& e) { FAIL(sentence_of(e)); });
  }
  CHECK(eventually([&] { return b.links().stats().front().credit > 0; }));
}

TEST_CASE("remoting: of requests that had not left, one knows that they were not done") {
  auto ca = local("a");
  ca.link.window = {0, 1u << 20, 1u << 20, 1u << 20};
  auto cb = ca;
  cb.node = "b";
  linked_system a{ca}, b{cb};
  a.links().gateway(nullptr);
  auto stuck = std::make_shared<door>();
  b.offer([stuck](caf::event_based_actor*) -> caf::behavior {
    return {[=](const std::string& x) {
      stuck->pass();
      return x.size();
    }};
  });
  const auto there = a.meet(b);
  REQUIRE(there);
  caf::scoped_actor self{a.system()};
  const std::string payload(64 * 1024, 'x');
  std::vector<decltype(self->request(there, 60s, payload))> waiting;
  for (int i = 0; i < 100; ++i) waiting.push_back(self->request(there, 60s, payload));
  a.links().disconnect(b.links().incarnation(), "the test wants it so");
  int unreachable = 0, unknown = 0;
  for (auto& each : waiting)
    each.receive([](std::size_t) { FAIL("it is stuck"); },
                 [&](caf::error& e) {
                   unreachable += e == errc::unreachable ? 1 : 0;
                   unknown += e == errc::unknown_outcome ? 1 : 0;
                 });
  CHECK(unreachable + unknown == 100);
  CHECK(unreachable > 0);
  CHECK(unknown > 0);
  stuck->unlock();
}

TEST_CASE("remoting: large messages pass whole, too large ones are refused to their sender") {
  auto ca = local("a");
  ca.link.message_max = 8u << 20;
  linked_system a{ca}, b{local("b")};
  a.links().gateway(nullptr);
  b.offer([](caf::event_based_actor*) -> caf::behavior {
    return {[](std::string& x) { return std::move(x); }};
  });
  const auto there = a.meet(b);
  REQUIRE(there);
  caf::scoped_actor self{a.system()};
  std::string big(5u << 20, 'x');
  for (std::size_t i = 0; i < big.size(); ++i) big[i] = static_cast<char>(i * 31);
  self->request(there, 60s, big)
      .receive([&](const std::string& back) { CHECK(back == big); },
               [](caf::error& e) { FAIL(sentence_of(e)); });
  self->request(there, 60s, std::string(9u << 20, 'x'))
      .receive([](const std::string&) { FAIL("it was too large"); },
               [](caf::error& e) { CHECK(e == errc::invalid_argument); });
  self->request(there, 60s, std::string("still here"))
      .receive([](const std::string& back) { CHECK(back == "still here"); },
               [](caf::error& e) { FAIL(sentence_of(e)); });
}

#include "patterns/message.hpp"
#include "remoting_fixture.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/remoting/certificates.hpp"
#include "tcp_wire.hpp"

#include <filesystem>

#include <doctest/doctest.h>
#include <unistd.h>

namespace remoting_edges {
struct novelty {
  int x = 0;
};
TROUPE_MESSAGE(novelty, x)
}  // namespace remoting_edges

using namespace troupe;
using namespace troupe::test;
using remoting_edges::novelty;

namespace {
void knows_novelty(caf::actor_system_config& config) {
  config.add_message_type<novelty>("test.novelty");
}
using same_atom = caf::atom_constant<caf::atom("same")>;

caf::behavior answering(caf::event_based_actor*) {
  return {[](int x) { return x + 1; }, [](same_atom) { return novelty{7}; }};
}
}  // namespace

TEST_CASE(
    "remoting: a type the receiver does not know is an error to its sender, and nothing else") {
  linked_system a{local("a"), knows_novelty}, b{local("b")};
  a.links().gateway(nullptr);
  b.offer(answering);
  const auto there = a.meet(b);
  REQUIRE(there);
  caf::scoped_actor self{a.system()};
  self->request(there, 20s, novelty{1})
      .receive([] { FAIL("it cannot be known"); },
               [](caf::error& e) {
                 MESSAGE(sentence_of(e));
                 CHECK(code_of(e).has_value());
               });
  self->send(there, novelty{2});
  self->request(there, 20s, 1)
      .receive([](int x) { CHECK(x == 2); }, [](caf::error& e) { FAIL(sentence_of(e)); });
  CHECK(eventually([&] { return a.links().stats().front().dead_letters == 1; }));
  // an answer that cannot be written is an error to who asked
  self->request(there, 20s, same_atom::value)
      .receive([](const novelty&) { FAIL("b has not registered it"); },
               [](caf::error& e) { CHECK(e); });
}

TEST_CASE("remoting: CAF's own control messages do not travel as content") {
  linked_system a{local("a")}, b{local("b")};
  a.links().gateway(nullptr);
  b.offer(answering);
  const auto there = a.meet(b);
  REQUIRE(there);
  caf::scoped_actor self{a.system()};
  self->send(there, caf::open_stream_msg{});
  self->send(there, caf::timeout_msg{});
  self->request(there, 20s, 1)
      .receive([](int x) { CHECK(x == 2); }, [](caf::error& e) { FAIL(sentence_of(e)); });
}

TEST_CASE(
    "remoting: who observes later is told of what stands; disconnect ends it with its reason") {
  linked_system a{local("a")}, b{local("b")};
  a.offer(answering);
  b.offer(answering);
  REQUIRE(a.meet(b));
  REQUIRE(eventually([&] { return b.seen->count("up a") == 1; }));
  auto late = std::make_shared<std::atomic<int>>(0);
  auto reason = std::make_shared<witness>();
  a.links().observe(a.spawn([=](caf::event_based_actor*) -> caf::behavior {
    return {[=](const remoting::link_up&) { ++*late; },
            [=](const remoting::link_down& e) { reason->note(sentence_of(e.reason), e.who); }};
  }));
  CHECK(eventually([&] { return *late == 1; }));
  a.links().disconnect(b.links().incarnation(), "a test says so");
  CHECK(eventually([&] { return a.seen->count("down b") == 1 && b.seen->count("down a") == 1; }));
  CHECK(a.links().stats().empty());
  REQUIRE(a.meet(b));
}

TEST_CASE("remoting: link_up waits for the gateway") {
  linked_system a{local("a")}, b{local("b")};
  a.links().gateway(nullptr);
  a.links().connect(b.address());
  REQUIRE(eventually([&] { return b.seen->count("up a") == 1; }));
  CHECK(a.seen->count("up b") == 0);
  b.offer(answering);
  REQUIRE(eventually([&] { return a.seen->count("up b") == 1; }));
  CHECK(a.seen->last_up().gateway);
}

TEST_CASE("remoting: a client has no listener, and peers are served by it all the same") {
  auto config = local("b");
  config.client = true;
  config.listen = {};
  linked_system a{local("a")}, b{config};
  a.offer(answering);
  REQUIRE_FALSE(b.links().listening());
  const auto there = b.meet(a);
  REQUIRE(there);
  REQUIRE(eventually([&] { return a.seen->count("up b") == 1; }));
  CHECK(a.seen->last_up().who.client);
  CHECK_FALSE(a.seen->last_up().gateway);
  const auto mine = b.spawn(answering);
  caf::scoped_actor self{b.system()};
  self->request(there, 20s, 5)
      .receive([](int x) { CHECK(x == 6); }, [](caf::error& e) { FAIL(sentence_of(e)); });
}

TEST_CASE("remoting: dialing nobody is refused with a sentence, and can be tried again") {
  linked_system a{local("a")};
  std::uint16_t port = 0;
  {
    linked_system b{local("b")};
    port = b.address().port;
  }
  for (std::size_t round = 1; round <= 3; ++round) {
    a.links().connect({"127.0.0.1", port});
    REQUIRE(eventually([&] { return a.seen->count("refused") == round; }));
  }
  CHECK(a.seen->last_refused().address.port == port);
  CHECK(a.seen->last_refused().reason == errc::unreachable);
}

TEST_CASE("remoting: a node is rebuilt on the same port and met anew") {
  linked_system a{local("a")};
  a.links().gateway(nullptr);
  std::uint16_t port = 0;
  caf::actor before;
  for (int life = 0; life < 5; ++life) {
    auto config = local("b");
    config.listen.port = port;
    linked_system b{config};
    REQUIRE(b.links().listening());
    port = b.address().port;
    b.offer(answering);
    const auto there = a.meet(b);
    REQUIRE(there);
    CHECK(there != before);
    before = there;
    caf::scoped_actor self{a.system()};
    self->request(there, 20s, life)
        .receive([&](int x) { CHECK(x == life + 1); }, [](caf::error& e) { FAIL(sentence_of(e)); });
  }
  CHECK(eventually([&] { return a.seen->count("down b") == 5; }));
}

TEST_CASE("remoting: under TLS a cut connection resumes, too") {
  std::string folder = (std::filesystem::temp_directory_path() / "troupe-links-XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  const auto files = *remoting::make_certificates(folder, {"a", "b"});
  auto ca = local("a"), cb = local("b");
  ca.credentials = files[0].files;
  cb.credentials = files[1].files;
  {
    linked_system a{ca}, b{cb};
    a.links().gateway(nullptr);
    b.offer(answering);
    tcp_wire wire{b.address().port};
    const auto there = a.meet(remoting::endpoint{"127.0.0.1", wire.port()});
    REQUIRE(there);
    caf::scoped_actor self{a.system()};
    for (int i = 0; i < 200; ++i) {
      if (i % 20 == 10) wire.cut();
      self->request(there, 60s, i)
          .receive([&](int x) { CHECK(x == i + 1); }, [](caf::error& e) { FAIL(sentence_of(e)); });
    }
    CHECK(a.seen->count("resumed b") > 0);
    CHECK(a.seen->count("down b") == 0);
  }
  std::filesystem::remove_all(folder);
}

TEST_CASE("remoting: addresses are read and written") {
  CHECK(to_string(*remoting::parse_endpoint("127.0.0.1:80")) == "127.0.0.1:80");
  CHECK(to_string(*remoting::parse_endpoint("[::1]:8080")) == "[::1]:8080");
  for (const char* wrong : {"", "host", "host:", ":1", "host:70000", "::1:80", "host:x", "[]:1"}) {
    CAPTURE(wrong);
    const auto result = remoting::parse_endpoint(wrong);
    REQUIRE_FALSE(result);
    CHECK(result.error() == errc::invalid_argument);
  }
}

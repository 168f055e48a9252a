#include "remoting_fixture.hpp"
#include "runtime/error.hpp"
#include "runtime/remoting/certificates.hpp"
#include "tcp_wire.hpp"

#include <filesystem>

#include <doctest/doctest.h>
#include <unistd.h>

using namespace troupe;
using namespace troupe::test;

namespace {
caf::behavior answering(caf::event_based_actor*) {
  return {[](int x) { return x + 1; }};
}
struct folder {
  std::string path;
  folder() {
    std::string name = (std::filesystem::temp_directory_path() / "troupe-links-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~folder() { std::filesystem::remove_all(path); }
};

// b dials a; the sentence of the refusal, or nothing if a session stands.
std::string dial(remoting::settings from, remoting::settings to) {
  linked_system a{std::move(to)}, b{std::move(from)};
  a.offer(answering);
  b.links().gateway(nullptr);
  b.links().connect(a.address());
  REQUIRE(eventually([&] { return b.seen->count("up a") + b.seen->count("refused") > 0; }));
  if (b.seen->count("refused") > 0) {
    CHECK(a.seen->count("up b") == 0);
    return sentence_of(b.seen->last_refused().reason);
  }
  caf::scoped_actor self{b.system()};
  self->request(b.seen->last_up().gateway, 20s, 1)
      .receive([](int x) { CHECK(x == 2); }, [](caf::error& e) { FAIL(sentence_of(e)); });
  return {};
}
remoting::settings with(const std::string& name, remoting::security credentials,
                        const std::string& cluster = "test") {
  auto config = local(name);
  config.credentials = std::move(credentials);
  config.cluster = cluster;
  return config;
}
}  // namespace

TEST_CASE(
    "remoting: the secret lets in, another or none does not, nor does another cluster's name") {
  remoting::security right, wrong;
  right.secret = "a long secret that only this cluster has";
  wrong.secret = "another";
  CHECK(dial(with("b", right), with("a", right)) == "");
  for (const auto& refusal :
       {dial(with("b", wrong), with("a", right)), dial(with("b", {}), with("a", right)),
        dial(with("b", right), with("a", {})), dial(with("b", right, "other"), with("a", right))}) {
    MESSAGE(refusal);
    CHECK(refusal != "");
  }
}

TEST_CASE("remoting: without credentials only loopback") {
  auto config = local("a");
  config.listen.host = "0.0.0.0";
  linked_system a{config};
  REQUIRE_FALSE(a.links().listening());
  MESSAGE(sentence_of(a.links().listening().error()));
  a.links().connect({"192.0.2.1", 4});
  REQUIRE(eventually([&] { return a.seen->count("refused") == 1; }));
  CHECK(a.seen->last_refused().reason == errc::refused);
}

TEST_CASE(
    "remoting: certificates: the right ones, another authority's, expired ones, another's name, "
    "none") {
  folder ours, others, old;
  const auto mine = *remoting::make_certificates(ours.path, {"a", "b", "c"});
  const auto theirs = *remoting::make_certificates(others.path, {"a", "b"});
  const auto expired = *remoting::make_certificates(old.path, {"a", "b"}, std::chrono::hours{-24});
  CHECK(dial(with("b", mine[1].files), with("a", mine[0].files)) == "");
  struct row {
    const char* what;
    remoting::security from, to;
  };
  auto outsider = theirs[1].files;
  outsider.authority = mine[0].files.authority;
  for (const auto& r :
       {row{"another authority", theirs[1].files, mine[0].files},
        row{"another authority's, shown under ours", outsider, mine[0].files},
        row{"another's name", mine[2].files, mine[0].files}, row{"none", {}, mine[0].files},
        row{"only the dialer has one", mine[1].files, {}}}) {
    const std::string what = r.what;
    CAPTURE(what);
    const auto refusal = dial(with("b", r.from), with("a", r.to));
    MESSAGE(refusal);
    CHECK(refusal != "");
  }
  linked_system late{with("a", expired[0].files)};
  REQUIRE_FALSE(late.links().listening());
  MESSAGE(sentence_of(late.links().listening().error()));
}

TEST_CASE("remoting: bytes that are no TLS in the middle of a session cost it a connection") {
  folder ours;
  const auto files = *remoting::make_certificates(ours.path, {"a", "b"});
  linked_system a{with("a", files[0].files)}, b{with("b", files[1].files)};
  a.offer(answering);
  b.links().gateway(nullptr);
  tcp_wire wire{a.address().port};
  const auto there = b.meet(remoting::endpoint{"127.0.0.1", wire.port()});
  REQUIRE(there);
  caf::scoped_actor self{b.system()};
  for (int i = 0; i < 5; ++i) {
    wire.inject(std::string(100, '\x17'));
    REQUIRE(
        eventually([&] { return b.seen->count("resumed a") >= static_cast<std::size_t>(i) + 1; }));
    self->request(there, 20s, i)
        .receive([&](int x) { CHECK(x == i + 1); }, [](caf::error& e) { FAIL(sentence_of(e)); });
  }
  linked_system late{with("b", files[1].files)};
  late.links().gateway(nullptr);
  CHECK(late.meet(a));
}

TEST_CASE("remoting: both together") {
  folder ours;
  auto files = *remoting::make_certificates(ours.path, {"a", "b"});
  for (auto& f : files) f.files.secret = "and a secret";
  CHECK(dial(with("b", files[1].files), with("a", files[0].files)) == "");
  files[1].files.secret = "another";
  CHECK(dial(with("b", files[1].files), with("a", files[0].files)) != "");
}

TEST_CASE("remoting: a port that is taken is an error with a sentence") {
  linked_system a{local("a")};
  auto config = local("b");
  config.listen.port = a.address().port;
  linked_system b{config};
  REQUIRE_FALSE(b.links().listening());
  MESSAGE(sentence_of(b.links().listening().error()));
}

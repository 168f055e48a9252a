#include "runtime/remoting/tls.hpp"

#include "runtime/error.hpp"
#include "runtime/remoting/certificates.hpp"
#include "temp_directory.hpp"

#include <filesystem>
#include <string>

#include <doctest/doctest.h>
#include <sys/stat.h>

using namespace troupe;
using namespace troupe::remoting;

namespace {
struct ends {
  tls_stream dialer, acceptor;
  std::vector<char> at_dialer{}, at_acceptor{};
  std::string refused_by_dialer{}, refused_by_acceptor{};

  void exchange() {  // until nothing moves
    for (bool moved = true; moved;) {
      moved = pass(dialer, acceptor, at_acceptor, refused_by_acceptor);
      moved = pass(acceptor, dialer, at_dialer, refused_by_dialer) || moved;
    }
  }
  static bool pass(tls_stream& from, tls_stream& to, std::vector<char>& plain,
                   std::string& refused) {
    std::vector<char> wire;
    from.take(wire);
    // a byte at a time at first: records may be cut anywhere
    for (std::size_t i = 0; i < wire.size() && refused.empty(); ++i) {
      const auto piece = i < 300 ? std::span{wire}.subspan(i, 1) : std::span{wire}.subspan(i);
      if (auto failed = to.feed(piece, plain)) refused = *failed;
      if (i >= 300) break;
    }
    return !wire.empty();
  }
};
ends meet(const security& dialer, const security& acceptor) {
  auto d = tls_context::make(dialer), a = tls_context::make(acceptor);
  REQUIRE(d);
  REQUIRE(a);
  ends e{{*d, tls_stream::role::dialer}, {*a, tls_stream::role::acceptor}};
  e.exchange();
  return e;
}
std::string text(const std::vector<char>& bytes) { return {bytes.begin(), bytes.end()}; }
}  // namespace

TEST_CASE("tls: two nodes of one authority meet, know each other's names and share a binding") {
  test::temp_directory dir;
  auto made = make_certificates(dir.path().string(), {"a", "b"});
  REQUIRE(made);
  auto e = meet((*made)[0].files, (*made)[1].files);
  REQUIRE(e.dialer.established());
  REQUIRE(e.acceptor.established());
  CHECK(e.dialer.names() == std::vector<std::string>{"b"});
  CHECK(e.acceptor.names() == std::vector<std::string>{"a"});
  CHECK(e.dialer.binding().size() == 32);
  CHECK(e.dialer.binding() == e.acceptor.binding());
  const std::string big(100'000, 'x');
  CHECK_FALSE(e.dialer.write(big));
  CHECK_FALSE(e.acceptor.write(std::string{"back"}));
  e.exchange();
  CHECK(text(e.at_acceptor) == big);
  CHECK(text(e.at_dialer) == "back");
}

TEST_CASE("tls: a certificate of another authority is refused by both") {
  test::temp_directory ours, theirs;
  auto a = make_certificates(ours.path().string(), {"a"});
  auto b = make_certificates(theirs.path().string(), {"b"});
  REQUIRE(a);
  REQUIRE(b);
  auto e = meet(a->front().files, b->front().files);
  CHECK_FALSE(e.acceptor.established());
  CHECK(e.refused_by_dialer.find("the peer's certificate is refused") != std::string::npos);
  CHECK(e.at_acceptor.empty());
}

TEST_CASE("tls: bytes that are not TLS break the stream with a sentence, never the process") {
  test::temp_directory dir;
  auto made = make_certificates(dir.path().string(), {"a"});
  REQUIRE(made);
  auto context = tls_context::make(made->front().files);
  REQUIRE(context);
  for (const auto& noise : {std::string(5, '\0'), std::string(100'000, '\xff'),
                            std::string{"GET / HTTP/1.0\r\n\r\n"}}) {
    tls_stream stream{*context, tls_stream::role::acceptor};
    std::vector<char> plain;
    const auto refused = stream.feed(noise, plain);
    CHECK((refused || !stream.established()));
    CHECK(plain.empty());
  }
}

TEST_CASE("tls: what is wrong with the files is said by name") {
  test::temp_directory dir;
  const auto at = dir.path().string();
  auto made = make_certificates(at, {"a", "b"});
  REQUIRE(made);
  const auto good = made->front().files;
  const auto sentence = [&](auto change) {
    auto files = good;
    change(files);
    auto context = tls_context::make(files);
    REQUIRE_FALSE(context);
    return sentence_of(context.error());
  };
  CHECK(sentence([](auto& f) { f.key.clear(); }).find("key is not set") != std::string::npos);
  CHECK(sentence([&](auto& f) {
          f.certificate = at + "/none.pem";
        }).find("none.pem' is not there") != std::string::npos);
  CHECK(sentence([&](auto& f) { f.key = at + "/b-key.pem"; }).find("b-key.pem' cannot be used") !=
        std::string::npos);
  test::write_file(dir / "noise.pem", "noise");
  CHECK(sentence([&](auto& f) {
          f.authority = at + "/noise.pem";
        }).find("noise.pem' cannot be used") != std::string::npos);
  test::temp_directory other;
  auto theirs = make_certificates(other.path().string(), {"c"});
  REQUIRE(theirs);
  CHECK(sentence([&](auto& f) {
          f.authority = theirs->front().files.authority;
        }).find("not one of the authority") != std::string::npos);
  auto old = make_certificates(at, {"old"}, std::chrono::hours{-1});
  REQUIRE(old);
  CHECK(sentence([&](auto& f) { f = old->front().files; }).find("has expired") !=
        std::string::npos);
}

TEST_CASE("certificates: keys are their owner's, nothing is overwritten, bad names are refused") {
  test::temp_directory dir;
  const auto at = dir.path().string();
  REQUIRE(make_certificates(at, {"a"}));
  const auto authority = test::read_file(dir / "authority.pem");
  for (const auto* key : {"authority-key.pem", "a-key.pem"}) {
    struct stat info {};
    REQUIRE(::stat((dir / key).c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
  }
  CHECK(make_certificates(at, {"b"}));
  CHECK(test::read_file(dir / "authority.pem") == authority);
  auto again = make_certificates(at, {"a"});
  REQUIRE_FALSE(again);
  CHECK(code_of(again.error()) == errc::already_exists);
  for (const auto* name : {"", "a/b", "..", "a,DNS:b", "authority"}) {
    CAPTURE(name);
    CHECK_FALSE(make_certificates(at, {name}));
  }
}

#include "link_pair.hpp"
#include "patterns/link/handshake.hpp"

#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {
using namespace troupe::link;
using namespace troupe::test;
using namespace std::chrono_literals;

struct side {
  identity who;
  credential how;
  handshake_settings limits{};
};

// One handshake whose host agrees to everything; `spoil` may change what the dialer (first) or the
// acceptor (second) sends.
struct meeting_of_two {
  using spoiler = std::function<void(role, buffer&)>;
  meeting_of_two(side d, side a, spoiler with = {})
      : spoil{std::move(with)},
        dialer{role::dialer, d.who, d.how, fresh_nonce(1), d.limits, 0s},
        acceptor{role::acceptor, a.who, a.how, fresh_nonce(2), a.limits, 0s} {}

  void run() {
    dialer.start(d);
    for (int i = 0; i < 20; ++i) {
      carry(d, acceptor, a, role::dialer);
      answer(acceptor, a);
      carry(a, dialer, d, role::acceptor);
      answer(dialer, d);
    }
  }
  void answer(handshake& h, handshake::output& out) {
    if (out.refused) return;
    if (out.met && !asked[h.part() == role::dialer]) {
      asked[h.part() == role::dialer] = true;
      if (refuse_with && h.part() == refuser) return h.refuse(*refuse_with, out);
      if (h.part() == role::acceptor)
        h.proceed(remembered, out);
      else
        h.proceed(choose, out);
    }
    if (out.chosen && !agreed) {
      agreed = true;
      if (refuse_go) return h.refuse(*refuse_go, out);
      h.agree(out);
    }
  }
  void carry(handshake::output& from, handshake& to, handshake::output& out, role by) {
    auto bytes = std::exchange(from.send, {});
    if (bytes.empty()) return;
    if (spoil) spoil(by, bytes);
    auto& log = by == role::dialer ? said_by_dialer : said_by_acceptor;
    log.insert(log.end(), bytes.begin(), bytes.end());
    to.receive(bytes, 1ms, out);
  }

  spoiler spoil;
  handshake dialer, acceptor;
  handshake::output d, a;
  standing remembered{4, 2, true, 10};
  choice choose{4, 3, true, 20};
  std::optional<refusal> refuse_with, refuse_go;
  role refuser = role::acceptor;
  bool asked[2] = {false, false}, agreed = false;
  buffer said_by_dialer, said_by_acceptor;
};

const credential secret{toy_mac("s3cret"), {}, {}};

TEST_CASE("link handshake: two sides meet under each credential") {
  const auto expect = [](const char* what, side d, side a) {
    CAPTURE(what);
    meeting_of_two m{d, a};
    m.run();
    CHECK(m.d.done);
    CHECK(m.a.done);
    CHECK_FALSE(m.d.refused);
    CHECK_FALSE(m.a.refused);
    CHECK(m.dialer.peer() == a.who);
    CHECK(m.acceptor.peer() == d.who);
    CHECK(m.d.met == a.who);
    CHECK(m.a.met == d.who);
    CHECK(m.d.offered == m.remembered);
    CHECK(m.a.chosen == m.choose);
    CHECK(m.dialer.version() == 1);
    CHECK(m.acceptor.capabilities() == 3);
    CHECK(m.dialer.leftover().empty());
    CHECK(m.acceptor.leftover().empty());
  };
  expect("open", {member(1), {}}, {member(2), {}});
  expect("secret", {member(1), secret}, {member(2), secret});
  expect("certificate", {member(1), {{}, "node-2", {'b'}}}, {member(2), {{}, "node-1", {'b'}}});
  expect("both", {member(1), {secret.secret, "node-2", {'b'}}},
         {member(2), {secret.secret, "node-1", {'b'}}});
  auto client = member(1);
  client.client = true;
  client.node = "node-2";  // a client may be called like a node
  client.address.clear();
  expect("client", {client, secret}, {member(2), secret});
  expect("versions overlap", {member(1), secret, {.version_min = 1, .version_max = 9}},
         {member(2), secret});
}

TEST_CASE("link handshake: the highest common version is taken") {
  meeting_of_two m{{member(1), secret, {.version_min = 1, .version_max = 5}},
                   {member(2), secret, {.version_min = 3, .version_max = 7}}};
  m.run();
  CHECK(m.dialer.version() == 5);
  CHECK(m.acceptor.version() == 5);
}

TEST_CASE("link handshake: it can come byte by byte, and the session's first bytes with its end") {
  handshake dialer{role::dialer, member(1), secret, fresh_nonce(1), {}, 0s};
  handshake acceptor{role::acceptor, member(2), secret, fresh_nonce(2), {}, 0s};
  handshake::output d, a;
  const auto carry = [](handshake::output& from, handshake& to, handshake::output& out) {
    for (const char c : std::exchange(from.send, {})) to.receive(view{&c, 1}, 1ms, out);
  };
  dialer.start(d);
  carry(d, acceptor, a);
  carry(a, dialer, d);
  carry(d, acceptor, a);
  REQUIRE(a.met);
  acceptor.proceed(standing{}, a);
  carry(a, dialer, d);
  REQUIRE(d.met);
  dialer.proceed(choice{1, 1, false, 0}, d);
  carry(d, acceptor, a);
  REQUIRE(a.chosen);
  acceptor.agree(a);
  auto last = std::exchange(a.send, {});
  for (const char c : std::string{"session"}) last.push_back(c);
  dialer.receive(last, 1ms, d);
  CHECK(d.done);
  const auto rest = dialer.leftover();
  CHECK(std::string{rest.begin(), rest.end()} == "session");
}

struct row {
  const char* what;
  side d, a;
  std::optional<refusal> at_dialer, at_acceptor;
};

TEST_CASE("link handshake: each refusal, and what the other side is told") {
  using r = refusal;
  const auto with = [](identity who, auto change) {
    change(who);
    return who;
  };
  const auto m1 = member(1), m2 = member(2);
  const credential other{toy_mac("other"), {}, {}};
  const auto expect = [](const row& t) {
    CAPTURE(t.what);
    meeting_of_two m{t.d, t.a};
    m.run();
    CHECK(m.d.refused == t.at_dialer);
    CHECK(m.a.refused == t.at_acceptor);
    CHECK_FALSE(m.d.done);
    CHECK_FALSE(m.a.done);
  };
  // a stranger learns nothing: the other side's reason is the generic one
  expect({"unequal secrets", {m1, secret}, {m2, other}, r::refused, r::bad_proof});
  expect({"a secret on one side", {m1, secret}, {m2, {}}, r::method, r::method});
  expect({"no common version",
          {m1, secret, {.version_min = 2, .version_max = 3}},
          {m2, secret},
          r::version,
          r::version});
  expect({"unequal channel bindings",
          {m1, {secret.secret, {}, {'x'}}},
          {m2, {secret.secret, {}, {'y'}}},
          r::refused,
          r::bad_proof});
  // who has proven itself is told
  expect({"another cluster",
          {with(m1, [](auto& w) { w.cluster = "else"; }), secret},
          {m2, secret},
          r::wrong_cluster,
          r::wrong_cluster});
  expect({"the certificate of another",
          {m1, {}},
          {m2, {{}, "node-3", {}}},
          r::not_the_certificates,
          r::not_the_certificates});
  expect({"and the acceptor's",
          {m1, {{}, "node-3", {}}},
          {m2, {}},
          r::not_the_certificates,
          r::not_the_certificates});
  expect({"no name",
          {with(m1, [](auto& w) { w.node.clear(); }), secret},
          {m2, secret},
          r::name_invalid,
          r::name_invalid});
  expect({"a name that would spoil a log",
          {with(m1, [](auto& w) { w.node = "a\nb"; }), secret},
          {m2, secret},
          r::malformed,
          r::malformed});
  expect({"no incarnation",
          {with(m1, [](auto& w) { w.life = {}; }), secret},
          {m2, secret},
          r::malformed,
          r::malformed});
  expect({"our own incarnation",
          {with(m1, [](auto& w) { w.life = life(2); }), secret},
          {m2, secret},
          r::myself,
          r::myself});
  expect({"our own name",
          {with(m1, [](auto& w) { w.node = "node-2"; }), secret},
          {m2, secret},
          r::same_name,
          r::same_name});
  expect({"a capability missing",
          {m1, secret},
          {m2, secret, {.capabilities_required = 4}},
          r::capabilities,
          r::capabilities});
}

TEST_CASE("link handshake: the host refuses, and the peer is told") {
  for (const auto reason : {refusal::forbidden, refusal::too_many, refusal::stale,
                            refusal::shutting_down, refusal::session_unknown})
    for (const auto by : {role::acceptor, role::dialer})
      for (const auto& how : {secret, credential{}}) {
        meeting_of_two m{{member(1), how}, {member(2), how}};
        m.refuse_with = reason;
        m.refuser = by;
        m.run();
        CHECK(m.d.refused == reason);
        CHECK(m.a.refused == reason);
        CHECK((by == role::acceptor ? m.d.told : m.a.told));
      }
  meeting_of_two m{{member(1), secret}, {member(2), secret}};
  m.refuse_go = refusal::stale;
  m.run();
  CHECK(m.d.refused == refusal::stale);
  CHECK(m.a.refused == refusal::stale);
  CHECK_FALSE(m.d.done);
}

TEST_CASE("link handshake: a changed byte anywhere is noticed, or was never read") {
  meeting_of_two good{{member(1), secret}, {member(2), secret}};
  good.run();
  REQUIRE(good.d.done);
  for (const auto by : {role::dialer, role::acceptor}) {
    const auto size = (by == role::dialer ? good.said_by_dialer : good.said_by_acceptor).size();
    for (std::size_t at = 0; at < size; ++at) {
      CAPTURE(at);
      std::size_t passed = 0;
      meeting_of_two m{{member(1), secret}, {member(2), secret}, [&](role who, buffer& bytes) {
                         if (who != by) return;
                         if (at >= passed && at - passed < bytes.size()) bytes[at - passed] ^= 1;
                         passed += bytes.size();
                       }};
      m.run();
      // the acceptor is done when its welcome is on the way, so that alone may be spoiled unseen
      CHECK_FALSE(m.d.done);
    }
  }
}

TEST_CASE("link handshake: a replayed dialer fails on the acceptor's fresh nonce") {
  meeting_of_two good{{member(1), secret}, {member(2), secret}};
  good.run();
  handshake acceptor{role::acceptor, member(2), secret, fresh_nonce(3), {}, 0s};
  handshake::output out;
  acceptor.receive(good.said_by_dialer, 1ms, out);
  CHECK(out.refused == refusal::bad_proof);
  CHECK_FALSE(out.met);
}

TEST_CASE("link handshake: a replayed acceptor fails on the dialer's fresh nonce") {
  meeting_of_two good{{member(1), secret}, {member(2), secret}};
  good.run();
  handshake dialer{role::dialer, member(1), secret, fresh_nonce(4), {}, 0s};
  handshake::output out;
  dialer.start(out);
  dialer.receive(good.said_by_acceptor, 1ms, out);
  CHECK(out.refused == refusal::bad_proof);
  CHECK_FALSE(out.met);
}

TEST_CASE("link handshake: our own words come back") {
  handshake dialer{role::dialer, member(1), secret, fresh_nonce(1), {}, 0s};
  handshake::output out;
  dialer.start(out);
  dialer.receive(std::exchange(out.send, {}), 1ms, out);
  CHECK(out.refused == refusal::reflected);

  // under another nonce, but with the proof that the dialer itself has made
  handshake victim{role::dialer, member(1), secret, fresh_nonce(1), {}, 0s};
  handshake::output said;
  victim.start(said);
  auto challenge = std::exchange(said.send, {});
  challenge.back() = 7;
  victim.receive(challenge, 1ms, said);
  const auto hello = std::exchange(said.send, {});
  REQUIRE_FALSE(hello.empty());
  victim.receive(hello, 1ms, said);
  CHECK(said.refused == refusal::bad_proof);
}

TEST_CASE("link handshake: strangers") {
  const auto acceptor_refuses = [](const char* what, const buffer& input, refusal then,
                                   bool answered) {
    CAPTURE(what);
    handshake h{role::acceptor, member(2), secret, fresh_nonce(2), {}, 0s};
    handshake::output out;
    h.receive(input, 1ms, out);
    CHECK(out.refused == then);
    CHECK(out.send.empty() != answered);
    if (answered) CHECK(out.send.back() == static_cast<char>(refusal::refused));  // no more
    CHECK(h.over());
    CHECK_FALSE(h.authenticated());
  };
  const auto framed = [](frame_kind kind, const std::string& body) {
    buffer out;
    put_frame(out, kind, 0, view{body.data(), body.size()});
    return out;
  };
  const auto text = [](const std::string& s) { return buffer{s.begin(), s.end()}; };
  handshake::output first;
  handshake{role::dialer, member(1), secret, fresh_nonce(1), {}, 0s}.start(first);
  const auto challenge = first.send;
  const auto then = [&](buffer more) {
    auto all = challenge;
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  using k = frame_kind;
  using r = refusal;
  acceptor_refuses("a browser", text("GET / HTTP/1.1\r\n\r\n"), r::not_a_link, false);
  acceptor_refuses("nothing in a frame", buffer(6), r::not_a_link, false);
  acceptor_refuses("4 GiB", buffer(6, '\xff'), r::not_a_link, false);
  acceptor_refuses("a hello at once", framed(k::hello, "x"), r::not_a_link, false);
  acceptor_refuses("a refusal at once", framed(k::refuse, "\x01"), r::not_a_link, false);
  acceptor_refuses("another magic", framed(k::challenge, std::string(45, 'x')), r::not_a_link,
                   false);
  acceptor_refuses("a short challenge", framed(k::challenge, "TROUPE1\n"), r::not_a_link, false);
  acceptor_refuses("two challenges", then(challenge), r::out_of_order, true);
  acceptor_refuses("a go without hello", then(framed(k::go, "x")), r::out_of_order, true);
  acceptor_refuses("a welcome", then(framed(k::welcome, "x")), r::out_of_order, true);
  acceptor_refuses("data", then(framed(k::data, "x")), r::out_of_order, true);
  acceptor_refuses("an overlong hello", then(framed(k::hello, std::string(2049, 'x'))),
                   r::bad_frame, true);
  acceptor_refuses("an empty hello", then(framed(k::hello, "")), r::bad_proof, true);
  acceptor_refuses("a wrong proof", then(framed(k::hello, std::string(500, 'x'))), r::bad_proof,
                   true);
  for (const auto reason : {r::refused, r::not_a_link, r::bad_frame, r::late, r::stale})
    CHECK_FALSE(sentence(reason).empty());
}

TEST_CASE("link handshake: a stranger cannot make us believe that we are forbidden") {
  handshake dialer{role::dialer, member(1), secret, fresh_nonce(1), {}, 0s};
  handshake::output out, theirs;
  dialer.start(out);
  handshake{role::acceptor, member(2), secret, fresh_nonce(2), {}, 0s}.receive(
      std::exchange(out.send, {}), 1ms, theirs);
  SUBCASE("without a proof") {
    put_frame(theirs.send, frame_kind::refuse, 0, buffer{static_cast<char>(refusal::forbidden)});
  }
  SUBCASE("with a wrong one") {
    buffer body(33, 'x');
    body.back() = static_cast<char>(refusal::forbidden);
    put_frame(theirs.send, frame_kind::refuse, 0, body);
  }
  dialer.receive(theirs.send, 1ms, out);
  CHECK(out.refused == refusal::refused);
  CHECK(out.told);
}

TEST_CASE("link handshake: proven, but the body cannot be read") {
  // sealed by one who knows the secret and sends a hello of one byte
  handshake acceptor{role::acceptor, member(2), secret, fresh_nonce(2), {}, 0s};
  handshake::output first, out;
  handshake{role::dialer, member(1), secret, fresh_nonce(1), {}, 0s}.start(first);
  acceptor.receive(first.send, 1ms, out);
  const auto body_of = [](const buffer& f) { return view{f}.subspan(frame_header); };
  buffer transcript, sealed;
  for (const auto& body : {body_of(first.send), body_of(out.send)}) {
    put(transcript, frame_kind::challenge);
    put(transcript, static_cast<std::uint32_t>(body.size()));
    put_bytes(transcript, body);
  }
  for (const char c : std::string{"troupe link 1"}) sealed.push_back(c);
  put(sealed, role::dialer);
  put(sealed, frame_kind::hello);
  put(sealed, std::uint32_t{0});
  put(sealed, static_cast<std::uint32_t>(transcript.size()));
  put_bytes(sealed, transcript);
  sealed.push_back('x');
  buffer body;
  put_bytes(body, secret.secret(sealed));
  body.push_back('x');
  buffer hello;
  put_frame(hello, frame_kind::hello, 0, body);
  acceptor.receive(hello, 1ms, out);
  CHECK(out.refused == refusal::malformed);
  CHECK(acceptor.authenticated());
}

TEST_CASE("link handshake: the deadline") {
  handshake_settings limits;
  limits.deadline = 100ms;
  handshake h{role::acceptor, member(2), secret, fresh_nonce(2), limits, 1s};
  handshake::output out;
  h.tick(1099ms, out);
  CHECK_FALSE(out.refused);
  h.tick(1100ms, out);
  CHECK(out.refused == refusal::late);
  handshake drip{role::acceptor, member(2), secret, fresh_nonce(2), limits, 1s};
  handshake::output slow;
  handshake::output first;
  handshake{role::dialer, member(1), secret, fresh_nonce(1), {}, 0s}.start(first);
  for (int i = 0; i < 30; ++i)
    drip.receive(view{&first.send[static_cast<std::size_t>(i)], 1}, 1s + i * 5ms, slow);
  CHECK(slow.refused == refusal::late);
}

TEST_CASE("link handshake: who talks on while the host thinks is kept within bounds") {
  handshake dialer{role::dialer, member(1), secret, fresh_nonce(1), {}, 0s};
  handshake acceptor{role::acceptor, member(2), secret, fresh_nonce(2), {}, 0s};
  handshake::output d, a;
  dialer.start(d);
  acceptor.receive(std::exchange(d.send, {}), 1ms, a);
  dialer.receive(std::exchange(a.send, {}), 1ms, d);
  acceptor.receive(std::exchange(d.send, {}), 1ms, a);
  REQUIRE(a.met);
  for (int i = 0; i < 100 && !a.refused; ++i) acceptor.receive(buffer(100), 1ms, a);
  CHECK(a.refused == refusal::out_of_order);
}
}  // namespace

// The channel's two sides as tables, and the checksum's published vectors.
#include "patterns/link/channel.hpp"

#include "patterns/link/crc32c.hpp"

#include <doctest/doctest.h>

namespace {
using namespace troupe::channel;
using namespace std::chrono_literals;

settings small() {
  settings s;
  s.chunk = 4;
  s.window = 8;
  s.buffer = 10;
  s.resume = 10s;
  s.silence = 8s;
  s.retry = 1s;
  return s;
}

chunk make(std::uint64_t position, std::string data, std::uint32_t round = 1, bool last = false,
           bool probe = false) {
  chunk c{7, 100, 0, round, position, 0, last, probe, std::move(data)};
  c.checksum = checksum_of(c);
  return c;
}
credit grant(std::uint64_t received, std::uint64_t limit, bool again = false, bool finished = false,
             std::uint32_t round = 1) {
  return {7, 200, round, received, limit, again, finished};
}

// A readable trace: "chunk 0 abcd, last 8, probe 4, credit 4..12 again".
std::string text(const chunk& c) {
  std::string kind = c.last ? "last " : c.probe ? "probe " : "chunk ";
  return kind + std::to_string(c.position) + (c.data.empty() ? "" : " " + c.data);
}
std::string text(const credit& c) {
  return "credit " + std::to_string(c.received) + ".." + std::to_string(c.limit) +
         (c.again ? " again" : "") + (c.finished ? " finished" : "");
}
std::string text(const closed&) { return "closed"; }
std::string text(const failed& f) { return "failed " + to_string(f.why); }
template <class Sent>
std::string trace(const Sent& sent) {
  std::string all;
  for (const auto& message : sent) {
    if (!all.empty()) all += ", ";
    all += std::visit([](const auto& m) { return text(m); }, message);
  }
  return all;
}
std::string trace(const std::vector<std::string>& delivered) {
  std::string all;
  for (const auto& d : delivered) all += d + "|";
  return all;
}

template <class Side>
struct bench {
  Side side{7, std::is_same_v<Side, sender> ? 100U : 200U, small(), 0ms};
  instant now{0};
  template <class In>
  typename Side::output operator()(const In& in, instant later = 0ms) {
    now += later;
    typename Side::output out;
    side.step(in, now, out);
    return out;
  }
};
}  // namespace

TEST_CASE("crc32c: the vectors of RFC 3720, B.4") {
  using troupe::crc32c;
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aaU);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43U);
  std::string up(32, '\0');
  for (int i = 0; i < 32; ++i) up[static_cast<std::size_t>(i)] = static_cast<char>(i);
  CHECK(crc32c(up) == 0x46dd794eU);
  CHECK(crc32c("123456789") == 0xe3069283U);
  CHECK(crc32c("6789", crc32c("12345")) == 0xe3069283U);
  CHECK(crc32c("") == 0);
}

TEST_CASE("channel sender: sends what it has credit for, and keeps it until it is acknowledged") {
  bench<sender> s;
  CHECK(trace(s(write{"abcdefghij"}).send) == "");
  CHECK(!s.side.accepts());
  CHECK(trace(s(attached{}).send) == "probe 0");
  CHECK(trace(s(grant(0, 8)).send) == "chunk 0 abcd, chunk 4 efgh");
  CHECK(trace(s(grant(4, 8)).send) == "");
  CHECK(s.side.held() == 6);
  CHECK(trace(s(grant(4, 12)).send) == "chunk 8 ij");
  CHECK(trace(s(grant(0, 8)).send) == "");  // late: changes nothing
  CHECK(trace(s(finish{}).send) == "last 10");
  CHECK(s(write{"x"}).refused);
  CHECK(s(finish{}).refused);
  const auto end = s(grant(10, 18, false, true));
  CHECK(trace(end.send) == "closed");
  CHECK(end.done);
  CHECK(trace(s(grant(10, 18, false, true)).send) == "closed");  // it had not arrived
  CHECK(s(write{"x"}).refused);
}

TEST_CASE("channel sender: goes back when asked, once a round, and when a new session begins") {
  bench<sender> s;
  s(attached{});
  s(write{"abcdefgh"});
  CHECK(trace(s(grant(0, 8)).send) == "chunk 0 abcd, chunk 4 efgh");
  CHECK(trace(s(grant(4, 12, true, false, 1)).send) == "chunk 4 efgh");
  CHECK(trace(s(grant(4, 12, true, false, 1)).send) == "");  // of before it went back
  CHECK(trace(s(grant(4, 12, true, false, 2)).send) == "");
  CHECK(trace(s(grant(4, 12, true, false, 3)).send) == "chunk 4 efgh");
  CHECK(trace(s(detached{}).send) == "");
  CHECK(trace(s(write{"ij"}).send) == "");
  CHECK(trace(s(attached{}, 9s).send) == "chunk 4 efgh, chunk 8 ij");
}

TEST_CASE("channel sender: asks when nothing moves, and small writes that wait share a chunk") {
  bench<sender> s;
  s(attached{});
  s(write{"ab"});
  s(write{"c"});
  CHECK(trace(s(grant(0, 8)).send) == "chunk 0 abc");
  CHECK(trace(s(tick{}, 500ms).send) == "");
  CHECK(trace(s(tick{}, 600ms).send) == "probe 3");
  CHECK(trace(s(tick{}, 1s).send) == "");
  CHECK(trace(s(tick{}, 1s).send) == "probe 3");
  s(grant(3, 11));
  CHECK(trace(s(tick{}, 1900ms).send) == "");
  CHECK(trace(s(tick{}, 200ms).send) == "probe 3");  // a sign of life
  s(finish{});
  CHECK(trace(s(tick{}, 1100ms).send) == "last 3");
}

TEST_CASE("channel sender: failures are told once, with their reason") {
  const auto ends = [](auto in, reason why, const char* sent) {
    CAPTURE(to_string(why));
    bench<sender> s;
    s(attached{});
    s(write{"abcd"});
    s(grant(0, 8));
    const auto out = s(in);
    REQUIRE(out.broken);
    CHECK(out.broken->why == why);
    CHECK(!out.broken->sentence.empty());
    CHECK(trace(out.send) == sent);
    CHECK(!s(in).broken);
    CHECK(s.side.over());
    CHECK(s(write{"x"}).refused);
    CHECK(trace(s(grant(4, 8)).send) == "failed " + to_string(why));
  };
  ends(troupe::channel::abort{"no more"}, reason::aborted, "failed aborted");
  ends(failed{7, reason::corrupted, "x"}, reason::corrupted, "");
  ends(peer_died{}, reason::died, "");
  ends(grant(5, 8), reason::violated, "failed violated");               // never sent
  ends(grant(3, 8), reason::violated, "failed violated");               // inside a chunk
  ends(grant(4, 8, false, true), reason::violated, "failed violated");  // no end was sent
  ends(credit{7, 201, 1, 0, 8, false, false}, reason::restarted, "failed restarted");
  bench<sender> away;
  CHECK(!away(tick{}, 9s).broken);
  CHECK(away(tick{}, 1s).broken->why == reason::unreachable);
  bench<sender> silent;
  silent(attached{});
  CHECK(silent(tick{}, 8s).broken->why == reason::silent);
  bench<sender> all_sent;
  all_sent(attached{});
  all_sent(grant(0, 8));
  all_sent(write{"abcd"});
  all_sent(finish{});
  CHECK(all_sent(peer_died{}).broken->why == reason::unknown);
  bench<sender> other;
  CHECK(!other(failed{8, reason::died, ""}).broken);  // another channel's
  bench<sender> anew;  // an earlier start's credit accuses nobody, and gives nothing
  anew(attached{});
  anew(write{"abcd"});
  auto of_before = grant(2, 8);
  of_before.sender = 99;
  CHECK(!anew(of_before).broken);
  CHECK(anew.side.acknowledged() == 0);
  of_before.finished = true;
  CHECK(!anew(of_before).done);
}

TEST_CASE("channel receiver: delivers in order, drops what it has, asks for what is missing") {
  bench<receiver> r;
  CHECK(trace(r(attached{}).send) == "credit 0..8");
  auto out = r(make(0, "abcd"));
  CHECK(trace(out.delivered) == "abcd|");
  CHECK(trace(out.send) == "credit 4..8");
  out = r(make(0, "abcd"));
  CHECK(trace(out.delivered) == "");
  CHECK(trace(out.send) == "credit 4..8");
  CHECK(trace(r(make(0, "abcd")).send) == "");  // answered in this round
  CHECK(trace(r(make(6, "gh")).send) == "credit 4..8 again");
  CHECK(trace(r(make(6, "gh")).send) == "");  // asked in this round
  CHECK(trace(r(make(6, "", 2, false, true)).send) == "credit 4..8 again");
  CHECK(trace(r(consumed{1}).send) == "");
  CHECK(trace(r(tick{}, 100ms).send) == "credit 4..9");
  CHECK(trace(r(consumed{3}).send) == "credit 4..12");
  CHECK(trace(r(tick{}, 100ms).send) == "");
  CHECK(trace(r(make(4, "efgh", 2)).delivered) == "efgh|");
  out = r(make(8, "", 2, true));
  CHECK(out.ended);
  CHECK(trace(out.send) == "credit 8..12 finished");
  CHECK(trace(r(make(8, "", 3, true)).send) == "credit 8..12 finished");  // its answer was lost
  CHECK(!r(peer_died{}).broken);
  CHECK(r(closed{7}).released);
  CHECK(r(tick{}, 10s).released);
}

TEST_CASE("channel receiver: failures are told once, with their reason") {
  const auto ends = [](auto in, reason why, const char* sent) {
    CAPTURE(to_string(why));
    bench<receiver> r;
    r(attached{});
    r(make(0, "abcd"));
    const auto out = r(in);
    REQUIRE(out.broken);
    CHECK(out.broken->why == why);
    CHECK(trace(out.send) == sent);
    CHECK(out.delivered.empty());
    CHECK(!r(in).broken);
    CHECK(trace(r(make(4, "efgh")).delivered) == "");
    CHECK(trace(r(make(4, "efgh")).send) == "failed " + to_string(why));
  };
  auto changed = make(4, "efgh");
  changed.data[1] ^= 1;
  ends(changed, reason::corrupted, "failed corrupted");
  auto moved = make(4, "efgh");
  moved.position = 0;
  ends(moved, reason::corrupted, "failed corrupted");
  ends(make(4, "efghi"), reason::violated, "failed violated");  // beyond its credit
  ends(make(~std::uint64_t{0}, "ab"), reason::violated, "failed violated");
  ends(make(2, "cdef"), reason::violated, "failed violated");  // over the border of what is there
  ends(make(2, "", 1, true), reason::violated, "failed violated");  // an end before what was sent
  ends(make(4, "e", 1, true), reason::violated, "failed violated");
  ends(make(4, std::string(70'000, 'x')), reason::violated, "failed violated");
  auto started = make(4, "efgh");
  started.sender = 101;
  started.checksum = checksum_of(started);
  ends(started, reason::restarted, "failed restarted");
  auto meant = make(4, "efgh");
  meant.receiver = 201;
  meant.checksum = checksum_of(meant);
  ends(meant, reason::restarted, "failed restarted");
  ends(failed{7, reason::aborted, "x"}, reason::aborted, "");
  ends(troupe::channel::abort{"enough"}, reason::aborted, "failed aborted");
  ends(peer_died{}, reason::died, "");
  bench<receiver> away;
  CHECK(away(tick{}, 10s).broken->why == reason::unreachable);
  bench<receiver> silent;
  silent(attached{});
  CHECK(silent(tick{}, 8s).broken->why == reason::silent);
  bench<receiver> after;  // what was delivered whole stays so
  after(attached{});
  after(make(0, "", 1, true));
  CHECK(!after(make(0, "x")).broken);
  CHECK(after(failed{7, reason::died, ""}).released);
}

// Channels over real links, through a wire that is cut: while a session lives nothing is noticed, and when it has ended the
// channel waits for fresh handles.
#include "actors/link/channel.hpp"
#include "actors/link/channel_thread.hpp"
#include "channel_fixture.hpp"
#include "remoting_fixture.hpp"
#include "runtime/error.hpp"
#include "tcp_wire.hpp"

#include <algorithm>
#include <atomic>
#include <limits>
#include <random>
#include <thread>
#include <utility>

#include <caf/all.hpp>
#include <doctest/doctest.h>

namespace {
using namespace troupe;
using namespace troupe::test;
using channel_test::holds;
using channel_test::piece;

// Reads in a thread of its own, not much further than allowed, and looks at every byte.
class consumer {
 public:
  explicit consumer(channel::reader& in) : in_{in}, worker_{[this] { run(); }} {}
  ~consumer() { join(); }
  consumer(const consumer&) = delete;
  consumer& operator=(const consumer&) = delete;
  void allow(std::uint64_t upto) {
    allowed_ = upto;
    allowed_.notify_all();
  }
  void join() {
    allow(std::numeric_limits<std::uint64_t>::max());
    if (worker_.joinable()) worker_.join();
  }
  std::uint64_t read() const { return read_; }
  bool right() const { return right_; }
  bool over() const { return over_; }

 private:
  void run() {
    for (std::string bytes; in_.read(bytes);) {
      if (!holds(read_, bytes)) right_ = false;
      read_ += bytes.size();
      for (auto a = allowed_.load(); a <= read_; a = allowed_) allowed_.wait(a);
    }
    over_ = true;
  }
  channel::reader& in_;
  std::atomic<std::uint64_t> allowed_{1}, read_{0};
  std::atomic<bool> right_{true}, over_{false};
  std::thread worker_;
};

// Writes so many bytes and the end, in a thread of its own.
class producer {
 public:
  producer(channel::writer& out, std::uint64_t total)
      : out_{out}, total_{total}, worker_{[this] { run(); }} {}
  ~producer() { join(); }
  producer(const producer&) = delete;
  producer& operator=(const producer&) = delete;
  caf::error join() {
    if (worker_.joinable()) worker_.join();
    return error_;
  }

 private:
  void run() {
    for (std::uint64_t at = 0; at < total_ && !error_;) {
      const auto size = std::min<std::uint64_t>(total_ - at, 1 + at % 100'000);
      error_ = out_.write(piece(at, size));
      at += size;
    }
    if (!error_) error_ = out_.finish();
  }
  channel::writer& out_;
  std::uint64_t total_;
  caf::error error_;
  std::thread worker_;
};

// Node a writes into channel 1, node b reads it; b's gateway is the reader's handle.
struct two_nodes {
  linked_system a, b;
  channel::reader in;
  tcp_wire wire;
  channel::writer out;
  two_nodes(std::chrono::milliseconds link_resume, channel::settings s)
      : a{with(link_resume, "a"), channel::register_types},
        b{with(link_resume, "b"), channel::register_types},
        in{b.system(), 1, s},
        wire{b.address().port},
        out{a.system(), 1, nullptr, s} {
    a.links().gateway(nullptr);
    b.links().gateway(in.handle());
  }
  // one that has ended waits for a while for a sender that may not have heard of it
  ~two_nodes() { caf::anon_send_exit(in.handle(), caf::exit_reason::kill); }
  static remoting::settings with(std::chrono::milliseconds link_resume, const std::string& name) {
    auto config = local(name);
    config.link.resume_window = link_resume;
    return config;
  }
  caf::actor meet() { return a.meet(remoting::endpoint{"127.0.0.1", wire.port()}); }
  void cut() {
    wire.refuse(true);
    wire.cut();
  }
};
}  // namespace

TEST_CASE("channel links: 50 MB arrive in order, once, over a connection that is cut 200 times") {
  constexpr std::uint64_t total = 50'000'000, cuts = 200, stride = total / cuts;
  // long, so that a busy machine does not end the session
  two_nodes n{30s, {}};
  const auto there = n.meet();
  REQUIRE(there);
  n.out.attach(there);
  std::mt19937_64 chance{11};
  consumer reads{n.in};
  producer writes{n.out, total};
  for (std::uint64_t cut = 0; cut < cuts; ++cut) {
    CAPTURE(cut);
    reads.allow((cut + 1) * stride);
    const auto at = cut * stride + chance() % stride;
    if (!eventually([&] { return reads.read() > at || reads.over(); }, 60s)) break;
    if (reads.over()) break;
    if (cut % 20 == 7) {
      const auto length = std::chrono::milliseconds{100 + chance() % 400};
      const auto end = std::chrono::steady_clock::now() + length;
      n.cut();
      // how long it lasts is what this is about
      eventually([&] { return std::chrono::steady_clock::now() >= end; });
      n.wire.refuse(false);
    } else {
      n.wire.cut();
    }
    if (!eventually([&] { return n.a.seen->count("resumed b") == cut + 1; }, 60s)) break;
  }
  CHECK(n.a.seen->count("resumed b") == cuts);
  reads.join();
  CHECK(!writes.join());
  CHECK(!n.in.error());
  CHECK(reads.right());
  CHECK(reads.read() == total);
  CHECK(n.a.seen->count("up b") == 1);
  CHECK(n.a.seen->count("down b") == 0);
  CHECK(n.b.seen->count("down a") == 0);
}

TEST_CASE("channel links: sessions that end are survived by a channel that gets fresh handles") {
  constexpr std::uint64_t total = 10'000'000, sessions = 5, stride = total / sessions;
  channel::settings s;
  s.resume = std::chrono::seconds{60};
  two_nodes n{200ms, s};
  auto there = n.meet();
  REQUIRE(there);
  n.out.attach(there);
  consumer reads{n.in};
  producer writes{n.out, total};
  for (std::size_t session = 1; session < sessions; ++session) {
    CAPTURE(session);
    reads.allow(session * stride);
    CHECK(eventually([&] { return reads.read() >= session * stride || reads.over(); }, 60s));
    n.cut();
    CHECK(eventually([&] {
      return n.a.seen->count("down b") == session && n.b.seen->count("down a") == session;
    }));
    n.wire.refuse(false);
    const auto fresh = n.meet();
    CHECK(fresh);
    CHECK(fresh != std::exchange(there, fresh));
    if (!fresh) n.out.abort("the nodes did not meet again");
    n.out.attach(fresh);
  }
  reads.join();
  CHECK(!writes.join());
  CHECK(!n.in.error());
  CHECK(reads.right());
  CHECK(reads.read() == total);
  CHECK(n.a.seen->count("up b") == sessions);
}

TEST_CASE("channel links: cut for longer than the channel waits, both sides fail") {
  channel::settings s;
  s.resume = std::chrono::milliseconds{300};
  two_nodes n{200ms, s};
  const auto there = n.meet();
  REQUIRE(there);
  n.out.attach(there);
  consumer reads{n.in};
  producer writes{n.out, 10'000'000};
  CHECK(eventually([&] { return reads.read() > 0; }));
  n.cut();
  CHECK(writes.join() == errc::unreachable);
  reads.join();
  CHECK(n.in.error() == errc::unreachable);
  CHECK(reads.right());
  CHECK(reads.read() < 10'000'000);
  CHECK(n.a.seen->count("down b") == 1);
  CHECK(n.b.seen->count("down a") == 1);
  // and no handle brings it back
  n.wire.refuse(false);
  const auto fresh = n.meet();
  REQUIRE(fresh);
  n.out.attach(fresh);
  CHECK(n.out.finish() == errc::unreachable);
}

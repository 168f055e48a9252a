// Two sessions joined by a wire that a seed makes slow, cuts at any byte and joins again, with
// readers that get stuck: the promises of patterns/link/session.hpp, checked after every step.
#include "patterns/link/session.hpp"
#include "seeds.hpp"

#include <algorithm>
#include <deque>
#include <random>
#include <vector>

#include <doctest/doctest.h>

namespace {
using namespace troupe::link;
using namespace std::chrono_literals;

session_settings small(std::mt19937_64& chance) {
  session_settings s;
  s.chunk = 16 + chance() % 100;
  s.frame_max = s.chunk + 8 + chance() % 100;
  s.message_max = 3000;
  s.control_message_max = 600;
  s.control_burst = 700;
  s.control_rate = 200'000;
  s.socket_max = 1 + chance() % 600;
  s.unacknowledged_max = 2 * s.chunk + 64 + chance() % 1500;
  s.queue_max = 6000;
  s.window = {0, 2 * s.chunk + chance() % 500, 2 * s.chunk + chance() % 1000,
              2 * s.chunk + chance() % 1000};
  s.ack_bytes = 1 + chance() % 500;
  s.resume_window = 1h;
  return s;
}

struct end_point {
  end_point(session_settings s, instant now) : link{s, now} {}
  session link;
  std::deque<char> wire;                                 // what it has written, on its way
  std::array<std::vector<buffer>, lane_count> enqueued;  // by this end
  std::array<std::size_t, lane_count> delivered{};       // to this end
  std::array<bool, lane_count> stuck{};
  std::uint64_t told = 0;
};

struct world {
  explicit world(std::uint64_t seed)
      : chance{seed},
        settings{small(chance)},
        ends{end_point{settings, now}, end_point{settings, now}} {
    swell = 1 + pick(3);
    join();
  }

  std::size_t pick(std::size_t below) { return static_cast<std::size_t>(chance() % below); }
  lane any_lane() { return lane{static_cast<std::uint8_t>(pick(lane_count))}; }

  void enqueue(int at) {
    const auto on = any_lane();
    static constexpr std::size_t sizes[] = {1, 20, 200, 2000};
    const auto size = 1 + pick(on == lane::control ? 400 : sizes[pick(4)]);
    buffer bytes(size);
    for (auto& b : bytes) b = static_cast<char>(chance());
    auto copy = bytes;
    const auto did = ends[at].link.enqueue(on, std::move(bytes));
    if (did == enqueued::accepted)
      ends[at].enqueued[index(on)].push_back(std::move(copy));
    else
      REQUIRE(did == enqueued::overloaded);
  }
  void write(int at) {
    auto& from = ends[at];
    buffer out;
    const auto before = from.wire.size();
    std::array<std::uint64_t, lane_count> granted{};
    for (const auto on : {lane::urgent, lane::normal, lane::bulk})
      granted[index(on)] = from.link.granted(on);
    const auto size = from.link.write(now, before, out);
    for (const auto on : {lane::urgent, lane::normal, lane::bulk}) {
      if (from.link.granted(on) == granted[index(on)]) continue;
      // what waits for a stuck reader is not granted again
      const auto window = settings.window[index(on)];
      const auto free = window > from.link.held(on) ? window - from.link.held(on) : 0;
      must(from.link.granted(on) <= from.link.arrived(on) + free, "granted what is held");
    }
    REQUIRE(size == out.size());
    if (!out.empty()) REQUIRE(before + size < settings.socket_max + settings.chunk + 14 + 4 * 14);
    from.wire.insert(from.wire.end(), out.begin(), out.end());
  }
  void deliver(int from, std::size_t size) {
    auto& wire = ends[from].wire;
    size = std::min(size, wire.size());
    const buffer bytes{wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(size)};
    wire.erase(wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(size));
    auto& to = ends[1 - from];
    session::output out;
    to.link.receive(now, bytes, out);
    REQUIRE(!out.broken);
    REQUIRE(!out.ended);
    for (const auto& b : out.batches) {
      auto& count = to.delivered[index(b.on)];
      const auto& all = ends[from].enqueued[index(b.on)];
      must(count < all.size(), "delivered what was never sent, or twice");
      must(b.bytes == all[count], "not whole or not in order");
      ++count;
      to.link.delivered(b.on, b.bytes.size() * swell);
      // a node whose control messages are stuck is broken off
      if (b.on == lane::control) to.link.consumed(b.on, b.bytes.size() * swell);
    }
  }
  void consume(int at, bool everything = false) {
    auto& e = ends[at];
    for (std::size_t i = 0; i < lane_count; ++i) {
      const auto held = e.link.held(lane{static_cast<std::uint8_t>(i)});
      if (held == 0 || (e.stuck[i] && !everything)) continue;
      e.link.consumed(lane{static_cast<std::uint8_t>(i)}, everything ? held : pick(held + 1));
    }
  }
  void tick(int at) {
    session::output out;
    ends[at].link.tick(now, out);
    REQUIRE(!out.ended);
  }
  void detach(int at) {
    session::output out;
    ends[at].link.detach(now, fault::closed, out);
  }
  // A new connection: each tells what it has received; meanwhile old bytes may still come in.
  void join() {
    for (auto& e : ends) e.told = e.link.received();
    for (int at : {0, 1}) {
      if (pick(2) == 0) deliver(at, pick(300));
      if (pick(2) == 0) write(1 - at);
    }
    for (auto& e : ends) e.wire.clear();
    for (int at : {0, 1}) {
      session::output out;
      REQUIRE(ends[at].link.attach(now, ends[at].told, ends[1 - at].told, out));
    }
  }
  // millions of checks: doctest is told only of one that fails
  static void must(bool holds, const char* what) {
    if (!holds) FAIL(what);
  }
  void check() {
    for (int at : {0, 1}) {
      const auto& e = ends[at].link;
      const auto& peer = ends[1 - at].link;
      must(e.unacknowledged() <= settings.unacknowledged_max, "more kept than allowed");
      for (std::size_t i = 0; i < lane_count; ++i) {
        const auto on = lane{static_cast<std::uint8_t>(i)};
        must(e.reassembling(on) <= settings.message_max, "an unfinished batch beyond its bound");
        if (on == lane::control) continue;
        must(e.sent(on) <= e.limit(on), "more sent than granted");
        must(e.limit(on) <= peer.granted(on), "a limit that was never granted");
        must(peer.arrived(on) <= e.sent(on), "more arrived than was sent");
        must(e.granted(on) <= e.arrived(on) + settings.window[i], "more granted than the window");
        // a batch is not held before it is whole
        must(e.held(on) <= swell * (settings.window[i] + settings.message_max), "too much held");
      }
    }
  }
  void step() {
    const int at = static_cast<int>(pick(2));
    switch (pick(12)) {
      case 0:
      case 1:
        enqueue(at);
        break;
      case 2:
      case 3:
      case 4:
        write(at);
        break;
      case 5:
      case 6:
      case 7:
        deliver(at, pick(400));
        break;
      case 8:
        consume(at);
        break;
      case 9:
        now += std::chrono::milliseconds{pick(10)};
        tick(at);
        break;
      case 10:
        if (pick(4) == 0) detach(at);
        if (pick(8) == 0) ends[at].stuck[pick(lane_count)] ^= true;
        break;
      default:
        if (pick(6) == 0) join();
    }
    check();
  }
  bool all_delivered() const {
    for (int at : {0, 1})
      for (std::size_t i = 0; i < lane_count; ++i)
        if (ends[at].enqueued[i].size() != ends[1 - at].delivered[i]) return false;
    return ends[0].link.drained() && ends[1].link.drained();
  }
  void heal() {
    join();
    for (int round = 0; round < 5000 && !all_delivered(); ++round) {
      for (int at : {0, 1}) {
        write(at);
        deliver(at, ends[at].wire.size());
        consume(at, true);
        now += 5ms;
        tick(at);
        check();
      }
    }
    REQUIRE(all_delivered());
  }

  static std::size_t index(lane on) { return static_cast<std::size_t>(on); }
  std::mt19937_64 chance;
  instant now = 1s;
  session_settings settings;
  std::array<end_point, 2> ends;
  std::uint64_t swell = 1;  // decoded bytes a byte of the wire
};

TEST_CASE("link session: exactly once and in order over a wire cut again and again") {
  for (const auto seed : troupe::test::seeds({182})) {
    CAPTURE(seed);
    world w{seed};
    REQUIRE(!validate(w.settings));
    for (int round = 0; round < 4; ++round) {
      for (int i = 0; i < 3000; ++i) w.step();
      w.heal();
      for (auto& e : w.ends) e.stuck = {};
    }
  }
}

TEST_CASE("link session: cut at every single byte in turn") {
  std::mt19937_64 chance{7};
  world w{7};
  for (std::size_t cut = 0; cut < 600; ++cut) {
    for (int i = 0; i < 3; ++i) w.enqueue(0);
    w.enqueue(1);
    w.write(0);
    w.write(1);
    w.deliver(0, cut);
    w.deliver(1, cut / 2);
    w.consume(1, true);
    w.consume(0, true);
    w.join();
    w.check();
  }
  w.heal();
}
}  // namespace

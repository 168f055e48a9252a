// The simulator's parts as tables: chance, clocks, the queue, the disk, the network.
#include "patterns/simulation/clock.hpp"
#include "patterns/simulation/disk.hpp"
#include "patterns/simulation/event_queue.hpp"
#include "patterns/simulation/network.hpp"
#include "patterns/simulation/random.hpp"

#include <algorithm>

#include <doctest/doctest.h>
namespace {
using namespace troupe::simulation;
using namespace std::chrono_literals;
}  // namespace

TEST_CASE("simulation: chance is that of the published generators") {
  std::uint64_t state = 0;  // Vigna's splitmix64.c
  CHECK(splitmix64(state) == 0xe220a8397b1dcdafU);
  CHECK(splitmix64(state) == 0x6e789e6aa1b965f4U);
  CHECK(splitmix64(state) == 0x06c45d188009454fU);
  generator g{std::array<std::uint64_t, 4>{1, 2, 3, 4}};  // his xoshiro256starstar.c
  for (const std::uint64_t x : {11520U, 0U, 1509978240U}) CHECK(g() == x);
  CHECK(g() == 1215971899390074240U);
}

TEST_CASE("simulation: draws keep their bounds, and both ends come up") {
  generator g{7};
  bool low = false, high = false;
  for (int i = 0; i < 1000; ++i) {
    const auto d = g.between(3ns, 6ns);
    CHECK((d >= 3ns && d <= 6ns));
    low = low || d == 3ns;
    high = high || d == 6ns;
    CHECK(g.below(5) < 5);
    CHECK(g.below(std::uint64_t{1} << 40) < std::uint64_t{1} << 40);
  }
  CHECK((low && high));
  CHECK(g.below(0) == 0);
  CHECK(g.between(5ns, 2ns) == 5ns);
  CHECK_FALSE(g.chance(0));
  CHECK(g.chance(million));
  int of_ten = 0;
  for (int i = 0; i < 10'000; ++i) of_ten += g.chance(100'000) ? 1 : 0;
  CHECK((of_ten > 900 && of_ten < 1100));
}

TEST_CASE("simulation: a clock drifts by its rate, never steps back, and can be asked backwards") {
  drifting_clock c;
  CHECK(c.local(5s) == 5s);
  c.drift(10s, 200);  // 200 parts of a million fast
  CHECK(c.local(10s) == 10s);
  CHECK(c.local(20s) == 20s + 2ms);
  c.drift(20s, -500'000);  // half as fast
  CHECK(c.local(20s) == 20s + 2ms);
  CHECK(c.local(22s) == 21s + 2ms);
  CHECK(c.world(21s + 2ms) == 22s);
  c.drift(30s, 0);
  CHECK(c.local(40s) == c.local(30s) + 10s);
  CHECK(c.world(1s) == 30s);  // long ago
  for (const std::int64_t rate : {-499'999, -77, -1, 1, 3, 1000, 499'999}) {
    CAPTURE(rate);
    drifting_clock other;
    other.drift(1s, rate);
    for (const instant t : {instant{1s + 1ns}, instant{1'234'567'891ns}, instant{100h}}) {
      const instant at = other.world(t);
      CHECK(other.local(at) >= t);
      CHECK(other.local(at - 1ns) < t);
    }
  }
}

TEST_CASE("simulation: the queue goes by time, and by order of asking where times are equal") {
  event_queue q;
  generator g{3};
  std::vector<std::pair<instant, std::uint32_t>> expected;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const instant at{static_cast<std::int64_t>(g.below(50))};
    q.push(at, 0, i);
    expected.emplace_back(at, i);
  }
  std::sort(expected.begin(), expected.end());
  for (const auto& [at, whom] : expected) {
    const auto h = q.pop();
    CHECK(h.at == at);
    CHECK(h.whom == whom);
  }
  CHECK(q.empty());
}

TEST_CASE("simulation: what is synced survives a crash, what is not is lost from the end") {
  bool all = false, none = false, torn = false;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    generator g{seed};
    disk d;
    for (const char* r : {"first", "second", "third", "fourth"}) d.append(r);
    d.sync(2);
    CHECK(d.durable() == 2);
    d.crash(g, seed % 2 == 1);
    REQUIRE(d.size() >= 2);
    CHECK(d.records()[0].bytes == "first");
    CHECK(d.records()[1].intact());
    CHECK(d.durable() == d.size());
    all = all || (d.size() == 4 && d.records()[3].intact());
    none = none || d.size() == 2;
    for (std::size_t i = 0; i < d.size(); ++i) {
      if (d.records()[i].intact()) continue;
      torn = true;
      CHECK(seed % 2 == 1);
      CHECK(i + 1 == d.size());  // the last alone
      CHECK(std::string{i == 2 ? "third" : "fourth"}.starts_with(d.records()[i].bytes));
    }
  }
  CHECK((all && none && torn));
}

TEST_CASE("simulation: a flipped bit is one bit, and a checksum tells") {
  generator g{5};
  disk d;
  CHECK_FALSE(d.rot(g));
  d.append("record");
  d.sync(1);
  CHECK(d.rot(g));
  CHECK_FALSE(d.records()[0].intact());
  int bits = 0;
  for (std::size_t i = 0; i < 6; ++i) {
    const auto differs = static_cast<unsigned char>(d.records()[0].bytes[i] ^ "record"[i]);
    for (int b = 0; b < 8; ++b) bits += differs >> b & 1;
  }
  CHECK(bits == 1);
  d.truncate(0);
  CHECK(d.size() == 0);
  CHECK(d.durable() == 0);
}

namespace {
struct passing {
  const char* what;
  std::vector<fault> lasting;
  std::vector<std::pair<member, member>> stopped;  // of three members, all other pairs pass
};
const fault cut_0_1{.what = fault_kind::cut, .who = {0}, .whom = {1}};
}  // namespace

TEST_CASE("simulation: cuts stop one way, partitions both") {
  const passing table[] = {
      {"nothing", {}, {}},
      {"a link, one way", {cut_0_1}, {{0, 1}}},
      {"a link, both ways",
       {cut_0_1, {.what = fault_kind::cut, .who = {1}, .whom = {0}}},
       {{0, 1}, {1, 0}}},
      {"mute", {{.what = fault_kind::cut, .who = {0}}}, {{0, 1}, {0, 2}}},
      {"deaf", {{.what = fault_kind::cut, .whom = {0}}}, {{1, 0}, {2, 0}}},
      {"one side and the rest",
       {{.what = fault_kind::partition, .who = {0}}},
       {{0, 1}, {1, 0}, {0, 2}, {2, 0}}},
      {"the same from the other side",
       {{.what = fault_kind::partition, .who = {1, 2}}},
       {{0, 1}, {1, 0}, {0, 2}, {2, 0}}},
      {"two partitions leave nobody together",
       {{.what = fault_kind::partition, .who = {0}}, {.what = fault_kind::partition, .who = {1}}},
       {{0, 1}, {1, 0}, {0, 2}, {2, 0}, {1, 2}, {2, 1}}},
      {"nobody on one side", {{.what = fault_kind::partition}}, {}},
      {"everybody", {{.what = fault_kind::cut}}, {{0, 1}, {1, 0}, {0, 2}, {2, 0}, {1, 2}, {2, 1}}},
  };
  for (const auto& row : table) {
    CAPTURE(row.what);
    network n{{}};
    for (std::uint32_t i = 0; i < row.lasting.size(); ++i) n.begin(i, row.lasting[i], 3);
    generator g{1};
    for (member from = 0; from < 3; ++from) {
      for (member to = 0; to < 3; ++to) {
        CAPTURE(from);
        CAPTURE(to);
        const bool stopped = std::find(row.stopped.begin(), row.stopped.end(),
                                       std::pair{from, to}) != row.stopped.end();
        CHECK(n.passes(from, to) == !stopped);
        CHECK((n.of(from, to, g).copies == 0) == stopped);
      }
    }
    for (std::uint32_t i = 0; i < row.lasting.size(); ++i) n.end(i);
    CHECK(n.passes(0, 1));
  }
}

TEST_CASE("simulation: messages are lost, repeated and delayed on the links that are meant") {
  const auto run = [](std::vector<fault> lasting, member from, member to) {
    network n{{.delay_min = 1ms, .delay_max = 2ms}};
    for (std::uint32_t i = 0; i < lasting.size(); ++i) n.begin(i, lasting[i], 3);
    generator g{1};
    std::array<int, 3> copies{};
    duration longest{};
    for (int i = 0; i < 1000; ++i) {
      const auto f = n.of(from, to, g);
      ++copies[f.copies];
      for (unsigned c = 0; c < f.copies; ++c) {
        CHECK(f.after[c] >= 1ms);
        longest = std::max(longest, f.after[c]);
      }
    }
    return std::tuple{copies[0], copies[2], longest};
  };
  const fault half{.what = fault_kind::lose, .who = {0}, .amount = million / 2};
  const fault twice{.what = fault_kind::repeat, .whom = {1}, .amount = million / 4};
  const fault slow{.what = fault_kind::delay, .amount = 50'000'000};
  const auto [lost, repeated, longest] = run({half, twice, slow}, 0, 1);
  CHECK((lost > 400 && lost < 600));
  CHECK((repeated > 80 && repeated < 180));
  CHECK((longest > 40ms && longest <= 52ms));
  const auto [lost_back, repeated_back, longest_back] = run({half, twice}, 1, 0);
  CHECK(lost_back == 0);
  CHECK(repeated_back == 0);
  CHECK(longest_back <= 2ms);
}

// The world: what a crash leaves, what a freeze holds back, what a clock shows, and that a seed is
// a run.
#include "patterns/simulation/world.hpp"
#include "toy_counter.hpp"

#include <doctest/doctest.h>
namespace {
using namespace troupe::simulation;
using namespace std::chrono_literals;
using troupe::test::run_toy;
using troupe::test::toy_world;

// Writes down what it is given, and when.
struct scribe {
  using message = std::string;
  using command = std::string;
  using event = std::string;
  using output = effects<message, event>;
  explicit scribe(const life& of) : self(of.self), born(of.now), next(of.now + 1s) {
    for (const auto& r : of.persisted.records()) read.push_back(r.intact() ? r.bytes : "?");
  }
  // "persist" and "send" to the next member, as the words say
  void command_given(const command& c, instant now, output& out) {
    if (c.starts_with("late")) next = now + 5s;
    if (c.starts_with("soon")) next = now + 10ms;
    if (c.find("persist") != c.npos) out.persist.push_back(c);
    if (c.find("send") != c.npos) out.send.push_back({1 - self, c});
    if (c.find("at once") != c.npos) out.send_now.push_back({1 - self, c});
    if (c.find("event") != c.npos) out.events.push_back(c);
    if (c.find("stop") != c.npos) out.stop = true;
    if (c.find("again") != c.npos) out.again = 3s;
  }
  void receive(member, message m, instant now, output&) { heard.emplace_back(now, m); }
  void tick(instant now, output&) {
    ticked.push_back(now);
    next = now + 1s;
  }
  void persisted(std::uint64_t upto, instant, output& out) {
    out.events.push_back("persisted " + std::to_string(upto));
  }
  void lost(member peer, std::uint32_t its_life, instant, output& out) {
    out.events.push_back("lost " + name_of(peer) + std::to_string(its_life));
  }
  instant due() const { return next; }
  member self;
  instant born, next;
  std::vector<std::string> read;
  std::vector<std::pair<instant, std::string>> heard;
  std::vector<instant> ticked;
};

struct two : world<scribe> {
  explicit two(conditions usual = {.sync_min = 10ms, .sync_max = 10ms}) : world(1, usual) {
    for (int i = 0; i < 2; ++i) add([](const life& of) { return scribe{of}; });
  }
  void strike_now(fault_kind what, duration length, std::int64_t amount = 0) {
    strike({.what = what, .length = length, .who = {0}, .amount = amount});
  }
  std::vector<std::string> heard() const {
    std::vector<std::string> all;
    for (const auto& [at, m] : at(1)->heard) all.push_back(m);
    return all;
  }
  std::vector<std::string> told() const {
    std::vector<std::string> all;
    for (const auto& e : events()) all.push_back(name(e.node) + ": " + e.what);
    return all;
  }
};
using words = std::vector<std::string>;
}  // namespace

TEST_CASE("simulation: what is sent waits for what is persisted, and for what was before") {
  two w;
  w.give(0, "persist, send and event");
  w.give(0, "send after", 1ms);
  w.give(0, "at once", 2ms);
  w.run_for(9ms);
  CHECK(w.heard() == words{"at once"});
  CHECK(w.told() == words{});
  CHECK(w.store(0).durable() == 0);
  w.run_for(10ms);
  CHECK(w.store(0).durable() == 1);
  CHECK(w.told() == words{"a: persist, send and event", "a: persisted 1"});
  auto heard = w.heard();
  std::sort(heard.begin(), heard.end());  // the network may change their order
  CHECK(heard == words{"at once", "persist, send and event", "send after"});
}

TEST_CASE("simulation: a crash between persist and send") {
  struct row {
    const char* what;
    fault_kind kind;
    bool kept;
  };
  const row table[] = {{"before the sync nothing need be left", fault_kind::crash_unsynced, false},
                       {"after it the record is there", fault_kind::crash_unsent, true}};
  for (const auto& r : table) {
    CAPTURE(r.what);
    bool ever_lost = false;
    for (int i = 0; i < 20; ++i) {
      two w;
      for (int skip = 0; skip < i; ++skip) w.give(0, "event");  // other draws
      w.strike_now(r.kind, 5s);
      w.give(0, "persist and send", 1s);
      w.run_for(4s);
      CHECK(w.at(0) == nullptr);
      CHECK(w.heard() == words{});
      w.run_for(4s);
      REQUIRE(w.at(0) != nullptr);
      CHECK(w.lives(0) == 2);
      CHECK(w.heard() == words{});
      if (r.kept) CHECK(w.at(0)->read == words{"persist and send"});
      ever_lost = ever_lost || w.at(0)->read.empty();
      if (ever_lost || i > 10) break;
    }
    if (r.kept) CHECK_FALSE(ever_lost);
  }
}

TEST_CASE("simulation: no persist, no crash; and the fault ends") {
  two w;
  w.strike_now(fault_kind::crash_unsent, 1s);
  w.give(0, "send");
  w.run_for(2s);
  w.give(0, "persist and send");
  w.run_for(1s);
  CHECK(w.lives(0) == 1);
  CHECK(w.heard() == words{"send", "persist and send"});
}

TEST_CASE("simulation: a crash is told to those who were connected, a restart reads the disk") {
  two w;
  w.give(0, "persist");
  w.run_for(1s);
  w.forget_events();
  w.strike_now(fault_kind::crash, 1s);
  w.run_for(500ms);
  CHECK(w.at(0) == nullptr);
  CHECK(w.told() == words{"b: lost a1"});
  w.run_for(1s);
  CHECK(w.at(0)->read == words{"persist"});
  CHECK(w.at(0)->born == 2s);
  // nothing is told through a cut
  w.cut(0, 1);
  w.forget_events();
  w.crash(0);
  w.run_for(1s);
  CHECK(w.told() == words{});
  CHECK(w.at(0) == nullptr);
  w.start(0);
  CHECK(w.lives(0) == 3);
}

TEST_CASE("simulation: overlapping crashes end with the last") {
  two w;
  w.strike({.what = fault_kind::crash, .at = 1s, .length = 3s, .who = {0}});
  w.strike({.what = fault_kind::crash, .at = 2s, .length = 5s, .who = {0, 1}});
  w.strike({.what = fault_kind::crash, .at = 10s, .who = {1}});
  w.run_for(6s);
  CHECK((w.at(0) == nullptr && w.at(1) == nullptr));
  w.run_for(2s);
  CHECK((w.lives(0) == 2 && w.lives(1) == 2));
  w.run_for(1h);
  CHECK(w.at(1) == nullptr);  // without a length: for good
}

TEST_CASE("simulation: a rotten or torn record is there to be read, and to be found out") {
  two w;
  w.give(0, "persist");
  w.run_for(1s);
  w.strike_now(fault_kind::rot, 1s);
  w.run_for(2s);
  CHECK(w.at(0)->read == words{"?"});
  bool torn = false;
  for (int i = 0; i < 50 && !torn; ++i) {
    two other;
    for (int skip = 0; skip < i; ++skip) other.give(0, "send");
    other.give(0, "persist", 1s);
    other.strike({.what = fault_kind::tear, .at = 1005ms, .length = 1s, .who = {0}});
    other.run_for(3s);
    torn = other.at(0)->read == words{"?"};
  }
  CHECK(torn);
}

TEST_CASE("simulation: a frozen member takes no step, and then all of them") {
  two w;
  w.strike({.what = fault_kind::freeze, .at = 500ms, .length = 10s, .who = {1}});
  w.give(0, "send", 2s);
  w.give(1, "event", 3s);
  w.run_for(10s);
  CHECK(w.frozen(1));
  CHECK(w.at(1)->heard.empty());
  CHECK(w.at(1)->ticked.empty());
  CHECK(w.told() == words{});
  w.run_for(600ms);
  CHECK_FALSE(w.frozen(1));
  REQUIRE(w.at(1)->heard.size() == 1);
  CHECK(w.at(1)->heard[0].first == 10500ms);
  CHECK(w.told() == words{"b: event"});
  CHECK(w.at(1)->ticked == std::vector<instant>{10500ms});
}

TEST_CASE("simulation: a frozen member that is killed forgets what waited") {
  two w;
  w.freeze(1);
  w.give(0, "send");
  w.run_for(1s);
  w.crash(1);
  w.start(1);
  w.run_for(1s);
  CHECK_FALSE(w.frozen(1));
  CHECK(w.at(1)->heard.empty());
}

TEST_CASE("simulation: ticks come by the member's own clock, never early, and may be put off") {
  two w{{.lateness_max = 20ms}};
  w.strike_now(fault_kind::skew, 100s, 100'000);  // a tenth fast
  w.run_for(50s);
  CHECK(w.local(0) == 55s);
  const auto& fast = w.at(0)->ticked;
  CHECK((fast.size() >= 53 && fast.size() <= 54));
  for (std::size_t i = 1; i < fast.size(); ++i) {
    CHECK(fast[i] - fast[i - 1] >= 1s);
    CHECK(fast[i] - fast[i - 1] <= 1s + 23ms);
  }
  const auto before = w.at(1)->ticked.size();
  w.give(1, "late");
  w.run_for(4s);
  CHECK(w.at(1)->ticked.size() == before);
  w.give(1, "soon");
  w.run_for(100ms);
  CHECK(w.at(1)->ticked.size() == before + 1);
}

TEST_CASE("simulation: a process that ends by itself, for good or to come again") {
  two w;
  w.give(0, "persist, send, stop, again");
  w.run_for(1s);
  CHECK(w.at(0) == nullptr);
  CHECK(w.heard() == words{"persist, send, stop, again"});  // it closed its disk in order
  w.run_for(3s);
  CHECK(w.lives(0) == 2);
  w.give(0, "stop");
  w.strike_now(fault_kind::crash, 1s);
  w.run_for(10s);
  CHECK(w.lives(0) == 2);
  CHECK(w.at(0) == nullptr);
}

TEST_CASE("simulation: a slow disk is slow while it lasts") {
  two w;
  w.strike_now(fault_kind::slow_disk, 2s, 500'000'000);
  w.give(0, "persist and send");
  w.run_for(400ms);
  CHECK(w.heard().empty());
  w.run_for(200ms);
  CHECK(w.heard().size() == 1);
  w.give(0, "persist and send", 3s);
  w.run_for(3020ms);
  CHECK(w.heard().size() == 2);
}

TEST_CASE("simulation: what is under way when a link is cut does not arrive") {
  two w{{.delay_min = 1s, .delay_max = 1s}};
  w.give(0, "send");
  w.run_for(500ms);
  w.partition({0});
  w.run_for(1s);
  w.heal();
  w.run_for(5s);
  CHECK(w.heard().empty());
}

TEST_CASE("simulation: members of several kinds share a world") {
  struct echo {
    using message = std::string;
    using command = std::string;
    using event = std::string;
    using output = effects<message, event>;
    void receive(member from, message m, instant, output& out) { out.send.push_back({from, m}); }
    void command_given(const command&, instant, output&) {}
    void tick(instant, output&) {}
    instant due() const { return instant::max(); }
  };
  using either = any_of<scribe, echo>;
  world<either> w{1};
  w.add([](const life& of) { return scribe{of}; });
  w.add([](const life&) { return echo{}; });
  w.give(0, "persist and send");
  w.run_for(1s);
  REQUIRE(w.at(0)->as<scribe>() != nullptr);
  CHECK(w.at(0)->as<scribe>()->heard.size() == 1);
  CHECK(w.at(1)->as<scribe>() == nullptr);
  w.crash(1);
  w.run_for(1s);
  CHECK(w.events().back().what == "lost b1");
}

TEST_CASE("simulation: time that does not pass is found") {
  struct busy {
    using message = int;
    using command = int;
    using event = int;
    using output = effects<message, event>;
    void receive(member, message, instant, output&) {}
    void command_given(const command&, instant, output&) {}
    void tick(instant, output&) {}
    instant due() const { return {}; }
  };
  world<busy> w{1};
  w.add([](const life&) { return busy{}; });
  w.run_for(1s);
  CHECK(w.judged().claim == "time passes");
}

TEST_CASE("simulation: the same seed gives the same trace twice, another seed another") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    const auto p = draw(seed, 4, 5s, 2s, everything(5s));
    std::string first, second, other;
    const auto a = run_toy(p, {}, &first);
    const auto b = run_toy(p, {}, &second);
    CHECK(first == second);
    CHECK(a == b);
    CHECK(run_toy(p, {}) == a);  // whether lines are kept changes nothing
    auto q = p;
    ++q.seed;
    CHECK(run_toy(q, {}, &other).digest != a.digest);
    CHECK(other != first);
    CHECK(first.starts_with("{\"time\":0,\"node\":\"a\",\"event\":\"started\",\"life\":1}\n"));
  }
}

TEST_CASE("simulation: a digest is the same on every machine, build and day") {
  // If this changes, seeds that are written down somewhere mean other runs: do it knowingly.
  const auto p = draw(4711, 5, 10s, 3s, everything(10s));
  CHECK(run_toy(p, {}).digest == 11633116058634608059U);
}

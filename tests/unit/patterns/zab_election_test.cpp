// Fast leader election, claim by claim (Medeiros 2012, section 4.2), and in all orders.
#include "patterns/consensus/zab/fast_election.hpp"
#include "patterns/simulation/small_world.hpp"

#include <deque>
#include <set>

#include <doctest/doctest.h>
namespace {
using namespace troupe::zab;
using namespace troupe::zab::election;
using namespace std::chrono_literals;

const ensemble three{{1, 2, 3}, {}};

vote of(server s, std::uint32_t epoch = 0, zxid last = {}) { return {epoch, last, s}; }

// One server, and whatever one says to it.
struct alone {
  explicit alone(server self, ensemble group = three, settled before = {}, vote own = {})
      : core{self, std::move(group), {}, before, 1} {
    if (own.leader == 0) own.leader = self;
    first = give(look{own});
  }
  output give(const input& in) {
    output out;
    core.step(in, now, out);
    return out;
  }
  output hear(server from, vote v, standing as, std::uint64_t round, std::uint64_t life = 1) {
    return give(heard{from, {v, as, round, life, ++number}});
  }
  output wait(duration d) {
    now += d;
    return give(tick{});
  }
  instant now{10s};
  std::uint64_t number = 0;
  fast_election core;
  output first;
};

bool happened(const output& out, event_kind k) {
  return std::any_of(out.events.begin(), out.events.end(),
                     [&](const event& e) { return e.kind == k; });
}

// Several that hear each other at once.
struct group {
  explicit group(std::uint32_t voters, std::uint32_t observers = 0, options how = {}) : how(how) {
    for (server s = 1; s <= voters; ++s) of.voters.push_back(s);
    for (server s = voters + 1; s <= voters + observers; ++s) of.observers.push_back(s);
  }
  void add(server s, settled before = {}) {
    nodes.erase(s);
    nodes.emplace(s, fast_election{s, of, how, before, ++life});
  }
  void give(server s, const input& in) {
    output out;
    nodes.at(s).step(in, now, out);
    if (out.persist) written[s] = *out.persist;
    for (auto& l : out.send) wire.push_back({s, l});
    for (auto& e : out.events)
      if (e.kind == event_kind::established) led.insert({e.round, s});
  }
  void start(vote (*own)(server)) {
    for (const auto* all : {&of.voters, &of.observers})
      for (const auto s : *all) add(s);
    for (auto& [s, n] : nodes) give(s, look{own(s)});
  }
  // The words of the server that comes first in `order` go before all others.
  void deliver(const std::function<bool(server, server)>& before = {}) {
    while (!wire.empty()) {
      auto next = wire.begin();
      if (before)
        for (auto i = wire.begin(); i != wire.end(); ++i)
          if (before(i->first, next->first)) next = i;
      auto [from, l] = *next;
      wire.erase(next);
      if (nodes.contains(l.to)) give(l.to, heard{from, l.what});
    }
  }
  void pass(duration d) {
    for (const auto end = now + d; now < end; now += 5ms) {
      for (auto& [s, n] : nodes)
        if (n.due() <= now) give(s, tick{});
      deliver();
    }
  }
  tally sent() const {
    tally all;
    for (const auto& [s, n] : nodes) {
      all.votes += n.sent().votes, all.answers += n.sent().answers;
      all.joins += n.sent().joins, all.beats += n.sent().beats;
    }
    return all;
  }
  options how;
  ensemble of;
  instant now{10s};
  std::uint64_t life = 0;
  std::map<server, fast_election> nodes;
  std::map<server, settled> written;
  std::deque<std::pair<server, letter>> wire;
  std::set<std::pair<std::uint64_t, server>> led;
};
}  // namespace

TEST_CASE("zab 4.2: the vote is for the latest epoch, then zxid, then server") {
  const vote rising[] = {of(9, 0, {}),     of(1, 0, {0, 1}), of(9, 1, {1, 1}),
                         of(2, 1, {1, 2}), of(3, 1, {1, 2}), of(1, 2, {1, 1})};
  for (std::size_t i = 0; i + 1 < std::size(rising); ++i) CHECK(rising[i] < rising[i + 1]);
  alone a{2, {{1, 2, 3, 4, 5}, {}}, {}, of(2, 1, {1, 7})};
  CHECK(a.hear(3, of(3, 1, {1, 6}), standing::looking, 1).send.empty());  // it has less
  CHECK(a.core.choice().leader == 2);
  CHECK(a.hear(1, of(1, 1, {1, 8}), standing::looking, 1).send.size() == 4);
  CHECK(a.core.choice().leader == 1);
}

TEST_CASE("zab 4.2: a quorum's vote waits for a better one, and not where all have voted") {
  alone a{1};
  a.hear(2, of(2), standing::looking, 1);
  CHECK(a.core.as() == standing::looking);
  CHECK(a.core.due() == a.now + 50ms);
  a.wait(49ms);
  CHECK(a.core.as() == standing::looking);
  const auto out = a.wait(1ms);
  CHECK(a.core.as() == standing::following);
  CHECK(a.core.leader() == 2);
  CHECK(out.persist == settled{1, 2});  // before it says so
  REQUIRE(out.send.size() == 1);
  CHECK(out.send[0].to == 2);
  CHECK(out.send[0].what.as == standing::following);

  alone better{1};
  better.hear(2, of(2), standing::looking, 1);
  better.hear(3, of(3), standing::looking, 1);     // a better one: only 1 and 3 have it
  CHECK(better.core.as() == standing::following);  // and with that all have voted
  CHECK(better.core.leader() == 3);
}

TEST_CASE("zab 4.2: a newer round makes older votes void, an older one is told so") {
  alone a{1, {{1, 2, 3, 4, 5}, {}}};
  a.hear(2, of(4), standing::looking, 1);
  a.hear(3, of(4), standing::looking, 4);
  CHECK(a.core.round() == 4);
  CHECK(a.core.choice().leader == 4);
  const auto late = a.hear(2, of(4), standing::looking, 3);
  REQUIRE(late.send.size() == 1);
  CHECK(late.send[0].to == 2);
  CHECK(late.send[0].what.round == 4);
  a.wait(60ms);
  CHECK(a.core.as() == standing::looking);  // 1 and 3 of five: the vote of round 3 is no vote
  a.hear(5, of(4), standing::looking, 4);
  a.wait(60ms);
  CHECK(a.core.leader() == 4);
}

TEST_CASE("zab: repeated, late words and those of a former life are not obeyed") {
  alone a{1, {{1, 2, 3, 4, 5}, {}}};
  const auto word = [](vote v, std::uint64_t life, std::uint64_t number, server from) {
    return heard{from, {v, standing::looking, 1, life, number}};
  };
  a.give(word(of(5), 2, 2, 3));
  a.give(word(of(4), 2, 1, 3));  // sent before
  a.give(word(of(4), 1, 9, 3));  // by who it was before
  a.give(word(of(5), 2, 2, 3));
  CHECK(a.core.choice().leader == 5);
  a.wait(60ms);
  CHECK(a.core.as() == standing::looking);  // one server, one vote
  a.give(word(of(5), 1, 1, 4));
  a.wait(60ms);
  CHECK(a.core.leader() == 5);
}

TEST_CASE("zab: observers never count, whatever they say, and strangers are not heard") {
  for (const server s : {server{4}, server{9}, server{1}}) {
    CAPTURE(s);
    for (const auto as : {standing::looking, standing::following, standing::leading}) {
      alone a{1, {{1, 2, 3}, {4}}};
      a.hear(s, of(1), as, 1);
      a.wait(60ms);
      CHECK(a.core.as() == standing::looking);
      CHECK(a.core.round() == 1);
    }
  }
  alone a{1, {{1, 2, 3}, {4}}};
  a.hear(2, of(4, 9), standing::looking, 1);  // nobody votes for one
  CHECK(a.core.choice().leader == 1);
}

TEST_CASE(
    "zab: an observer finds the leader by a quorum's word, and tells nobody but when asking") {
  group g{3, 1};
  g.start([](server s) { return of(s); });
  g.deliver();
  g.pass(1s);
  const auto& o = g.nodes.at(4);
  CHECK(o.as() == standing::observing);
  CHECK(o.leader() == 3);
  CHECK(o.sent().joins + o.sent().beats + o.sent().answers == 0);
  CHECK(g.led == std::set<std::pair<std::uint64_t, server>>{{1, 3}});
}

TEST_CASE(
    "zab 4.2: who comes late joins the leader that a quorum follows, if that says so itself") {
  alone a{1};
  a.hear(2, of(3), standing::following, 7);
  CHECK(a.core.as() == standing::looking);
  a.hear(3, of(3), standing::leading, 6);  // not in that round
  CHECK(a.core.as() == standing::looking);
  const auto out = a.hear(3, of(3), standing::leading, 7);
  CHECK(a.core.as() == standing::following);
  CHECK(a.core.round() == 7);
  CHECK(happened(out, event_kind::decided));
}

TEST_CASE("zab: a word is given once a round, over restarts") {
  alone again{1, three, settled{7, 3}};
  CHECK(again.core.round() == 8);
  again.hear(2, of(3), standing::following, 7);
  again.hear(3, of(3), standing::leading, 7);
  CHECK(again.core.as() == standing::following);  // to the same

  alone other{1, three, settled{7, 2}};
  other.hear(2, of(3), standing::following, 7);
  other.hear(3, of(3), standing::leading, 7);
  CHECK(other.core.as() == standing::observing);  // to another: it looks on
  CHECK(other.core.word() == settled{7, 2});

  alone leader{3, three, settled{7, 3}};  // it led, and the others do not know that it is anew
  leader.hear(1, of(3), standing::following, 7);
  leader.hear(2, of(3), standing::following, 7);
  leader.wait(60ms);
  CHECK(leader.core.as() == standing::looking);
}

TEST_CASE(
    "zab: where a leader is confirmed otherwise, words are not kept, and rounds may come again") {
  options how;
  how.once = false;
  fast_election a{1, three, how, settled{7, 2}, 1};
  output out;
  a.step(look{of(1)}, 10s, out);
  a.step(heard{2, {of(3), standing::following, 5, 1, 1}}, 10s, out);  // in another round
  a.step(heard{3, {of(3), standing::leading, 7, 1, 1}}, 10s, out);
  CHECK(a.as() == standing::following);
  CHECK(!out.persist);
}

TEST_CASE("zab: a leader is established by those that joined, and only in its round") {
  alone a{3, {{1, 2, 3, 4, 5}, {}}};
  for (const server s : {1, 2, 4, 5}) a.hear(s, of(5), standing::looking, 1);
  CHECK(a.core.as() == standing::following);
  alone l{5, {{1, 2, 3, 4, 5}, {}}};
  for (const server s : {1, 2, 3, 4}) l.hear(s, of(5), standing::looking, 1);
  REQUIRE(l.core.as() == standing::leading);
  CHECK(!l.core.established());
  l.hear(1, of(5), standing::following, 1);
  l.hear(2, of(4), standing::following, 1);
  l.hear(3, of(5), standing::following, 2);
  l.hear(4, of(5), standing::looking, 1);
  CHECK(!l.core.established());
  CHECK(happened(l.hear(2, of(5), standing::following, 1), event_kind::established));
}

TEST_CASE(
    "zab: a leader without a quorum's word steps down, a follower without the leader's looks") {
  group g{3};
  g.start([](server s) { return of(s); });
  g.deliver();
  g.pass(1s);
  REQUIRE(g.nodes.at(3).established());
  auto gone = g.nodes.extract(3);
  g.pass(2s);
  CHECK(g.nodes.at(2).established());
  CHECK(g.led == std::set<std::pair<std::uint64_t, server>>{{1, 3}, {2, 2}});
  g.nodes.erase(1);
  g.pass(1s);
  CHECK(g.nodes.at(2).as() == standing::looking);
  g.nodes.insert(std::move(gone));
  g.pass(3s);
  CHECK(g.nodes.at(3).leader() != 0);
  CHECK(g.nodes.at(3).leader() == g.nodes.at(2).leader());
}

TEST_CASE("zab: one that is told that the leader is gone does not wait for silence") {
  alone a{1};
  a.hear(3, of(3), standing::looking, 1);
  a.hear(2, of(3), standing::looking, 1);
  REQUIRE(a.core.leader() == 3);
  CHECK(happened(a.give(lost{3}), event_kind::looking));
  CHECK(a.core.round() == 2);
  a.hear(2, of(2), standing::looking, 2);
  a.give(lost{2});  // its vote with it
  a.wait(60ms);
  CHECK(a.core.as() == standing::looking);
}

TEST_CASE("zab: alone it leads at once; of two both are needed") {
  alone one{1, {{1}, {}}};
  CHECK(one.core.established());
  CHECK(one.wait(10s).events.empty());
  alone two{1, {{1, 2}, {}}};
  two.wait(1s);
  CHECK(two.core.as() == standing::looking);
}

TEST_CASE("zab: messages by kind, beside their formulas") {
  options quiet;
  quiet.beat = {};
  for (const std::uint64_t n : {3U, 5U, 9U, 25U}) {
    CAPTURE(n);
    group best{static_cast<std::uint32_t>(n), 0, quiet};
    best.start([](server s) { return of(s); });
    best.deliver([](server a, server b) { return a > b; });
    CAPTURE(to_string(best.sent()));
    CHECK(best.sent().votes == (n - 1) * (2 * n - 1));
    CHECK(best.sent().joins == n - 1);
    CHECK(best.sent().answers <= n);
    CHECK(best.sent().beats == 0);
    CHECK(best.led.size() == 1);
    group worst{static_cast<std::uint32_t>(n), 0, quiet};
    worst.start([](server s) { return of(s); });
    worst.deliver([](server a, server b) { return a < b; });
    CHECK(worst.sent().votes <= (n - 1) * n * (n + 1) / 2);
    CHECK(worst.sent().votes > best.sent().votes);
    CHECK(worst.led.size() == 1);
  }
}

namespace {
namespace sim = troupe::simulation;
// Server m + 1; 3 has the least history, so that votes change.
struct host {
  using message = notification;
  struct command {};
  using event = election::event;
  using output = sim::effects<message, event>;
  host(sim::member m) : core{m + 1, three, how(), {}, 1}, self{m} {}
  static options how() {
    options o;
    o.beat = {};  // rounds of beats are no part of these orders
    return o;
  }
  void command_given(const command&, instant now, output& out) {
    step(look{{0, {0, self == 2 ? 0U : 1U}, self + 1}}, now, out);
  }
  void receive(sim::member from, message m, instant now, output& out) {
    step(heard{from + 1, m}, now, out);
  }
  void tick(instant now, output& out) { step(election::tick{}, now, out); }
  void lost(sim::member peer, std::uint32_t, instant now, output& out) {
    step(election::lost{peer + 1}, now, out);
  }
  instant due() const { return core.as() == standing::looking ? core.due() : instant::max(); }
  void step(const input& in, instant now, output& out) {
    election::output did;
    core.step(in, now, did);
    for (auto& l : did.send) out.send.push_back({static_cast<sim::member>(l.to - 1), l.what});
    out.events = did.events;
  }
  static void describe(const event& e, std::string& fields) { fields += to_string(e); }
  static std::string digest(const message& m) { return to_string(m); }
  std::string digest() const { return core.digest(); }
  fast_election core;
  sim::member self;
};
using hosts = sim::small_world<host>;

std::uint64_t ends_led = 0;  // states in which one is established
std::string wrong(const hosts& w) {
  std::map<std::uint64_t, server> led;
  for (sim::member m = 0; m < w.size(); ++m) {
    std::map<std::uint64_t, server> word;
    for (const auto& e : w.events(m)) {
      if (e.kind == event_kind::established && !led.try_emplace(e.round, e.leader).second)
        return "two leaders in round " + std::to_string(e.round);
      if (e.kind == event_kind::decided && !word.try_emplace(e.round, e.leader).second)
        return "two words in round " + std::to_string(e.round);
    }
    const auto& c = w.host(m).core;
    if (c.leader() == 3 && c.round() == 1) return "the least history leads";
  }
  ends_led += led.empty() ? 0 : 1;
  return {};
}

sim::explored all_orders(sim::small_bounds bounds) {
  hosts w{bounds, [](sim::member m) { return host{m}; }, wrong};
  for (sim::member m = 0; m < 3; ++m) w.command(m, {});
  return sim::every_order(w, 3'000'000);
}
}  // namespace

TEST_CASE("zab: in all orders of 8 deliveries, one crash, one leader is established a round") {
  const sim::small_bounds table[] = {
      {.deliveries = 8, .ticks = 0, .crashes = 1, .told_of_crashes = false},
      {.deliveries = 4, .ticks = 1, .crashes = 1}};
  for (const auto& bounds : table) {
    CAPTURE(bounds.deliveries);
    ends_led = 0;
    const auto all = all_orders(bounds);
    CHECK(all.broken == "");
    CHECK(all.whole);
    CHECK((ends_led > 0 || bounds.deliveries < 8));
  }
}

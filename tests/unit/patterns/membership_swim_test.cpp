// One member, step by step: what it says, and what it makes of what it hears.
#include "patterns/membership/swim.hpp"

#include <algorithm>
#include <functional>

#include <doctest/doctest.h>
using namespace troupe::membership;
using namespace std::chrono_literals;
namespace {
constexpr std::uint64_t ours = 77;

member_id id_of(const std::string& name) { return {name, name + "-life"}; }
record up(const std::string& name, std::uint64_t age) {
  record r;
  r.id = id_of(name);
  r.address = name + ":1";
  r.state = member_state::up;
  r.age = age;
  return r;
}

// Member "a" of a cluster of a, b, c, d; or alone, or still looking.
struct bench {
  explicit bench(std::vector<std::string> others = {"b", "c", "d"}, options how = {})
      : core(how, start(), {"b:1"}, {}, 5, now) {
    if (others.empty()) return;
    welcome w{from("b"), {up("a", 9)}};
    std::uint64_t age = 1;
    for (const auto& o : others) w.members.push_back(up(o, age++));
    give(message{w});
  }
  static record start() {
    record r;
    r.id = id_of("a");
    r.address = "a:1";
    return r;
  }
  header from(const std::string& name, std::uint64_t cluster = ours) const {
    return {.from = id_of(name), .address = name + ":1", .cluster = cluster, .to = "a-life"};
  }
  output give(const input& in) {
    output out;
    core.step(in, now, out);
    return out;
  }
  // Ticks as asked for, until the time is up.
  output run(duration d) {
    output all;
    for (const instant end = now + d; core.due() <= end;) {
      now = std::max(now, core.due());
      core.step(tick{}, now, all);
    }
    now = std::max(now, now + 0ns);
    return all;
  }
  const record& of(const std::string& name) const { return core.members().at(id_of(name)); }

  instant now{10s};
  swim core;
};

template <class T>
std::vector<T> sent(const output& out) {
  std::vector<T> all;
  for (const auto& o : out.send) {
    if (const T* m = std::get_if<T>(&o.what)) all.push_back(*m);
  }
  return all;
}
std::size_t count(const output& out, event_kind what, const std::string& about) {
  return static_cast<std::size_t>(
      std::count_if(out.events.begin(), out.events.end(),
                    [&](const event& e) { return e.what == what && e.member.id.name == about; }));
}
record doubted(record r, reach how, std::vector<std::string> witnesses) {
  r.liveness = how;
  r.witnesses = std::move(witnesses);
  return r;
}
}  // namespace

TEST_CASE("swim: a newcomer asks its seeds, and becomes a member by a welcome") {
  bench b{{}};
  const auto asked = sent<join>(b.give(tick{}));
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].self.id == id_of("a"));
  CHECK(b.core.where() == standing::looking);
  welcome w{b.from("b"), {up("b", 1), up("a", 2)}};
  const auto out = b.give(message{w});
  CHECK(b.core.where() == standing::member);
  CHECK(b.core.cluster() == ours);
  CHECK(count(out, event_kind::welcomed, "a") == 1);
  CHECK(count(out, event_kind::up, "b") == 1);
  CHECK(count(out, event_kind::up, "a") == 1);
  // Another cluster's welcome comes too late.
  w.head.cluster = 78;
  w.members = {up("z", 1)};
  CHECK(b.give(message{w}).events.empty());
  CHECK(b.core.cluster() == ours);
}

TEST_CASE("swim: a ping is answered, with news") {
  bench b;
  const auto out = b.give(message{ping{b.from("b"), 41, {}}});
  const auto acks = sent<ack>(out);
  REQUIRE(acks.size() == 1);
  CHECK(acks[0].sequence == 41);
  CHECK(acks[0].target == id_of("a"));
  CHECK(acks[0].head.to == "b-life");
}

TEST_CASE("swim: a silent member is asked through others, then suspected, then unreachable") {
  bench b;
  output out = b.run(500ms);
  const auto pings = sent<ping>(out);
  REQUIRE(!pings.empty());
  CHECK(sent<ping_request>(out).size() >= 2);  // the two others: k is 3
  out = b.run(1s);
  CHECK(std::any_of(out.events.begin(), out.events.end(),
                    [](const event& e) { return e.what == event_kind::suspected; }));
  out = b.run(10s);
  // All are silent: it is cut off itself, and gives way to the majority.
  CHECK(count(out, event_kind::unreachable, "b") == 1);
  CHECK(count(out, event_kind::self_downed, "a") == 1);
  CHECK(b.core.where() == standing::over);
}

TEST_CASE("swim: for another's sake a member is pinged, and the answer passed on, or its lack") {
  bench b;
  const auto asked = b.give(message{ping_request{b.from("b"), 7, id_of("c"), "c:1", {}}});
  const auto pings = sent<ping>(asked);
  REQUIRE(pings.size() == 1);
  CHECK(asked.send[0].address == "c:1");
  const auto passed = b.give(message{ack{b.from("c"), pings[0].sequence, id_of("c"), {}}});
  REQUIRE(sent<ack>(passed).size() == 1);
  CHECK(passed.send[0].address == "b:1");
  CHECK(sent<ack>(passed)[0].sequence == 7);
  // Silence is passed on as a nack, in time for who asked (Lifeguard).
  b.give(message{ping_request{b.from("b"), 8, id_of("d"), "d:1", {}}});
  const auto waited = b.run(170ms);
  REQUIRE(sent<nack>(waited).size() == 1);
  CHECK(sent<nack>(waited)[0].sequence == 8);
  // An answer that claims to be another's is none.
  CHECK(sent<ack>(b.give(message{ack{b.from("c"), 9999, id_of("d"), {}}})).empty());
}

TEST_CASE("swim: it refutes what is said of it, with a higher generation") {
  bench b;
  const auto before = b.core.health();
  auto accused = doubted(up("a", 9), reach::suspect, {"b"});
  b.give(message{gossip{b.from("b"), {accused}}});
  CHECK(b.of("a").generation == 1);
  CHECK(b.of("a").liveness == reach::alive);
  CHECK(b.core.health() == before + 1);             // somebody had a reason
  b.give(message{gossip{b.from("b"), {accused}}});  // again: already refuted
  CHECK(b.of("a").generation == 1);
  accused.generation = 1;
  accused.liveness = reach::unreachable;
  const auto out = b.give(message{ping{b.from("b"), 1, {accused}}});
  CHECK(b.of("a").generation == 2);
  const auto acks = sent<ack>(out);
  REQUIRE(acks.size() == 1);  // the refutation travels with the answer
  CHECK(std::any_of(acks[0].gossip.begin(), acks[0].gossip.end(),
                    [](const record& r) { return r.id == id_of("a") && r.generation == 2; }));
}

TEST_CASE("swim: one bad member cannot convict") {
  bench b;
  auto claimed = doubted(up("c", 2), reach::unreachable, {"b", "x", "y"});
  auto out = b.give(message{gossip{b.from("b"), {claimed}}});
  CHECK(b.of("c").liveness == reach::suspect);
  CHECK(count(out, event_kind::unreachable, "c") == 0);
  CHECK(!sent<ping>(out).empty());  // it looks for itself
  // A refutation ends it, an old claim does not begin it anew.
  auto refuted = up("c", 2);
  refuted.generation = 1;
  out = b.give(message{gossip{b.from("c"), {refuted}}});
  CHECK(count(out, event_kind::cleared, "c") == 1);
  b.give(message{gossip{b.from("b"), {claimed}}});
  CHECK(b.of("c").liveness == reach::alive);
  // A suspicion under way is ended by a verdict that two have witnessed.
  claimed.generation = 1;
  b.give(message{gossip{b.from("b"), {doubted(claimed, reach::suspect, {"b"})}}});
  out = b.give(message{gossip{b.from("b"), {doubted(claimed, reach::unreachable, {"b"})}}});
  CHECK(b.of("c").liveness == reach::suspect);
  out = b.give(message{gossip{b.from("b"), {doubted(claimed, reach::unreachable, {"b", "d"})}}});
  CHECK(count(out, event_kind::unreachable, "c") == 1);
  refuted.generation = 2;
  out = b.give(message{gossip{b.from("c"), {refuted}}});
  CHECK(count(out, event_kind::reachable, "c") == 1);
}

TEST_CASE("swim: a suspect hears of it with the first word (Lifeguard, section IV.C)") {
  bench b;
  b.give(message{gossip{b.from("b"), {doubted(up("c", 2), reach::suspect, {"b"})}}});
  b.run(1s);
  bool told = false;
  for (int i = 0; i < 50 && !told; ++i) {
    output out;
    b.now = std::max(b.now, b.core.due());
    b.core.step(tick{}, b.now, out);
    for (const auto& o : out.send) {
      const auto* p = std::get_if<ping>(&o.what);
      if (p == nullptr || o.address != "c:1") continue;
      told = true;
      REQUIRE(!p->gossip.empty());
      CHECK(p->gossip.front().id == id_of("c"));
      CHECK(p->gossip.front().liveness != reach::alive);
    }
  }
  CHECK(told);
}

TEST_CASE("swim: a pause of its own is not held against others") {
  bench b;
  b.run(450ms);  // a probe is under way
  b.now += 20s;  // and the process stands still
  const auto out = b.give(tick{});
  CHECK(b.core.health() >= 1);
  for (const auto& e : out.events) CHECK(e.what != event_kind::suspected);
  for (const char* name : {"b", "c", "d"}) CHECK(b.of(name).liveness != reach::unreachable);
  // After a pause that tombstones may not have outlived it goes by itself.
  b.now += 31min;
  CHECK(count(b.give(tick{}), event_kind::self_downed, "a") == 1);
}

TEST_CASE("swim: whoever does not belong is told why") {
  struct row {
    const char* what;
    std::function<message(const bench&)> given;
    std::vector<turn_away> answered;
  };
  const auto stranger = [](const bench& b, std::uint64_t cluster) {
    auto h = b.from("z", cluster);
    return h;
  };
  const row rows[] = {
      {"another cluster's ping",
       [&](const bench& b) {
         return ping{stranger(b, 78), 1, {}};
       },
       {turn_away::other_cluster}},
      {"a member nobody here knows",
       [&](const bench& b) {
         return ping{stranger(b, ours), 1, {}};
       },
       {turn_away::unknown_member}},
      {"for the process that was here before",
       [&](const bench& b) {
         auto h = b.from("b");
         h.to = "a-former-life";
         return ping{h, 1, {}};
       },
       {turn_away::other_incarnation}},
      {"a join to another name",
       [&](const bench& b) {
         return join{stranger(b, 0), "other", up("z", 0)};
       },
       {turn_away::other_name}},
      {"a join under another's id",
       [&](const bench& b) {
         return join{stranger(b, 0), "troupe", up("y", 0)};
       },
       {turn_away::invalid}},
      {"a join of another cluster",
       [&](const bench& b) {
         return join{stranger(b, 78), "troupe", up("z", 0)};
       },
       {turn_away::other_cluster}},
      {"a name that is taken, elsewhere",
       [&](const bench& b) {
         auto h = b.from("b", 0);
         h.from.incarnation = "another";
         h.address = "elsewhere:1";
         record self = up("b", 0);
         self.id = h.from;
         self.address = h.address;
         return join{h, "troupe", self};
       },
       {turn_away::name_taken}},
      {"an answer that nobody asked for",
       [&](const bench& b) {
         return ack{b.from("b"), 9, {}, {}};
       },
       {}},
      {"words without a name", [&](const bench&) { return ping{}; }, {}},
      {"its own words",
       [&](const bench& b) {
         return ping{b.from("a"), 1, {}};
       },
       {}},
  };
  for (const auto& r : rows) {
    CAPTURE(r.what);
    bench b;
    const auto out = b.give(r.given(b));
    std::vector<turn_away> reasons;
    for (const auto& t : sent<turned_away>(out)) reasons.push_back(t.reason);
    CHECK(reasons == r.answered);
    CHECK(b.core.members().size() == 4);
  }
}

TEST_CASE("swim: a downed incarnation is refused, told, and never believed again") {
  bench b;
  b.give(down{"c"});
  CHECK(b.of("c").state == member_state::down);
  const auto out = b.give(message{ping{b.from("c"), 1, {up("c", 2)}}});
  REQUIRE(sent<turned_away>(out).size() == 1);
  CHECK(sent<turned_away>(out)[0].reason == turn_away::downed);
  CHECK(sent<turned_away>(out)[0].meant == "c-life");
  auto loud = up("c", 2);
  loud.generation = 1000;
  b.give(message{gossip{b.from("b"), {loud}}});
  CHECK(b.of("c").state == member_state::down);
  const auto again = b.give(message{join{b.from("c", 0), "troupe", up("c", 0)}});
  CHECK(sent<turned_away>(again).at(0).reason == turn_away::downed);
  CHECK(sent<welcome>(again).empty());
}

TEST_CASE("swim: it believes that it is down when its own cluster says so, and nobody else") {
  const auto told = [](std::uint64_t cluster, const std::string& meant) {
    bench b;
    turned_away t{b.from("b", cluster), turn_away::downed, meant, "troupe", 3};
    return count(b.give(message{t}), event_kind::self_downed, "a");
  };
  CHECK(told(ours, "a-life") == 1);
  CHECK(told(78, "a-life") == 0);
  CHECK(told(ours, "a-former-life") == 0);
  bench b;
  CHECK(count(b.give(disowned{"b"}), event_kind::self_downed, "a") == 1);
  CHECK(b.give(disowned{"b"}).events.empty());
  CHECK(b.give(tick{}).send.empty());
  CHECK(b.give(leave{}).refused == std::vector<refusal>{refusal::over});
}

TEST_CASE("swim: a successor at the same address replaces a former life, which is removed first") {
  bench b;
  auto h = b.from("c", 0);
  h.from.incarnation = "c-second";
  record self = up("c", 0);
  self.id = h.from;
  const auto out = b.give(message{join{h, "troupe", self}});
  std::string order;
  for (const auto& e : out.events) {
    if (e.member.id.name != "c") continue;
    if (e.what == event_kind::downed) order += 'd';
    if (e.what == event_kind::removed) order += 'r';
    if (e.what == event_kind::joined) order += 'j';
  }
  CHECK(order == "drj");
  REQUIRE(sent<welcome>(out).size() == 1);
  CHECK(b.core.members().at(h.from).replaces == "c-life");
  // What the process at an address says of who is gone is believed only of its own name.
  const auto claim = [&](const std::string& by, const std::string& gone) {
    turned_away t{b.from(by), turn_away::other_incarnation, gone, "troupe", 3};
    t.head.from.incarnation += "-2";
    b.give(message{t});
  };
  claim("b", "d-life");
  CHECK(b.of("d").state == member_state::up);
  claim("d", "d-life");
  CHECK(b.of("d").state == member_state::removed);
}

TEST_CASE("swim: commands that make no sense are refused and leave no trace") {
  bench looking{{}};
  CHECK(looking.give(leave{}).refused == std::vector<refusal>{refusal::not_joined});
  CHECK(looking.give(down{"b"}).refused == std::vector<refusal>{refusal::not_joined});
  bench b;
  CHECK(b.give(leave{"nobody"}).refused == std::vector<refusal>{refusal::not_found});
  CHECK(b.give(down{"nobody"}).refused == std::vector<refusal>{refusal::not_found});
  CHECK(b.give(leave{"c"}).refused.empty());
  CHECK(b.of("c").state == member_state::leaving);
}

TEST_CASE("swim: options that make no sense are named") {
  CHECK(complaint({}).empty());
  const auto bad = [](auto change) {
    options o;
    change(o);
    CHECK(!complaint(o).empty());
  };
  bad([](options& o) { o.cluster_name.clear(); });
  bad([](options& o) { o.probe_timeout = 0s; });
  bad([](options& o) { o.probe_interval = 300ms; });
  bad([](options& o) { o.suspicion_min = 100ms; });
  bad([](options& o) { o.suspicion_max = 1s; });
  bad([](options& o) { o.gossip_fanout = 0; });
  bad([](options& o) { o.gossip_batch = 65; });
  bad([](options& o) { o.tombstone_for = 1min; });
  bad([](options& o) { o.resolving.how.kind = downing::static_quorum; });
}

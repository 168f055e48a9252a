// Membership on random schedules: the promises of swim.hpp, faults and figures.
#include "patterns/membership/simulated.hpp"
#include "seeds.hpp"

#include <cstdio>
#include <set>

#include <doctest/doctest.h>
namespace {
using namespace troupe::membership;
using namespace std::chrono_literals;
using troupe::simulation::conditions;
using troupe::simulation::member;

// A town whose views are watched.
struct world : town {
  world(std::uint64_t seed, options how, conditions usual = usually())
      : town(seed, std::move(how), usual) {
    claim_views();
  }
  std::set<member> all_but(member without) const {
    std::set<member> rest;
    for (member m = 0; m < size(); ++m) {
      if (m != without) rest.insert(m);
    }
    return rest;
  }
};

double seconds(duration d) { return std::chrono::duration<double>(d).count(); }

std::string story(const world& w) {
  std::string text;
  if (w.broken()) text += w.judged().claim + ": " + w.judged().what + '\n';
  const std::size_t from = w.events().size() > 60 ? w.events().size() - 60 : 0;
  for (std::size_t i = from; i < w.events().size(); ++i) {
    const auto& s = w.events()[i];
    text += std::to_string(seconds(s.at)) + ' ' + world::name_of(s.node) + ": " +
            to_string(s.what.member.id) + ' ' + std::string{to_string(s.what.what)} + ' ' +
            s.what.reason + '\n';
  }
  for (member i = 0; i < w.size(); ++i) {
    if (w.at(i) == nullptr) continue;
    text += world::name_of(i) + (w.frozen(i) ? " (frozen)" : "") + " cluster " +
            std::to_string(w.at(i)->cluster() % 1000) + " sees";
    for (const auto& [id, r] : w.at(i)->members()) {
      if (r.state == member_state::removed) continue;
      text += ' ' + to_string(id) + '=' + std::string{to_string(r.state)} + '/' +
              std::string{to_string(r.liveness)} + '/' + std::to_string(r.generation);
    }
    text += '\n';
  }
  return text;
}

// When all of `observers` had seen `kind` of the node `about`, since `from`; negative: they have not.
double all_saw(const world& w, event_kind kind, member about, std::set<member> observers,
               instant from) {
  for (const auto& s : w.events()) {
    if (s.at < from || s.what.what != kind) continue;
    if (s.what.member.id.name != world::name_of(about)) continue;
    observers.erase(s.node);
    if (observers.empty()) return seconds(s.at - from);
  }
  return -1;
}

options with(downing kind, unsigned quorum = 0) {
  options o;
  o.resolving.how.kind = kind;
  o.resolving.how.quorum = quorum;
  return o;
}

void formed(world& w, std::uint64_t members) {
  const auto n = static_cast<member>(members);
  w.cluster(n);
  REQUIRE_MESSAGE(w.run_until([&] { return w.one_view(n); }, 30s), story(w));
}
}  // namespace

TEST_CASE("membership: 3 to 9 members form one cluster, all up, with one order of age") {
  for (auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    world w{seed, {}, {.loss = 50'000, .repeated = 50'000, .lateness_max = 5ms}};
    formed(w, 3 + seed % 7);
    CHECK_MESSAGE(!w.broken(), story(w));
    CHECK(w.count(event_kind::formed) == 1);
  }
}

// A member's turn to be probed comes every 50 s: a single lost ping was a cut link by then, and downed
// half of them.
TEST_CASE("membership: 100 members that lose messages stay one cluster") {
  for (std::uint64_t seed = 1; seed <= 1 + troupe::test::seeds().size() / 20; ++seed) {
    CAPTURE(seed);
    world w{seed, {}, {.loss = 50'000, .lateness_max = 5ms}};
    formed(w, 100);
    const auto wrong = [&] {
      return w.count(event_kind::decided) + w.count(event_kind::unreachable) > 0;
    };
    CHECK_MESSAGE(!w.run_until(wrong, 60s, 1s), story(w));
    CHECK_MESSAGE(!w.broken(), story(w));
  }
}

TEST_CASE("membership: L1 a killed member is unreachable in under 2 s, down in under 5, for all") {
  double unreachable_max = 0, down_max = 0;
  for (auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    world w{seed, {}, {.lateness_max = 20ms}};
    formed(w, 5);
    w.run_for(5s);
    const member victim = static_cast<member>(seed % 5);
    const instant at = w.now();
    w.crash(victim);
    w.run_for(8s);
    const double unreachable = all_saw(w, event_kind::unreachable, victim, w.all_but(victim), at);
    const double down = all_saw(w, event_kind::downed, victim, w.all_but(victim), at);
    CHECK_MESSAGE((unreachable > 1.5 && unreachable < 2), story(w));
    CHECK_MESSAGE((down > unreachable && down < 5), story(w));
    CHECK(w.count(event_kind::unreachable) == 4);
    CHECK_MESSAGE(!w.broken(), story(w));
    unreachable_max = std::max(unreachable_max, unreachable);
    down_max = std::max(down_max, down);
  }
  std::printf("membership: killed, 5 members: unreachable for all in at most %.2f s, down %.2f s\n",
              unreachable_max, down_max);
}

TEST_CASE("membership: a silent death, without a word from the network, is found as well") {
  double unreachable_max = 0;
  for (auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    world w{seed, {}, {.loss = 20'000, .lateness_max = 5ms, .notices = false}};
    formed(w, 3 + seed % 7);
    const member victim = static_cast<member>(seed % w.size());
    const instant at = w.now();
    seed % 2 == 0 ? w.crash(victim) : w.freeze(victim);
    w.run_for(15s);
    const double unreachable = all_saw(w, event_kind::unreachable, victim, w.all_but(victim), at);
    const double down = all_saw(w, event_kind::downed, victim, w.all_but(victim), at);
    CHECK_MESSAGE((unreachable > 0 && unreachable < 6), story(w));
    CHECK_MESSAGE((down > 0 && down < 12), story(w));
    CHECK_MESSAGE(!w.broken(), story(w));
    unreachable_max = std::max(unreachable_max, unreachable);
  }
  std::printf("membership: silent, 3 to 9 members: unreachable for all in at most %.2f s\n",
              unreachable_max);
}

TEST_CASE("membership: frozen for less than the shortest suspicion, nobody is declared anything") {
  for (auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    world w{seed, {}, {.lateness_max = 20ms}};
    formed(w, 3 + seed % 5);
    for (int round = 0; round < 5; ++round) {
      const member victim = static_cast<member>(w.chance().below(w.size()));
      w.freeze(victim);
      w.forget_events();
      w.run_for(duration{500ms} + w.chance().below(1000) * 1ms);
      w.thaw(victim);
      w.run_for(10s);
      // S3: it holds its own pause against nobody.
      for (const auto& s : w.events()) {
        CHECK_MESSAGE((s.node != victim || s.what.what != event_kind::suspected), story(w));
      }
      CHECK_MESSAGE(w.count(event_kind::unreachable) == 0, story(w));
      CHECK_MESSAGE(w.count(event_kind::downed) == 0, story(w));
    }
    CHECK(w.one_view(w.size()));
    CHECK_MESSAGE(!w.broken(), story(w));
  }
}

TEST_CASE("membership: a member frozen for long was downed, learns it, and returns as another") {
  for (auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    world w{seed, {}};
    formed(w, 5);
    const member victim = static_cast<member>(seed % 5);
    w.freeze(victim);
    w.run_for(60s);
    w.thaw(victim);
    REQUIRE_MESSAGE(w.run_until([&] { return w.one_view(5); }, 15s), story(w));
    CHECK(w.at(victim)->id().incarnation == world::name_of(victim) + "-2");
    // It accused nobody of its own pause.
    for (const auto& s : w.events()) {
      CHECK_MESSAGE((s.what.what != event_kind::unreachable ||
                     s.what.member.id.name == world::name_of(victim)),
                    story(w));
    }
    CHECK_MESSAGE(!w.broken(), story(w));
  }
}

TEST_CASE("membership: two members, either of which can be cut off and comes back") {
  for (auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    world w{seed, with(seed % 2 == 0 ? downing::keep_oldest : downing::keep_majority)};
    formed(w, 2);
    w.partition({0});
    w.run_for(30s);
    CHECK_MESSAGE(w.at(0)->where() == standing::member, story(w));
    CHECK_MESSAGE(w.at(1)->where() == standing::looking, story(w));
    w.heal();
    REQUIRE_MESSAGE(w.run_until([&] { return w.one_view(2); }, 20s), story(w));
    CHECK_MESSAGE(!w.broken(), story(w));
  }
}

TEST_CASE("membership: a partition healed in time passes without a verdict") {
  for (auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    world w{seed, with(downing::none), {.lateness_max = 5ms, .notices = false}};
    formed(w, 6);
    std::set<member> side{0};
    for (member i = 1; i < 6; ++i) {
      if (w.chance().below(2) == 0) side.insert(i);
    }
    w.partition({side.begin(), side.end()});
    w.run_for(1s + w.chance().below(20'000) * 1ms);
    w.heal();
    REQUIRE_MESSAGE(w.run_until([&] { return w.one_view(6); }, 30s), story(w));
    CHECK_MESSAGE(w.count(event_kind::downed) == 0, story(w));
    CHECK_MESSAGE(!w.broken(), story(w));
  }
}

TEST_CASE("membership: of a partition one side lives, and after the heal there is one cluster") {
  for (auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    const auto n = static_cast<member>(3 + seed % 7);
    const downing kinds[] = {downing::keep_majority, downing::static_quorum, downing::keep_oldest,
                             downing::lease_majority};
    world w{seed, with(kinds[seed % 4], static_cast<unsigned>(n / 2 + 1))};
    formed(w, n);
    std::set<member> side;
    while (side.empty() || side.size() == n) {
      side.clear();
      for (member i = 0; i < n; ++i) {
        if (w.chance().below(2) == 0) side.insert(i);
      }
    }
    w.partition({side.begin(), side.end()});
    w.run_for(30s);
    std::set<bool> living;
    for (member i = 0; i < n; ++i) {
      if (w.at(i)->where() == standing::member) living.insert(side.contains(i));
    }
    CHECK_MESSAGE(living.size() <= 1, story(w));
    w.heal();
    if (living.empty()) continue;  // static quorum in equal halves: all are rebuilding
    REQUIRE_MESSAGE(w.run_until([&] { return w.one_view(n); }, 60s), story(w));
    CHECK_MESSAGE(!w.broken(), story(w));
  }
}

TEST_CASE("membership: S4 of every partition exactly the side lives that the strategy says") {
  const downing kinds[] = {downing::keep_majority, downing::static_quorum, downing::keep_oldest,
                           downing::down_all};
  std::uint64_t seed = 0;
  for (member n = 2; n <= 5; ++n) {
    for (std::uint32_t mask = 1; mask + 1 < 1U << n; ++mask) {
      for (const auto kind : kinds) {
        options how = with(kind, n / 2 + 1);
        how.resolving.how.down_if_alone = ++seed % 2 == 0;
        CAPTURE(seed);
        CAPTURE(n);
        CAPTURE(mask);
        CAPTURE(std::string{to_string(kind)});
        world w{seed, how};
        formed(w, n);
        std::vector<member> side;
        for (member m = 0; m < n; ++m) {
          if ((mask >> m & 1U) != 0) side.push_back(m);
        }
        w.partition(side);
        w.run_for(15s);
        CHECK_MESSAGE(w.kept(side, how.resolving.how).empty(), w.kept(side, how.resolving.how)
                                                                   << story(w));
        CHECK_MESSAGE(!w.broken(), story(w));
      }
    }
  }
}

TEST_CASE("membership: S4 under lease-majority, whichever sides reach the lease") {
  std::uint64_t seed = 0;
  for (member n = 2; n <= 5; ++n) {
    for (std::uint32_t mask = 1; mask + 1 < 1U << n; ++mask) {
      for (unsigned reaching = 0; reaching < 5;
           ++reaching) {  // neither, one, the other, both, the voters' majority
        CAPTURE(++seed);
        CAPTURE(n);
        CAPTURE(mask);
        CAPTURE(reaching);
        options how = with(downing::lease_majority);
        world w{seed, how};
        formed(w, n);
        std::vector<member> side;
        for (member m = 0; m < n; ++m) {
          if ((mask >> m & 1U) != 0) side.push_back(m);
        }
        if (reaching < 4) {
          w.lease_reached_by([=](member m) { return (reaching >> (mask >> m & 1U) & 1U) != 0; });
        }
        w.partition(side);
        w.run_for(30s);
        const auto wrong = w.kept(side, how.resolving.how);
        CHECK_MESSAGE(wrong.empty(), wrong << story(w));
        CHECK_MESSAGE(!w.broken(), story(w));
        if (reaching == 3) CHECK(w.lease().granted() > 0);
      }
    }
  }
}

TEST_CASE(
    "membership: a partition that ends while the lease is asked for downs nobody, and the next is "
    "decided") {
  for (auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    world w{seed, with(downing::lease_majority)};
    formed(w, 5);
    w.lease_reached_by([](member) { return false; });
    w.partition({0, 1});
    REQUIRE_MESSAGE(w.run_until([&] { return w.count(event_kind::asks_lease) > 0; }, 20s, 1ms),
                    story(w));
    w.heal();
    w.lease_reached_by([](member) { return true; });
    w.run_until([&] { return w.one_view(5) || w.count(event_kind::downed) > 0; }, 20s);
    if (w.count(event_kind::downed) > 0) continue;  // the answer was faster than the news
    w.run_for(5s);
    w.partition({0, 1, 2});
    w.run_for(30s);
    const std::vector<member> side{0, 1, 2};
    CHECK_MESSAGE(w.kept(side, with(downing::lease_majority).resolving.how).empty(), story(w));
    CHECK_MESSAGE(!w.broken(), story(w));
  }
}

TEST_CASE("membership: a side that slept while the lease was held and freed is refused it") {
  for (auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    world w{seed, with(downing::lease_majority)};
    formed(w, 5);
    w.lease_reached_by([](member) { return true; });
    w.partition({3, 4});
    w.freeze(3);
    w.freeze(4);
    w.run_for(60s);
    CHECK_MESSAGE(w.lives(0) + w.lives(1) + w.lives(2) == 3, story(w));
    w.thaw(3);
    w.thaw(4);
    w.run_for(30s);
    CHECK_MESSAGE((w.lives(3) > 1 && w.lives(4) > 1), story(w));
    CHECK_MESSAGE(w.lives(0) + w.lives(1) + w.lives(2) == 3, story(w));
    w.heal();
    REQUIRE_MESSAGE(w.run_until([&] { return w.one_view(5); }, 60s), story(w));
    CHECK_MESSAGE(!w.broken(), story(w));
  }
}

TEST_CASE("membership: after down-all the nodes form one cluster again, by the first seed") {
  for (auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    world w{seed, with(downing::down_all)};
    formed(w, 4);
    w.partition({0, 1});
    w.run_for(20s);
    w.heal();
    REQUIRE_MESSAGE(w.run_until([&] { return w.one_view(4); }, 90s), story(w));
    CHECK_MESSAGE(!w.broken(), story(w));
  }
}

TEST_CASE("membership: a one-way cut is found, in either direction") {
  for (auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    world w{seed, {}, {.lateness_max = 5ms, .notices = false}};
    formed(w, 5);
    const member victim = static_cast<member>(seed % 5);
    for (member other = 0; other < 5; ++other) {
      if (other != victim) seed % 2 == 0 ? w.cut(victim, other) : w.cut(other, victim);
    }
    const instant at = w.now();
    w.run_for(20s);
    const double down = all_saw(w, event_kind::downed, victim, w.all_but(victim), at);
    CHECK_MESSAGE((down > 0 && down < 15), story(w));
    for (member other = 0; other < 5; ++other) {
      if (other != victim) CHECK_MESSAGE(w.at(other)->where() == standing::member, story(w));
    }
    w.heal();
    REQUIRE_MESSAGE(w.run_until([&] { return w.one_view(5); }, 60s), story(w));
    CHECK_MESSAGE(!w.broken(), story(w));
  }
}

TEST_CASE("membership: a restart under the same name is another member; the old one goes first") {
  for (auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    world w{seed, {}};
    if (seed % 8 < 4) w.without_notes();
    formed(w, 4);
    const member victim = static_cast<member>(seed % 4);
    w.forget_events();
    w.crash(victim);
    w.run_for(w.chance().below(6000) * 1ms);
    const instant at = w.now();
    // A first seed that restarts alone, and without notes, forms a cluster, meets the old one, and
    // dissolves.
    w.start(victim);
    REQUIRE_MESSAGE(w.run_until([&] { return w.one_view(4); }, 20s), story(w));
    CHECK_MESSAGE(seconds(w.now() - at) < 15, story(w));
    for (member other = 0; other < 4; ++other) {
      if (other == victim) continue;
      std::string order;
      for (const auto& s : w.events()) {
        if (s.node != other || s.what.member.id.name != world::name_of(victim)) continue;
        if (s.what.what == event_kind::removed) order += 'r';
        if (s.what.what == event_kind::joined) order += 'j';
      }
      CHECK_MESSAGE(order.starts_with("rj"), story(w));
    }
    CHECK_MESSAGE(!w.broken(), story(w));
  }
}

TEST_CASE("membership: a graceful leave is seen by all and suspected by none") {
  for (auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    const auto n = static_cast<member>(1 + seed % 5);
    world w{seed, {}};
    formed(w, n);
    const member leaver = static_cast<member>(seed % n);
    w.give((leaver + seed) % n, leave{world::name_of(leaver)});
    w.run_for(8s);
    CHECK_MESSAGE(w.count(event_kind::self_left) == 1, story(w));
    CHECK_MESSAGE(w.at(leaver) == nullptr, story(w));
    CHECK_MESSAGE(w.one_view(n - 1), story(w));
    CHECK_MESSAGE(w.count(event_kind::downed) == 0, story(w));
    CHECK_MESSAGE(!w.broken(), story(w));
  }
}

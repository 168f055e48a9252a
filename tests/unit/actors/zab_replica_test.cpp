// Zab's servers as actors: commands in one order, what survives crashes, who leads, what is read.
#include "actors/consensus/zab_replica.hpp"

#include "consensus_group.hpp"  // scroll
#include "patterns/encoding.hpp"
#include "zab_chaos.hpp"
#include "zab_group.hpp"

#include <algorithm>

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace troupe::consensus;
using namespace std::chrono_literals;
using test::zab_group;
using test::zab_shape;

struct scrolls : zab_group {
  explicit scrolls(zab_shape shape = {})
      : zab_group{shape, [](caf::actor_system& system, zab_settings s) {
                    s.machine = std::make_unique<test::scroll>();
                    return system.spawn<zab_replica>(std::move(s));
                  }} {}
  std::string said(const std::string& text) { return said(client, text); }
  std::string said(const caf::actor& by, const std::string& text) {
    const auto got = request<reply>(by, command{text});
    return got ? got->bytes : sentence_of(got.error());
  }
  std::string read() {
    const auto got = request<reply>(client, question{});
    return got ? got->bytes : sentence_of(got.error());
  }
  std::string stale(int i) {
    return sim.ask<answered>(replica(i), consensus::ask{{}, true})->bytes;
  }
};
zab_shape shaped(int voters, int observers = 0, std::uint64_t seed = 1) {
  return {.voters = voters, .observers = observers, .seed = seed};
}
}  // namespace

TEST_CASE("zab replica: a leader within a second; what is said is there, in order, on all") {
  for (const int voters : {1, 3, 5}) {
    CAPTURE(voters);
    scrolls g{shaped(voters)};
    REQUIRE(g.sim.run_until([&] { return g.leader() >= 0; }, 1s));
    const auto other = g.add_client("another");
    CHECK(g.said("a") == "a");
    CHECK(g.said(other, "b") == "ab");
    CHECK(g.read() == "ab");
    g.sim.run_for(200ms);
    for (int i = 0; i < voters; ++i) CHECK(g.stale(i) == "ab");
    const auto s = g.status(g.leader());
    CHECK(s.config.voters.size() == static_cast<std::size_t>(voters));
    CHECK(s.followers.size() == static_cast<std::size_t>(voters - 1));
    for (const auto& f : s.followers) CHECK(f.match == s.last);
  }
}

TEST_CASE("zab replica: nothing is said before this life of the server is durable") {
  zab_shape slow = shaped(3);
  slow.sync = 400ms;
  scrolls g{slow};
  g.sim.run_for(390ms);
  for (int i = 0; i < 3; ++i) {
    CHECK(g.status(i).role == "looking");
    CHECK(g.status(i).term == 0);
  }
  zab_ledger first;
  const auto b = first.begin();
  const auto read = zab_restored_from({.state = *b.state});
  REQUIRE(read);
  CHECK(read->ledger.life() == 1);
}

TEST_CASE(
    "zab replica: a leader that dies is followed by another, and nothing said is lost or said "
    "twice") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    scrolls g{shaped(seed % 2 == 0 ? 3 : 5, 0, seed)};
    const auto first = g.elect();
    REQUIRE(first >= 0);
    CHECK(g.said("a") == "a");
    const auto epoch = g.status(first).term;
    std::optional<std::string> late;  // under way while it dies
    g.sim.spawn([&late, to = g.client](caf::event_based_actor* self) {
      self->request(to, caf::infinite, command{"b"})
          .then([&late](reply& r) { late = r.bytes; },
                [&late](caf::error& e) { late = sentence_of(e); });
    });
    for (std::uint64_t i = 0; i < seed * 3; ++i) g.sim.step();
    g.sim.run_for(std::chrono::milliseconds{seed % 5});
    g.crash(first);
    REQUIRE(g.sim.run_until([&] { return late.has_value(); }, 10s));
    CHECK(*late == "ab");
    const auto second = g.elect();
    REQUIRE(second >= 0);
    CHECK(second != first);
    CHECK(g.status(second).term > epoch);
    g.start(first);
    CHECK(g.said("c") == "abc");
    REQUIRE(g.sim.run_until([&] { return g.caught_up(first); }, 5s));
    CHECK(g.stale(first) == "abc");
  }
}

TEST_CASE("zab replica: all crash at once, and what was answered is there again") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    scrolls g{shaped(3, 0, seed)};
    REQUIRE(g.elect() >= 0);
    std::string all;
    for (int i = 0; i < 30; ++i) {
      all += static_cast<char>('a' + i % 26);
      REQUIRE(g.said(all.substr(all.size() - 1)) == all);
    }
    for (int times = 0; times < 3; ++times) {
      for (int i = 0; i < 3; ++i) g.crash(i);
      for (int i = 0; i < 3; ++i) g.start(i);
      CHECK(g.read() == all);
    }
  }
}

TEST_CASE("zab replica: with a minority left nothing is done, and the client knows which it was") {
  scrolls g;
  const auto leads = g.elect();
  REQUIRE(leads >= 0);
  CHECK(g.said("a") == "a");
  g.stop((leads + 1) % 3);
  g.stop((leads + 2) % 3);
  const auto got = g.request<reply>(g.client, command{"b"});
  REQUIRE(!got);
  CHECK(outcome_of(got.error()) == outcome::unknown);
  const auto seen = g.request<reply>(g.client, question{});
  REQUIRE(!seen);
  CHECK(outcome_of(seen.error()) == outcome::not_done);
  CHECK(g.leader() == -1);  // it leads nobody
}

TEST_CASE("zab replica: a leader that is cut off answers no question and does no command") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    scrolls g{shaped(3, 0, seed)};
    const auto leads = g.elect();
    REQUIRE(leads >= 0);
    CHECK(g.said("a") == "a");
    // Its mailbox knows nothing of the cut: only that nobody answers.
    g.isolate(leads);
    const auto asked = g.request<answered>(g.replica(leads), consensus::ask{});
    REQUIRE(asked);
    CHECK(asked->what == verdict::not_leader);
    REQUIRE(g.sim.run_until([&] { return g.leader() >= 0 && g.leader() != leads; }, 5s));
    CHECK(g.said("b") == "ab");
    CHECK(g.stale(leads) == "a");
    g.rejoin(leads);
    REQUIRE(g.sim.run_until([&] { return g.caught_up(leads); }, 5s));
    CHECK(g.stale(leads) == "ab");
  }
}

TEST_CASE("zab replica: a deposed leader's command that nobody heard of goes, and is told unsure") {
  scrolls g;
  const auto leads = g.elect();
  CHECK(g.said("a") == "a");
  g.isolate(leads);
  const auto lost = g.request<answered>(
      g.replica(leads),
      submit{encode(sessions::entry{.what = sessions::kind::plain, .command = "x"})});
  REQUIRE(lost);
  CHECK(lost->what == verdict::unsure);
  CHECK(g.said("b") == "ab");
  g.rejoin(leads);
  REQUIRE(g.sim.run_until([&] { return g.caught_up(leads); }, 5s));
  CHECK(g.stale(leads) == "ab");
  // and is gone from its disk, too
  g.crash(leads);
  g.start(leads);
  REQUIRE(g.sim.run_until([&] { return g.leader() >= 0 && g.caught_up(leads); }, 5s));
  CHECK(g.stale(leads) == "ab");
}

TEST_CASE("zab replica: a disk that fails ends it, and what it had promised stands") {
  scrolls g;
  const auto leads = g.elect();
  CHECK(g.said("a") == "a");
  g.disk(leads).sync_fails = true;
  CHECK(g.said("b") == "ab");  // by the others
  CHECK(g.sim.run_until([&] { return g.leader() >= 0 && g.leader() != leads; }, 5s));
}

TEST_CASE("zab replica: a history that grows is cut, and who was away gets the snapshot") {
  auto shape = shaped(3);
  shape.log_bytes = 2'000;
  scrolls g{shape};
  const auto leads = g.elect();
  const auto away = (leads + 1) % 3;
  CHECK(g.said("!") == "!");
  g.stop(away);
  std::string all = "!";
  for (int i = 0; i < 300; ++i) REQUIRE(g.said("0123456789") == (all += "0123456789"));
  CHECK(g.status(leads).first > g.status(leads).last - 150);
  g.start(away);
  REQUIRE(g.sim.run_until([&] { return g.caught_up(away); }, 5s));
  CHECK(g.stale(away) == all);
  CHECK(g.status(away).first > g.status(away).last - 150);  // not the history from its beginning
  for (int i = 0; i < 3; ++i) g.crash(i);
  for (int i = 0; i < 3; ++i) g.start(i);
  CHECK(g.said("?") == all + "?");
}

TEST_CASE("zab replica: observers hear everything and never count") {
  scrolls g{shaped(3, 2)};
  const auto leads = g.elect();
  REQUIRE(leads >= 0);
  CHECK(g.said("a") == "a");
  g.sim.run_for(200ms);
  for (const int i : {3, 4}) {
    CHECK(g.status(i).role == "observer");
    CHECK(g.stale(i) == "a");
  }
  g.stop((leads + 1) % 3);
  g.stop((leads + 2) % 3);
  const auto got = g.request<reply>(g.client, command{"b"});
  REQUIRE(!got);
  CHECK(g.leader() == -1);
  CHECK(g.stale(3) == "a");
}

TEST_CASE("zab replica: what would change the ensemble is refused with a sentence") {
  scrolls g;
  const auto leads = g.elect();
  const auto got = g.request<answered>(g.replica(leads), hand_over{});
  REQUIRE(!got);
  CHECK(sentence_of(got.error()).find("fixed") != std::string::npos);
  CHECK(outcome_of(got.error()) == outcome::not_done);
}

TEST_CASE("zab replica: commands that arrive together are synced together") {
  auto shape = shaped(3);
  shape.sync = 20ms;
  scrolls g{shape};
  REQUIRE(g.elect() >= 0);
  REQUIRE(g.said("!") == "!");
  int done = 0;
  for (int i = 0; i < 200; ++i)
    g.sim.spawn([&done, to = g.client](caf::event_based_actor* self) {
      self->request(to, caf::infinite, command{"x"})
          .then([&done](reply&) { ++done; }, [](caf::error&) {});
    });
  const auto from = g.now();
  REQUIRE(g.sim.run_until([&] { return done == 200; }, 10s, 1ms));
  CHECK(g.now() - from <= 65ms);  // some three syncs, not 200
}

namespace {
struct deed {  // a command, and what came of it
  std::string text{};
  std::optional<outcome> not_told{};
  bool done = false;
};
struct sight {                        // a question, and what it was told
  std::vector<std::string> before{};  // done when it was asked
  std::optional<std::string> told{};
};
std::size_t times(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (auto i = text.find(what); i != std::string::npos; i = text.find(what, i + 1)) ++n;
  return n;
}
}  // namespace

TEST_CASE("zab replica: through crashes and cuts all that was done stays, once and in one order") {
  std::size_t answered = 0, seen = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    auto shape = shaped(seed % 3 == 0 ? 5 : 3, static_cast<int>(seed % 2), seed);
    shape.log_bytes = seed % 4 == 0 ? 1'500 : 1'000'000;
    shape.sync = std::chrono::milliseconds{1 + seed % 9};
    scrolls g{shape};
    const std::vector<caf::actor> clients{g.client, g.add_client("a"), g.add_client("b")};
    std::vector<std::shared_ptr<deed>> deeds;
    std::vector<std::shared_ptr<sight>> sights;
    const auto done_so_far = [&] {
      std::vector<std::string> all;
      for (const auto& d : deeds)
        if (d->done) all.push_back(d->text);
      return all;
    };
    test::zab_chaos chaos{g, seed};
    chaos.run(50, [&](simulation::generator& chance) {
      const auto by = clients[chance.below(clients.size())];
      auto d = deeds.emplace_back(std::make_shared<deed>());
      d->text = "<" + std::to_string(deeds.size()) + ">";
      g.sim.spawn([=](caf::event_based_actor* self) {
        self->request(by, caf::infinite, command{d->text})
            .then([d](reply&) { d->done = true; },
                  [d](caf::error& why) { d->not_told = outcome_of(why); });
      });
      if (chance.below(2) == 0) return;
      auto s = sights.emplace_back(std::make_shared<sight>());
      s->before = done_so_far();
      g.sim.spawn([=](caf::event_based_actor* self) {
        self->request(by, caf::infinite, question{})
            .then([s](reply& r) { s->told = r.bytes; }, [](caf::error&) {});
      });
    });
    g.sim.run_for(6s);  // the clients' patience
    const auto all = g.read();
    for (const auto& d : deeds) {
      CAPTURE(d->text);
      CHECK((d->done || d->not_told));
      const auto n = times(all, d->text);
      if (d->done) CHECK(n == 1);
      if (d->not_told == outcome::not_done) CHECK(n == 0);
      CHECK(n <= 1);
      answered += d->done ? 1 : 0;
    }
    for (const auto& s : sights) {
      if (!s->told) continue;
      ++seen;
      CHECK(all.starts_with(*s->told));
      for (const auto& text : s->before) CHECK(times(*s->told, text) == 1);
    }
    for (int i = 0; i < g.size(); ++i) CHECK(g.stale(i) == all);
  }
  MESSAGE(answered << " commands done, " << seen << " questions answered");
  CHECK(answered > 1500);
  CHECK(seen > 500);
}

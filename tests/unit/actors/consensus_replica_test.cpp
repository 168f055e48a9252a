// Replicas as actors: commands through the log, what survives crashes, who leads, who belongs.
#include "consensus_group.hpp"
#include "runtime/error.hpp"

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace troupe::consensus;
using namespace std::chrono_literals;
using test::group;

// The answer of a request that needs time to go on.
template <class Reply, class Request>
caf::expected<Reply> in_time(group& g, const caf::actor& whom, Request what,
                             laboratory::duration limit = 20s) {
  std::optional<caf::expected<Reply>> got;
  auto asker = g.sim.spawn([&got, whom, what](caf::event_based_actor* self) {
    self->request(whom, caf::infinite, what)
        .then([&got](Reply& r) { got.emplace(std::move(r)); },
              [&got](caf::error& e) { got.emplace(std::move(e)); });
  });
  g.sim.run_until([&] { return got.has_value(); }, limit);
  if (!got) return make_error(errc::timeout, "the test's own patience");
  return *got;
}
std::string said(group& g, const std::string& text) {
  auto got = in_time<reply>(g, g.client, command{text});
  return got ? got->bytes : sentence_of(got.error());
}
std::string read(group& g) {
  auto got = in_time<reply>(g, g.client, question{});
  return got ? got->bytes : sentence_of(got.error());
}
}  // namespace

TEST_CASE("replica: what is said is there, on all replicas and in order") {
  group g{3};
  REQUIRE(g.elect() >= 0);
  CHECK(said(g, "a") == "a");
  CHECK(said(g, "b") == "ab");
  CHECK(read(g) == "ab");
  g.sim.run_for(1s);
  for (int i = 0; i < 3; ++i) CHECK(g.status(i).applied == g.status(0).applied);
}

TEST_CASE(
    "replica: a leader that dies is followed by another, and nothing said is lost or said twice") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    group g{3, {}, seed};
    REQUIRE(g.elect() >= 0);
    CHECK(said(g, "a") == "a");
    const auto first = g.leader();
    // under way while it dies
    std::optional<std::string> late;
    g.sim.spawn([&late, to = g.client](caf::event_based_actor* self) {
      self->request(to, caf::infinite, command{"b"})
          .then([&late](reply& r) { late = r.bytes; },
                [&late](caf::error& e) { late = sentence_of(e); });
    });
    for (std::uint64_t i = 0; i < seed * 3; ++i) g.sim.step();
    g.crash(first);
    REQUIRE(g.sim.run_until([&] { return late.has_value(); }, 10s));
    CHECK(*late == "ab");
    CHECK(g.leader() != first);
    g.start(first);
    CHECK(said(g, "c") == "abc");
    g.sim.run_for(1s);
    CHECK(g.status(first).applied == g.status(g.leader()).applied);
  }
}

TEST_CASE("replica: all crash at once, and what was answered is there again") {
  group g{3};
  REQUIRE(g.elect() >= 0);
  std::string all;
  for (int i = 0; i < 50; ++i) {
    all += "x";
    REQUIRE(said(g, "x") == all);
  }
  for (int i = 0; i < 3; ++i) g.crash(i);
  for (int i = 0; i < 3; ++i) g.start(i);
  CHECK(read(g) == all);
}

TEST_CASE("replica: with a minority left nothing is done, and the client knows which it was") {
  group g{3};
  const auto leads = g.elect();
  REQUIRE(leads >= 0);
  CHECK(said(g, "a") == "a");
  g.stop((leads + 1) % 3);
  g.stop((leads + 2) % 3);
  const auto got = in_time<reply>(g, g.client, command{"b"});
  REQUIRE(!got);
  CHECK(outcome_of(got.error()) == outcome::unknown);
  const auto seen = in_time<reply>(g, g.client, question{});
  REQUIRE(!seen);
  CHECK(outcome_of(seen.error()) == outcome::not_done);
  CHECK(g.leader() == -1);  // it leads nobody
}

TEST_CASE("replica: a disk that fails ends it, and what it had promised stands") {
  group g{3};
  const auto leads = g.elect();
  CHECK(said(g, "a") == "a");
  g.disk(leads).sync_fails = true;
  CHECK(said(g, "b") == "ab");  // by the others
  CHECK(g.sim.run_until([&] { return g.leader() >= 0 && g.leader() != leads; }, 5s));
}

TEST_CASE("replica: a log that grows is cut, and who was away gets the snapshot") {
  raft::options how;
  how.log_bytes = 2'000;
  group g{3, how};
  const auto leads = g.elect();
  const auto away = (leads + 1) % 3;
  g.stop(away);
  std::string all;
  for (int i = 0; i < 100; ++i) REQUIRE(said(g, "0123456789") == (all += "0123456789"));
  CHECK(g.status(leads).first > 50);
  g.start(away);
  REQUIRE(
      g.sim.run_until([&] { return g.status(away).applied == g.status(g.leader()).applied; }, 5s));
  CHECK(g.status(away).first > 50);
  g.crash(g.leader());
  CHECK(said(g, "!") == all + "!");
}

TEST_CASE("replica: members come by way of learning and go, and leadership is handed over") {
  group g{3};
  auto leads = g.elect();
  CHECK(said(g, "a") == "a");
  const auto fresh = g.add();
  g.start(fresh);
  const auto add = [&](bool voter) {
    const std::vector<raft::peer> whom{{group::id(fresh), group::name(fresh)}};
    return in_time<answered>(g, g.replica(g.leader()),
                             change_members{voter ? whom : std::vector<raft::peer>{},
                                            voter ? std::vector<raft::peer>{} : whom,
                                            {}});
  };
  const auto early = add(true);
  REQUIRE(!early);
  CHECK(sentence_of(early.error()).find("learner") != std::string::npos);
  REQUIRE(add(false));
  g.sim.run_for(1s);
  CHECK(g.status(fresh).applied == g.status(leads).applied);
  REQUIRE(add(true));
  CHECK(g.status(leads).config.voters.size() == 4);
  const auto handed = in_time<answered>(g, g.replica(leads), hand_over{group::name(fresh)});
  REQUIRE(handed);
  CHECK(g.leader() == fresh);
  REQUIRE(in_time<answered>(g, g.replica(fresh), change_members{{}, {}, {group::name(leads)}}));
  CHECK(g.status(fresh).config.voters.size() == 3);
  CHECK(said(g, "b") == "ab");
  // a leader that removes itself
  REQUIRE(in_time<answered>(g, g.replica(fresh), change_members{{}, {}, {group::name(fresh)}}));
  CHECK(said(g, "c") == "abc");
  CHECK(g.leader() != fresh);
}

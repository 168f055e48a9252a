// Sessions of the coordination tree: they end for all at one point of the order, and by the leader's
// clock alone.
#include "tree_bench.hpp"

namespace {
using namespace troupe;
using namespace troupe::test;
using storage::keepalive_refusal;
using texts = std::vector<std::string>;

TEST_CASE("tree sessions: the number is the entry's, the time-out is brought within bounds") {
  tree_bench b;
  b.made("/a");
  const std::pair<duration, duration> table[] = {{10s, 10s}, {1ms, 2s}, {24h, 60s}, {-5s, 2s}};
  for (const auto& [asked, given] : table) {
    const auto& shown = asked.count();  // no binding, for clang 14
    CAPTURE(shown);
    const auto opened = as<session_opened>(b.apply(open_session{asked, secret}));
    CHECK(opened == session_opened{b.tree.at(), given});
  }
  CHECK(as<tree_status>(b.tree.query(status{})).sessions == 4);
}

TEST_CASE("tree sessions: only who has the secret may use one, or come back to it") {
  tree_bench b;
  const auto s = b.open();
  const auto with = [&](std::string shown) {
    return why(b.tree.apply({b.tree.at() + 1, 1}, {create{"/a"}, s, std::move(shown)}).answer);
  };
  CHECK(with(std::string(16, 't')) == refusal::bad_secret);
  CHECK(with(std::string(15, 's')) == refusal::bad_secret);
  CHECK(with(std::string(17, 's')) == refusal::bad_secret);
  CHECK(with("") == refusal::bad_secret);
  CHECK(with(secret) == std::nullopt);
  CHECK(why(b.tree.query(session_info{s, "guessed"})) == refusal::bad_secret);
  CHECK(why(b.tree.query(session_info{s + 1, secret})) == refusal::session_unknown);
  CHECK(as<session_is>(b.tree.query(session_info{s, secret})) == session_is{s, 10s, 0});
  CHECK(why(b.apply(open_session{10s, std::string(15, 's')})) == refusal::secret_size);
  CHECK(why(b.apply(open_session{10s, std::string(65, 's')})) == refusal::secret_size);
}

TEST_CASE("tree sessions: a session's end takes its nodes along, in the same entry") {
  for (const bool closed : {true, false}) {
    CAPTURE(closed);
    tree_bench b;
    const auto s = b.open(), other = b.open();
    b.made("/a");
    b.made("/a/e", mode::ephemeral, s);
    b.made("/a/n-", mode::ephemeral_sequential, s);
    b.made("/a/theirs", mode::ephemeral, other);
    b.made("/a/stays", mode::persistent, s);
    CHECK(b.is("/a/e").owner == s);
    CHECK(as<names>(b.tree.query(ephemerals{s})).all == texts{"/a/e", "/a/n-0000000001"});
    const auto at = b.tree.at();
    const auto ended =
        closed ? b.apply(close_session{}, s) : b.apply(expire_session{s, 1}, 0, {}, 1);
    CHECK(as<session_ended>(ended) == session_ended{s, 2});
    CHECK(b.tree.at() == at + 1);
    CHECK(b.children_of("/a") == texts{"stays", "theirs"});
    CHECK(b.is("/a").children_modified == at + 1);
    CHECK(b.events == std::vector<event>{{change::deleted, "/a/e"},
                                         {change::children, "/a"},
                                         {change::deleted, "/a/n-0000000001"},
                                         {change::children, "/a"}});
    // from here on it is unknown, to requests under way as well
    CHECK(why(b.apply(create{"/late"}, s)) == refusal::session_unknown);
    CHECK(why(b.apply(create{"/late", "", mode::ephemeral}, s)) == refusal::session_unknown);
    CHECK(why(b.apply(multi{{create{"/late"}}}, s)) == refusal::session_unknown);
    CHECK(why(b.apply(close_session{}, s)) == refusal::session_unknown);
    CHECK(why(b.apply(expire_session{s})) == refusal::session_unknown);
    CHECK_FALSE(b.there("/late"));
    CHECK(b.open() > s);
  }
}

TEST_CASE("tree sessions: who removes an ephemeral node takes it from its session") {
  tree_bench b;
  const auto s = b.open(), other = b.open();
  b.made("/e", mode::ephemeral, s);
  b.apply(erase{"/e"});
  b.made("/e", mode::ephemeral, other);
  CHECK(as<session_ended>(b.apply(close_session{}, s)).nodes == 0);
  CHECK(b.is("/e").owner == other);
}

TEST_CASE("tree sessions: a deposed leader's expiry is void") {
  tree_bench b;
  const auto s = b.open();
  CHECK(why(b.apply(expire_session{s, 1}, 0, {}, 2)) == refusal::stale_term);
  CHECK(b.tree.sessions().size() == 1);
  CHECK(as<session_ended>(b.apply(expire_session{s, 2}, 0, {}, 2)).id == s);
}

// A tree and the clocks of two replicas that follow it.
struct clocks {
  tree_bench b{};
  session_clock one{1s}, two{1s};
  reply apply(command what, instant now, session_id session = 0, std::uint64_t term = 1) {
    const auto done =
        b.tree.apply({b.tree.at() + 1, term}, {std::move(what), session, secret, now});
    one.follow(done, now);
    two.follow(done, now);
    return done.answer;
  }
  session_id open(instant now) {
    return as<session_opened>(apply(open_session{10s, secret}, now)).id;
  }
};
using expiries = std::vector<expire_session>;

TEST_CASE("tree sessions: the leader's clock expires who is silent, never early, never twice") {
  clocks c;
  c.one.became_leader(1, 0s);
  const auto s = c.open(1s), other = c.open(1s);
  CHECK(c.one.tick(10'999ms) == expiries{});
  CHECK(c.one.touch(other, 9s).value() == 10s);
  CHECK(c.one.tick(11s) == expiries{{s, 1}});
  CHECK(c.one.touch(s, 11s).error() == keepalive_refusal::expired);  // it is under way
  CHECK(c.one.tick(11'500ms) == expiries{});
  CHECK(c.one.tick(12s) == expiries{{s, 1}});  // not come back: once more
  c.apply(expire_session{s, 1}, 12s);
  CHECK(why(c.apply(expire_session{s, 1}, 12s)) == refusal::session_unknown);
  CHECK(c.one.touch(s, 12s).error() == keepalive_refusal::unknown);
  CHECK(c.one.tick(18'999ms) == expiries{});
  CHECK(c.one.tick(19s) == expiries{{other, 1}});
}

TEST_CASE("tree sessions: a new leader gives each its full time-out anew") {
  clocks c;
  c.one.became_leader(1, 0s);
  const auto s = c.open(1s);
  CHECK(c.two.touch(s, 2s).error() == keepalive_refusal::not_leader);
  CHECK(c.two.tick(60s) == expiries{});
  CHECK(c.one.tick(11s) == expiries{{s, 1}});
  c.one.lost_leadership();
  c.two.became_leader(2, 12s);
  CHECK(c.one.tick(60s) == expiries{});
  CHECK(c.two.touch(s, 13s).value() == 10s);  // the first one's proposal is void by now:
  CHECK(why(c.apply(expire_session{s, 1}, 13s, 0, 2)) == refusal::stale_term);
  CHECK(c.two.tick(22'999ms) == expiries{});
  CHECK(c.two.tick(23s) == expiries{{s, 2}});
}

TEST_CASE("tree sessions: a closed one is no more on the clock, one of a snapshot is") {
  clocks c;
  c.one.became_leader(1, 0s);
  const auto s = c.open(1s), stays = c.open(1s);
  c.apply(close_session{}, 2s, s);
  session_clock third;
  data_tree t;
  REQUIRE(t.restore(c.b.tree.snapshot()));
  third.restored(t.sessions(), 5s);
  third.became_leader(1, 5s);
  CHECK(c.one.tick(30s) == expiries{{stays, 1}});
  CHECK(third.tick(14'999ms) == expiries{});
  CHECK(third.tick(15s) == expiries{{stays, 1}});
}
}  // namespace

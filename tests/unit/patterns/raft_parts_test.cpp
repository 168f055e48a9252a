// The parts of Raft that stand alone: majorities, the log, configurations as bytes, rounds, a snapshot
// that arrives.
#include "patterns/consensus/raft/quorum.hpp"
#include "raft_bench.hpp"

#include <doctest/doctest.h>
using namespace troupe::raft;
using namespace troupe::raft::test;

TEST_CASE("raft: a majority of one to seven, against counting") {
  for (unsigned n = 1; n <= 7; ++n) {
    std::vector<server> ids;
    for (server s = 1; s <= n; ++s) ids.push_back(s);
    const auto c = voters(ids);
    for (unsigned mask = 0; mask < 1U << n; ++mask) {
      const auto says = [&](server s) { return (mask >> (s - 1) & 1U) != 0; };
      const auto count = static_cast<unsigned>(std::count_if(ids.begin(), ids.end(), says));
      CHECK(quorum_says(c, says) == (2 * count > n));
    }
    // and what a majority has reached, for some of all the ways to be behind
    for (unsigned ways = 0; ways < 2'000; ++ways) {
      std::vector<std::uint64_t> values;
      for (unsigned i = 0, w = ways * 2'654'435'761U; i < n; ++i, w /= 5) values.push_back(w % 5);
      const auto reached = [&](server s) { return values[s - 1]; };
      std::uint64_t most = 0;
      for (std::uint64_t v = 0; v < 5; ++v)
        if (2 * std::count_if(values.begin(), values.end(), [&](auto x) { return x >= v; }) > n)
          most = v;
      CHECK(reached_by_quorum<std::uint64_t>(c, 99, reached) == most);
    }
  }
}

TEST_CASE("raft 6: a joint configuration needs both majorities, and nobody decides for nobody") {
  const configuration c{peers({1, 4, 5}), peers({1, 2, 3}), peers({6, 7})};
  for (unsigned mask = 0; mask < 1U << 7; ++mask) {
    const auto says = [&](server s) { return (mask >> (s - 1) & 1U) != 0; };
    const auto both = [&](server a, server b, server d) {
      return says(a) + says(b) + says(d) >= 2;
    };
    CHECK(quorum_says(c, says) == (both(1, 4, 5) && both(1, 2, 3)));
  }
  CHECK(!quorum_says({}, [](server) { return true; }));
}

TEST_CASE("raft: a configuration is read as it was written, and nothing else is") {
  const configuration all[] = {{}, voters({1}), {peers({1, 2}), peers({2, 3}), peers({4, 5})}};
  for (const auto& c : all) {
    const auto bytes = encode(c);
    const auto back = decode_configuration(bytes);
    REQUIRE(back.has_value());
    CHECK(*back == c);
    for (std::size_t n = 0; n < bytes.size(); ++n)
      CHECK(!decode_configuration(std::string_view{bytes}.substr(0, n)).has_value());
    CHECK(!decode_configuration(bytes + "x").has_value());
  }
  CHECK(!decode_configuration(encode({peers({1, 1}), {}, {}})).has_value());
  CHECK(!decode_configuration(encode({peers({2, 1}), {}, {}})).has_value());
  CHECK(!decode_configuration("\xff\xff").has_value());
  CHECK(normal({peers({3, 1, 3}), {}, {}}) == voters({1, 3}));
}

TEST_CASE(
    "raft 6: of the configurations of a log the last is in force, and a cut brings back the one "
    "before") {
  config_stack s{voters({1, 2, 3}), 0};
  s.push(5, voters({1, 2}));
  s.push(8, voters({1}));
  CHECK(s.current() == voters({1}));
  CHECK(s.as_of(4) == voters({1, 2, 3}));
  CHECK(s.as_of(5) == voters({1, 2}));
  CHECK(s.as_of(7) == voters({1, 2}));
  CHECK(!s.cut(9));
  CHECK(s.cut(8));
  CHECK(s.current() == voters({1, 2}));
  s.compact(6);
  CHECK(s.as_of(6) == voters({1, 2}));
  CHECK(!s.cut(1));  // what is in the snapshot stays
  CHECK(s.index() == 5);
}

TEST_CASE("raft: a log knows the terms it holds, its snapshot's, and no other") {
  troupe::raft::log l;
  for (auto& e : log_of({1, 1, 3, 3, 5})) l.append(e);
  CHECK(l.last() == 5);
  CHECK(l.last_term() == 5);
  CHECK(!l.term(6));
  CHECK(l.last_not_above(4, 5) == 4);
  CHECK(l.last_not_above(2, 9) == 2);
  CHECK(l.last_not_above(0, 9) == 0);
  l.compact(3);
  CHECK(l.first() == 4);
  CHECK(l.term(3) == 3);
  CHECK(!l.term(2));
  CHECK(l.last_not_above(2, 5) == 3);  // it does not look into the snapshot
  CHECK(terms_of(l) == std::vector<std::uint64_t>{3, 5});
  l.cut(5);
  CHECK(l.last() == 4);
  l.cut(4);
  CHECK(l.last() == 3);
  CHECK(l.last_term() == 3);
  CHECK(l.bytes() == 0);
  CHECK(l.slice(4, 100).empty());
}

TEST_CASE("raft: as many entries go as fit, and one at least") {
  troupe::raft::log l;
  for (auto& e : log_of({1, 1, 1, 1})) l.append(e);  // 65 bytes each
  CHECK(l.slice(1, 1'000).size() == 4);
  CHECK(l.slice(1, 130).size() == 2);
  CHECK(l.slice(1, 129).size() == 1);
  CHECK(l.slice(3, 0).size() == 1);
}

TEST_CASE("raft: rounds are confirmed in order, and the oldest are forgotten") {
  rounds r;
  CHECK(!r.sent_at(0));
  CHECK(!r.sent_at(1));
  CHECK(r.begin(5ms) == 1);
  CHECK(r.begin(7ms) == 2);
  CHECK(r.sent_at(1) == 5ms);
  CHECK(r.sent_at(2) == 7ms);
  CHECK(!r.sent_at(0));
  CHECK(!r.sent_at(3));
  r.confirmed(2);
  r.confirmed(1);
  CHECK(r.last_confirmed() == 2);
  CHECK(!r.under_way());
  for (int i = 0; i < 2'000; ++i) r.begin(8ms);
  CHECK(!r.sent_at(2));
  CHECK(r.sent_at(r.current()) == 8ms);
}

TEST_CASE("raft: what a leader knows of a follower, by what it hears") {
  const window w{.requests = 2, .bytes = 100};
  progress p{10};
  CHECK(p.how() == progress::way::probing);
  p.sent(12, 3, 30);
  CHECK(!p.may_send(w));  // one at a time
  p.may_retry(w);
  CHECK(p.may_send(w));
  CHECK(!p.refused(5, 3));  // not of what was sent
  CHECK(p.refused(9, 4));
  CHECK(p.next() == 5);
  p.accepted(6);
  CHECK(p.how() == progress::way::replicating);
  CHECK(p.match() == 6);
  CHECK(p.next() == 7);
  p.sent(7, 1, 60);
  CHECK(p.may_send(w));
  p.sent(8, 1, 60);
  CHECK(!p.may_send(w));
  CHECK(!p.refused(6, 2));  // it has 6
  p.accepted(4);            // late
  CHECK(p.match() == 6);
  p.accepted(7);
  CHECK(p.may_send(w));
  CHECK(p.refused(8, 7));  // 8 was lost
  CHECK(p.how() == progress::way::probing);
  CHECK(p.next() == 8);
}

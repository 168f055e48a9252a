// What `troupe elect --compare` and `troupe mutex --compare` show is what the formulas say, and what the algorithms promise.
#include "patterns/election/comparison.hpp"
#include "patterns/mutex/comparison.hpp"

#include <doctest/doctest.h>
using namespace troupe;
using namespace std::chrono_literals;

TEST_CASE("comparison: an election's messages are within its formula, and all agree soon") {
  for (const auto& m : election::compare({3, 5, 9})) {
    CAPTURE(m.algorithm);
    CAPTURE(m.event);
    CAPTURE(m.members);
    CAPTURE(m.messages);
    CHECK(m.agreed_after < 5s);
    if (m.most == 0) continue;
    CHECK(m.messages <= m.most);
    CHECK(m.messages >= m.least);
  }
}

TEST_CASE(
    "comparison: a silent death costs the time-outs of its algorithm, and no more messages than "
    "the formula") {
  for (const auto& m : election::compare({5}, false)) {
    CAPTURE(m.algorithm);
    if (m.event != "the leader dies") continue;
    CHECK(m.agreed_after >= 100ms);
    CHECK(m.agreed_after < 5s);
    CHECK(m.messages <= m.most);
  }
}

TEST_CASE("comparison: messages an entry are within the formula, alone and when all want") {
  for (const auto& c : mutex::costs({3, 5, 9}, 20)) {
    CAPTURE(c.algorithm);
    CAPTURE(c.members);
    CAPTURE(c.alone);
    CAPTURE(c.all_want);
    CHECK(c.alone <= c.most + 0.01);
    CHECK(c.all_want <= c.most + 0.01);
    CHECK(c.alone > 0);
    CHECK(c.enters_after < 1s);
  }
}

TEST_CASE("comparison: whoever believes to be inside, the guarded resource takes one") {
  for (const auto& c : mutex::conducts()) {
    CAPTURE(c.algorithm);
    CAPTURE(c.trouble);
    CHECK(c.accepted == 1);
    CHECK(c.next_after > 0s);
    CHECK(c.next_after < 10s);
    if (c.trouble == "the holder crashes") CHECK(c.inside == 1);
  }
}

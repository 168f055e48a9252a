// What event logs tell of members: each row is a story, and whether a view went back in it.
#include "checking_rows.hpp"
#include "patterns/checking/checks.hpp"
#include "patterns/checking/views.hpp"
namespace {
using namespace troupe::checking;

struct said {
  std::int64_t process;
  const char* f;
  const char* member;
  const char* incarnation;
};

report judged(const std::vector<said>& all) {
  std::vector<rows::row> rows;
  std::int64_t at = 0;
  for (const auto& s : all)
    rows.push_back(rows::did(s.process, s.f, s.incarnation, {}, {at, at}, s.member)), ++at;
  const auto ops = operations_of(rows::events(rows));
  REQUIRE(ops.has_value());
  const auto* const c = check_named("membership");
  REQUIRE(c != nullptr);
  REQUIRE(!first_stranger(*c, *ops));
  return c->judge(*ops, {});
}

void holds(const std::string& what, const std::vector<said>& all) {
  CAPTURE(what);
  const auto r = judged(all);
  CHECK_MESSAGE(r.what == verdict::consistent, r.sentence);
  CHECK(r.checked == all.size());
}

void breaks(const std::string& what, const std::vector<said>& all, const std::string& sentence) {
  CAPTURE(what);
  const auto r = judged(all);
  CHECK(r.what == verdict::violated);
  CHECK(r.sentence == sentence);
  CHECK(r.smallest.size() == 2);
}
}  // namespace

TEST_CASE("views: a member's life, as a node may tell it") {
  holds("from the beginning to the end", {{0, "member_joining", "b", "1"},
                                          {0, "member_up", "b", "1"},
                                          {0, "member_leaving", "b", "1"},
                                          {0, "member_exiting", "b", "1"},
                                          {0, "member_removed", "b", "1"}});
  holds("states may be missed", {{0, "member_up", "b", "1"}, {0, "member_removed", "b", "1"}});
  holds("it comes and goes", {{0, "member_up", "b", "1"},
                              {0, "member_unreachable", "b", "1"},
                              {0, "member_reachable", "b", "1"},
                              {0, "member_unreachable", "b", "1"},
                              {0, "member_down", "b", "1"}});
  holds("another follows before it has gone", {{0, "member_up", "b", "1"},
                                               {0, "member_joining", "b", "2"},
                                               {0, "member_down", "b", "1"},
                                               {0, "member_up", "b", "2"},
                                               {0, "member_removed", "b", "1"}});
  holds("two nodes see it in their own time", {{0, "member_up", "b", "1"},
                                               {0, "member_down", "b", "1"},
                                               {1, "member_joining", "b", "1"},
                                               {1, "member_up", "b", "1"}});
  holds("two members", {{0, "member_up", "b", "1"}, {0, "member_joining", "c", "1"}});
}

TEST_CASE("views: no state goes back, and no incarnation") {
  breaks("up twice", {{0, "member_up", "b", "1"}, {0, "member_up", "b", "1"}},
         "process 0 says member_up of \"b\", incarnation \"1\", after member_up");
  breaks("up after down", {{0, "member_down", "b", "1"}, {0, "member_up", "b", "1"}},
         "process 0 says member_up of \"b\", incarnation \"1\", after member_down");
  breaks("reachable after down", {{3, "member_down", "b", "1"}, {3, "member_reachable", "b", "1"}},
         "process 3 says member_reachable of \"b\", incarnation \"1\", after member_down");
  breaks("down after removed", {{0, "member_removed", "b", "1"}, {0, "member_down", "b", "1"}},
         "process 0 says member_down of \"b\", incarnation \"1\", after member_removed");
  breaks("the former one rises",
         {{0, "member_joining", "b", "1"}, {0, "member_up", "b", "2"}, {0, "member_up", "b", "1"}},
         "process 0 says member_up of \"b\", incarnation \"1\", after another incarnation has "
         "followed it");
  breaks(
      "the former one answers",
      {{0, "member_up", "b", "1"}, {0, "member_up", "b", "2"}, {0, "member_reachable", "b", "1"}},
      "process 0 says member_reachable of \"b\", incarnation \"1\", after another incarnation "
      "has followed it");
}

TEST_CASE("views: what is no news of a member is refused") {
  CHECK(!views_refusal({.f = "leader"}).empty());
  CHECK(!views_refusal({.f = "member_up"}).empty());
  CHECK(!views_refusal({.f = "member_up", .key = "b"}).empty());
  CHECK(views_refusal({.f = "member_up", .key = "b", .in = "1"}).empty());
}

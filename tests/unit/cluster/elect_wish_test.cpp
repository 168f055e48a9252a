// What a later member of an election asks for, and what its founder has decided for good.
#include "cluster/program/elect_members.hpp"

#include <doctest/doctest.h>
using namespace troupe;
using namespace troupe::program;
using namespace std::chrono_literals;

TEST_CASE("elect: who asks for what the election is not is told both") {
  const election_charter raft{"raft", {"a", "b", "c"}, {"d"}, 1'000, false};
  const election_charter bully{"bully", {"a", "b"}, {}, 500, true};
  const election_charter log{"log", {}, {}};
  using wish = election_wish;
  const auto said = [](const wish& asked, const election_charter& is) {
    const auto no = contradiction(asked, is);
    return no ? no->sentence : std::string{};
  };
  const auto says = [&](const wish& asked, const election_charter& is, const std::string& text) {
    CAPTURE(said(asked, is));
    CHECK(said(asked, is).find(text) != std::string::npos);
  };
  CHECK(said({"x", "", {}, {}, std::nullopt}, raft).empty());
  CHECK(said({"x", "raft", {"c", "a", "b"}, {"d"}, 1s}, raft).empty());
  CHECK(said({"x", "", {}, {}, 500ms, true}, bully).empty());
  CHECK(said({"x", "bully", {}, {}, std::nullopt}, bully).empty());
  CHECK(said({"x", "", {}, {}, std::nullopt}, log).empty());
  says({"x", "zab", {}, {}, std::nullopt}, raft, "by raft, not by zab");
  says({"x", "", {"a"}, {}, std::nullopt}, raft, "are a, b, c for good");
  says({"x", "", {}, {"a"}, std::nullopt}, bully, "are none for good");
  says({"x", "", {}, {}, 3s}, raft, "is 1000ms for good, not 3000ms");
  says({"x", "", {}, {}, 1s}, log, "knows no patience");
  says({"x", "bully", {}, {}, std::nullopt, true}, {"bully", {"a"}, {}},
       "whoever comes back takes over");
}

#include "patterns/consensus/described_machine.hpp"

#include "patterns/consensus/following.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>
namespace {
using namespace troupe;

struct deposit {
  std::string whom;
  std::int64_t sum = 0;
};
TROUPE_MESSAGE(deposit, whom, sum)
struct close_account {
  std::string whom;
};
TROUPE_MESSAGE(close_account, whom)
struct stamp {};
TROUPE_MESSAGE(stamp)
struct balance {
  std::string whom;
};
TROUPE_MESSAGE(balance, whom)
struct bank {
  using command = std::variant<deposit, close_account, stamp>;
  using question = std::variant<balance>;
  std::int64_t apply(const deposit& d) {
    if (d.sum == 0) throw std::invalid_argument{"a deposit of nothing"};
    return accounts[d.whom] += d.sum;
  }
  void apply(const close_account& c) { accounts.erase(c.whom); }
  std::uint64_t apply(const stamp&, const applied& at) { return at.index; }
  std::int64_t answer(const balance& b) const { return accounts.at(b.whom); }
  std::map<std::string, std::int64_t> accounts;
};
TROUPE_MESSAGE(bank, accounts)
using machine = described_machine<bank>;
}  // namespace

TEST_CASE("described machine: commands, questions and replies are the user's own types") {
  machine m;
  const auto first = m.apply({1, 1}, command_bytes<bank>(deposit{"a", 5}));
  CHECK(*read_reply<bank, deposit>(first) == 5);
  const auto second = m.apply({2, 1}, command_bytes<bank>(deposit{"a", -2}));
  CHECK(*read_reply<bank, deposit>(second) == 3);
  const auto asked = m.query(question_bytes<bank>(balance{"a"}));
  CHECK(*read_reply<bank, balance>(asked) == 3);
  const auto place = m.apply({7, 2}, command_bytes<bank>(stamp{}));
  CHECK(*read_reply<bank, stamp>(place) == 7);
  const auto closed = m.apply({8, 2}, command_bytes<bank>(close_account{"a"}));
  CHECK(read_reply<bank, close_account>(closed).has_value());
  CHECK(m.state().accounts.empty());
}

TEST_CASE("described machine: what cannot be done is a sentence, and the state goes on") {
  machine m;
  const auto none = m.apply({1, 1}, command_bytes<bank>(deposit{"a", 0}));
  CHECK(read_reply<bank, deposit>(none).error() == "a deposit of nothing");
  const auto nobody = m.query(question_bytes<bank>(balance{"b"}));
  CHECK_FALSE(read_reply<bank, balance>(nobody).has_value());
  const auto nonsense = m.apply({2, 1}, "\xff\xff\xff");
  CHECK(read_reply<bank, deposit>(nonsense).error().find("does not know") != std::string::npos);
  const auto unknown = m.query("\x09");
  CHECK(read_reply<bank, balance>(unknown).error().find("does not know") != std::string::npos);
  CHECK(read_reply<bank, balance>("\x07").error().find("none of this") != std::string::npos);
}

TEST_CASE("described machine: a machine restored from a snapshot goes on like the first") {
  machine one, other;
  one.apply({1, 1}, command_bytes<bank>(deposit{"a", 5}));
  one.apply({2, 1}, command_bytes<bank>(deposit{"b", 6}));
  REQUIRE(other.restore(one.snapshot()).has_value());
  CHECK(other.state() == one.state());
  const auto bytes = command_bytes<bank>(deposit{"b", 1});
  CHECK(one.apply({3, 1}, bytes) == other.apply({3, 1}, bytes));
  CHECK_FALSE(other.restore("\x01").has_value());
  CHECK(other.state() == one.state());
}

TEST_CASE("following: a group comes to the log's members step by step") {
  using namespace troupe::raft;
  using kind = step_after::kind;
  const peer a{1, "a"}, b{2, "b"}, c{3, "c"}, d{4, "d"}, new_c{5, "c"};
  struct row {
    configuration wanted, is;
    std::vector<peer> here;
    std::optional<step_after> step;
  };
  const std::vector<row> rows{
      {{{a, b, c}, {}, {}}, {{a, b, c}, {}, {}}, {a, b, c}, {}},
      {{{a, b, c, d}, {}, {}}, {{a, b, c}, {}, {}}, {a, d}, step_after{kind::learn, d}},
      {{{a, b, c, d}, {}, {}}, {{a, b, c}, {}, {d}}, {a, d}, step_after{kind::vote, d}},
      {{{a, b, c, d}, {}, {}}, {{a, b, c}, {}, {}}, {a, b, c}, {}},  // it is not here
      {{{a, b, d}, {}, {}}, {{a, b, c}, {}, {}}, {a, b, c}, {}},     // and nobody leaves
      {{{a, b, d}, {}, {}}, {{a, b, c, d}, {}, {}}, {}, step_after{kind::leave, c}},
      {{{a, b, new_c}, {}, {}}, {{a, b, c}, {}, {}}, {new_c}, step_after{kind::learn, new_c}},
      {{{a, b, new_c}, {}, {}}, {{a, b, new_c}, {}, {}}, {}, {}},
      {{{a, b}, {}, {d}}, {{a, b}, {}, {}}, {d}, step_after{kind::learn, d}},
      {{{a, b}, {}, {c}}, {{a, b, c}, {}, {}}, {c}, step_after{kind::learn, c}},
      {{{a, b}, {}, {}}, {{a, b}, {}, {d}}, {}, step_after{kind::leave, d}},
      {{{a, b}, {a, b, c}, {}}, {{a, b, c}, {}, {}}, {}, {}},  // the log is between two
      {{{a, b}, {}, {}}, {{a, b}, {a, b, c}, {}}, {}, {}},
      {{}, {{a, b, c}, {}, {}}, {}, {}},
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CAPTURE(i);
    const auto& r = rows[i];
    const auto here = [&](const peer& p) {
      return std::any_of(r.here.begin(), r.here.end(), [&](const peer& q) { return q.id == p.id; });
    };
    CHECK(next_step(r.wanted, r.is, here) == r.step);
  }
}

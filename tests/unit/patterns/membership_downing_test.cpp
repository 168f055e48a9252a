// Downing strategies on named partitions, each seen from every side.
#include "patterns/membership/arbiter.hpp"
#include "patterns/membership/downing.hpp"

#include <algorithm>
#include <set>
#include <sstream>

#include <doctest/doctest.h>
using namespace troupe::membership;
using namespace std::chrono_literals;
namespace {
using side = std::vector<record>;

// "a b:j c4": members by name, with letters for a state (j, l, x, d, r; else up), and an age, which
// otherwise follows the alphabet.
record member(const std::string& text) {
  record r;
  r.id = {text.substr(0, 1), "1"};
  r.state = member_state::up;
  r.age = static_cast<std::uint64_t>(text[0] - 'a' + 1);
  if (text.size() > 1 && text[1] != ':') r.age = std::stoul(text.substr(1));
  switch (const auto colon = text.find(':'); colon == std::string::npos ? ' ' : text[colon + 1]) {
    case 'j':
      r.state = member_state::joining;
      r.age = 0;
      break;
    case 'l':
      r.state = member_state::leaving;
      break;
    case 'x':
      r.state = member_state::exiting;
      break;
    case 'd':
      r.state = member_state::down;
      break;
    case 'r':
      r.state = member_state::removed;
      break;
    default:
      break;
  }
  return r;
}

std::vector<side> sides(const std::string& text) {
  std::vector<side> all(1);
  std::istringstream in{text};
  for (std::string word; in >> word;) {
    if (word == "|") {
      all.emplace_back();
    } else {
      all.back().push_back(member(word));
    }
  }
  return all;
}

view seen_from(const std::vector<side>& all, std::size_t mine) {
  view v;
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (record r : all[i]) {
      r.liveness = i == mine ? reach::alive : reach::unreachable;
      v[r.id] = r;
    }
  }
  return v;
}

std::set<std::string> names(const std::vector<member_id>& ids) {
  std::set<std::string> all;
  for (const auto& id : ids) all.insert(id.name);
  return all;
}

std::set<std::string> present_names(const std::vector<side>& all, std::size_t which, bool inside) {
  std::set<std::string> found;
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const auto& r : all[i]) {
      if (present(r) && (i == which) == inside) found.insert(r.id.name);
    }
  }
  return found;
}

// The sides that live on: "-", "1", ... ; more than one is what must never be.
std::string living(const std::vector<side>& all, const strategy& how) {
  std::string alive;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const decision d = decide(seen_from(all, i), how);
    CHECK(d.what != verdict::nothing);
    CHECK(!d.reason.empty());
    std::set<std::string> expected;
    const auto ours = present_names(all, i, true), theirs = present_names(all, i, false);
    if (d.what != verdict::down_us) expected.insert(theirs.begin(), theirs.end());
    if (d.what != verdict::down_others) expected.insert(ours.begin(), ours.end());
    CHECK(names(d.down) == expected);
    if (d.what == verdict::down_others) alive += std::to_string(i + 1);
  }
  return alive.empty() ? "-" : alive;
}

// The sides that live on under lease-majority, where some reach the lease's keeper ('1', '2', ...). Each side's oldest acts,
// and they ask in the order of their delays; of equal ones the last first, so that an order is not what keeps them apart.
std::string living_with_lease(const std::vector<side>& all, const std::string& reaching) {
  std::vector<std::size_t> order;
  std::vector<resolver> sides(all.size(), resolver{{.how = {.kind = downing::lease_majority}}});
  std::vector<member_id> self;
  std::string alive;
  std::vector<bool> lives(all.size());
  lease_state keeper;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto seen = seen_from(all, i);
    const record* first = oldest(seen);
    self.push_back(first != nullptr ? first->id : all[i].front().id);
  }
  for (instant now{}; now <= 20s; now += 250ms) {
    for (std::size_t i = all.size(); i-- > 0;) {
      if (lives[i]) continue;
      const auto seen = seen_from(all, i);
      const auto first = sides[i].step(seen, self[i], now);
      CHECK(sides[i].unused().size() == (first.reason.find("in time") != std::string::npos));
      auto claim = sides[i].claim();
      if (!claim) continue;
      claim->cluster = 1;
      lease_answer answer{.number = claim->number};
      if (reaching.find(std::to_string(i + 1)) != std::string::npos) answer = take(keeper, *claim);
      const auto then = sides[i].answered(answer, seen, now);
      if (answer.what == lease_outcome::failed) CHECK(then.what == verdict::nothing);
      if (answer.what == lease_outcome::refused) {
        CHECK(then.what == verdict::down_us);
        CHECK(names(then.down) == present_names(all, i, true));
      }
      lives[i] = then.what == verdict::down_others;
      if (lives[i]) CHECK(names(then.down) == present_names(all, i, false));
    }
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (lives[i]) alive += std::to_string(i + 1);
  }
  return alive.empty() ? "-" : alive;
}

struct row {
  const char* name;
  const char* partition;
  // which side lives: keep-majority, static-quorum, keep-oldest, keep-oldest without down-if-alone
  const char* expected;
  unsigned quorum = 0;  // 0: a majority of the counted members
};

const row table[] = {
    {"two members", "a | b", "1 - 1 1"},
    {"two, the elder has the higher name", "b1 | a2", "2 - 1 1"},
    {"three, the youngest lost", "a b | c", "1 1 1 1"},
    {"three, the oldest lost", "a | b c", "2 2 2 1"},
    {"three, the middle one lost", "a c | b", "1 1 1 1"},
    {"three apart", "a | b | c", "- - - 1"},
    {"four in halves", "a b | c d", "1 - 1 1"},
    {"four in halves, the elder have the higher names", "c1 d2 | a3 b4", "2 - 1 1"},
    {"four, one lost", "a b c | d", "1 1 1 1"},
    {"four, the oldest lost", "a | b c d", "2 2 2 1"},
    {"four as two, one, one", "a b | c | d", "1 - 1 1"},
    {"four, the low names each alone", "a | b | c d", "- - - 1"},
    {"four apart", "a | b | c | d", "- - - 1"},
    {"five as three and two", "a b c | d e", "1 1 1 1"},
    {"five as two and three", "a b | c d e", "2 2 1 1"},
    {"five, the youngest lost", "a b c d | e", "1 1 1 1"},
    {"five, the oldest lost", "a | b c d e", "2 2 2 1"},
    {"five as two, two, one", "a b | c d | e", "- - 1 1"},
    {"five as three, one, one", "a b c | d | e", "1 1 1 1"},
    {"five, the oldest and the youngest each alone", "a | b c d | e", "2 2 - 1"},
    {"five, the two oldest each alone", "a | b | c d e", "3 3 - 1"},
    {"five apart", "a | b | c | d | e", "- - - 1"},
    {"five, every other one", "a c e | b d", "1 1 1 1"},
    {"five, the elder in the minority", "c1 d2 | a3 b4 e5", "2 2 1 1"},
    {"six in halves", "a b c | d e f", "1 - 1 1"},
    {"six in halves, the elder have the higher names", "d1 e2 f3 | a4 b5 c6", "2 - 1 1"},
    {"six as four and two", "a b c d | e f", "1 1 1 1"},
    {"six as two and four", "a b | c d e f", "2 2 1 1"},
    {"six in pairs", "a b | c d | e f", "- - 1 1"},
    {"six as three, two, one", "a b c | d e | f", "1 - 1 1"},
    {"six as three, two, one, the lowest names not in the half", "d e f | a b | c", "- - 2 2"},
    {"seven as four and three", "a b c d | e f g", "1 1 1 1"},
    {"seven as three and four", "a b c | d e f g", "2 2 1 1"},
    {"seven as three, three, one", "a b c | d e f | g", "- - 1 1"},
    {"seven, the two oldest each alone", "c d e f g | a | b", "1 1 - 2"},
    {"seven in pairs and one", "a b | c d | e f | g", "- - 1 1"},
    {"nine as five and four", "a b c d e | f g h i", "1 1 1 1"},
    {"nine as four and five", "a b c d | e f g h i", "2 2 1 1"},
    {"nine in thirds", "a b c | d e f | g h i", "- - 1 1"},
    {"nine, the youngest lost", "a b c d e f g h | i", "1 1 1 1"},
    {"nine, the oldest lost", "a | b c d e f g h i", "2 2 2 1"},
    {"joining members have no voice", "a b | c d:j e:j", "1 1 1 1"},
    {"a joining member alone", "a b | c:j", "1 1 1 1"},
    {"joining members in the majority", "a | b:j c:j d:j", "1 1 1 1"},
    {"a joining member has the lowest name", "c d | a:j b e", "2 - 2 2"},
    {"a leaving member has a voice", "a b:l | c d e:j", "1 - 1 1"},
    {"exiting members have none", "a b | c d:x e:x", "1 1 1 1"},
    {"the oldest is exiting", "a:x b | c d", "2 2 2 1"},
    {"all exiting but one", "a:x b:x | c", "2 2 2 2"},
    {"nobody with a voice", "a:j | b:j", "- - - -"},
    {"down members play no part", "a b:d c:d | d e", "2 2 2 1"},
    {"removed members play no part", "a b c:r | d", "1 1 1 1"},
    {"the lowest name is leaving", "a:l b | c d", "1 - 1 1"},
    {"the elder two are leaving", "a:l b:l | c d e", "2 2 1 1"},
    {"two and a joiner with the younger", "a | b c:j", "1 - 1 1"},
    {"two and a joiner with the elder", "a c:j | b", "1 - 1 1"},
    {"a quorum that neither side has", "a b c | d e", "1 - 1 1", 4},
    {"a quorum of all, one lost", "a b c d | e", "1 - 1 1", 5},
    {"a quorum of one is too small for three", "a | b c", "2 - 2 1", 1},
    {"a quorum of two is too small for four", "a b | c d", "1 - 1 1", 2},
    {"a quorum of three of five", "a b c d | e", "1 1 1 1", 3},
    {"a quorum that counts no joining members", "a b | c:j d:j e", "1 1 1 1", 2},
};
}  // namespace

TEST_CASE("downing: of every named partition exactly the stated side lives") {
  CHECK(std::size(table) >= 60);
  for (const auto& r : table) {
    CAPTURE(r.name);
    CAPTURE(r.partition);
    const auto all = sides(r.partition);
    std::size_t voices = 0;
    for (const auto& s : all) {
      voices += static_cast<std::size_t>(std::count_if(s.begin(), s.end(), counted));
    }
    const auto quorum = r.quorum != 0 ? r.quorum : static_cast<unsigned>(voices / 2 + 1);
    const auto actual = living(all, {.kind = downing::keep_majority}) + ' ' +
                        living(all, {.kind = downing::static_quorum, .quorum = quorum}) + ' ' +
                        living(all, {.kind = downing::keep_oldest}) + ' ' +
                        living(all, {.kind = downing::keep_oldest, .down_if_alone = false});
    CHECK(actual == r.expected);
    CHECK(living(all, {.kind = downing::down_all}) == "-");
  }
}

TEST_CASE("downing: lease-majority keeps the larger side, and of those that reach the lease one") {
  for (const auto& r : table) {
    CAPTURE(r.name);
    CAPTURE(r.partition);
    const auto all = sides(r.partition);
    std::string everybody;
    for (std::size_t i = 0; i < all.size(); ++i) everybody += std::to_string(i + 1);
    const auto majority = living(all, {.kind = downing::keep_majority});
    const auto reached = living_with_lease(all, everybody);
    CHECK(reached.size() == 1);
    if (majority != "-") CHECK(reached == majority);
    for (std::size_t i = 0; i < all.size(); ++i) {
      const bool voice = std::any_of(all[i].begin(), all[i].end(), counted);
      CHECK(living_with_lease(all, std::to_string(i + 1)) == (voice ? std::to_string(i + 1) : "-"));
    }
    CHECK(living_with_lease(all, "") == "-");
  }
}

TEST_CASE("downing: lease-majority asks for the lease of one picture, and says what it would do") {
  const strategy how{.kind = downing::lease_majority, .acquire_delay = 3s};
  const auto larger = decide(seen_from(sides("a b | c"), 0), how);
  CHECK(larger.what == verdict::acquire);
  CHECK(larger.after == 0s);
  CHECK(names(larger.down) == std::set<std::string>{"c"});
  CHECK(larger.reason ==
        "lease-majority: 2 of 3 counted members reachable, a majority: asks for the lease at once");
  const auto smaller = decide(seen_from(sides("a b | c"), 1), how);
  CHECK(smaller.what == verdict::acquire);
  CHECK(smaller.after == 3s);
  CHECK(names(smaller.down) == std::set<std::string>{"a", "b"});
  CHECK(decide(seen_from(sides("a b | c:j"), 1), how).what == verdict::down_us);  // no voice

  const auto split = seen_from(sides("a b | c"), 0), worse = seen_from(sides("a | b c"), 0);
  const member_id a{"a", "1"};
  const auto started = [&] {
    resolver r{{.how = {.kind = downing::lease_majority}}};
    CHECK(r.step(split, a, 0s).what == verdict::nothing);
    CHECK(r.step(split, a, 2s).what == verdict::acquire);
    const auto claim = r.claim();
    REQUIRE(claim);
    CHECK(claim->number == 1);
    CHECK(names(claim->side) == std::set<std::string>{"a", "b"});
    CHECK(names(claim->down) == std::set<std::string>{"c"});
    CHECK(!r.claim());
    CHECK(r.due() == instant{7s});
    return r;
  };
  const std::vector<member_id> c{{"c", "1"}};
  {
    auto r = started();
    const auto d = r.answered({1, lease_outcome::granted, c, {}}, split, 3s);
    CHECK(d.what == verdict::down_others);
    CHECK(d.down == c);
    CHECK(r.unused().empty());
  }
  {
    auto r = started();
    const auto d = r.answered({1, lease_outcome::refused, {}, "why"}, split, 3s);
    CHECK(d.what == verdict::down_us);
    CHECK(d.reason == "lease-majority: the lease is refused: why");
    CHECK(names(d.down) == std::set<std::string>{"a", "b"});
  }
  {
    auto r = started();  // an answer to another question is none
    CHECK(r.answered({2, lease_outcome::granted, c, {}}, split, 3s).what == verdict::nothing);
    CHECK(r.asking());
  }
  {
    auto r = started();  // nobody knows: asked again, then given up
    CHECK(r.answered({1, lease_outcome::failed, {}, {}}, split, 3s).what == verdict::nothing);
    CHECK(r.due() == instant{3s + 500ms});
    CHECK(r.step(split, a, 3s + 499ms).what == verdict::nothing);
    CHECK(!r.claim());
    CHECK(r.step(split, a, 3s + 500ms).what == verdict::nothing);
    CHECK(r.claim()->number == 1);
    CHECK(r.step(split, a, 7s - 1ns).what == verdict::nothing);
    const auto d = r.step(split, a, 7s);
    CHECK(d.what == verdict::down_us);
    CHECK(r.unused() == std::vector<std::uint64_t>{1});
    CHECK(r.answered({1, lease_outcome::granted, c, {}}, split, 8s).what == verdict::nothing);
  }
  {
    auto r = started();  // another picture: given back, and judged anew
    CHECK(r.step(worse, a, 3s).what == verdict::nothing);
    CHECK(r.unused() == std::vector<std::uint64_t>{1});
    CHECK(r.answered({1, lease_outcome::granted, c, {}}, worse, 3s).what == verdict::nothing);
    CHECK(r.step(worse, a, 5s).what == verdict::nothing);  // a minority waits
    CHECK(r.due() == instant{7s});
    CHECK(r.step(worse, a, 7s).what == verdict::acquire);
    CHECK(r.claim()->number == 2);
  }
  {
    auto r = started();  // all is well again
    CHECK(r.answered({1, lease_outcome::granted, c, {}}, seen_from(sides("a b c"), 0), 3s).what ==
          verdict::nothing);
    CHECK(r.unused() == std::vector<std::uint64_t>{1});
    r.step(seen_from(sides("a b c"), 0), a, 3s);
    CHECK(!r.asking());
    CHECK(!r.due());
  }
}

TEST_CASE("downing: with a role only its holders are counted, all are downed") {
  auto all = sides("a b | c d e");
  for (auto& r : all[0]) r.roles = {"core"};
  CHECK(living(all, {.kind = downing::keep_majority, .role = "core"}) == "1");
  CHECK(living(all, {.kind = downing::static_quorum, .role = "core", .quorum = 2}) == "1");
  CHECK(living(all, {.kind = downing::keep_oldest, .role = "core"}) == "1");
  CHECK(living(all, {.kind = downing::keep_majority, .role = "nobody has it"}) == "-");
}

TEST_CASE("downing: no partition, no strategy, no decision") {
  for (auto kind : all_downings) {
    CHECK(decide(seen_from(sides("a b c"), 0), {.kind = kind, .quorum = 2}).down.empty());
    CHECK(downing_of(to_string(kind)) == kind);
  }
  CHECK(decide(seen_from(sides("a | b"), 0), {.kind = downing::none}).down.empty());
  CHECK(decide({}, {}).down.empty());
  CHECK(!downing_of("keep-calm"));
}

TEST_CASE("downing: members that cannot reach each other while others reach both") {
  struct indirect {
    const char* name;
    const char* members;
    std::vector<std::pair<std::string, std::string>> cut;
    std::set<std::string> gone;
  };
  const indirect rows[] = {
      {"one pair: both", "a b c", {{"a", "b"}}, {"a", "b"}},
      {"one pair, reported by both", "a b c", {{"a", "b"}, {"b", "a"}}, {"a", "b"}},
      {"one that cannot reach two: it alone", "a b c d", {{"a", "b"}, {"a", "c"}}, {"a"}},
      {"one that cannot be reached by three",
       "a b c d",
       {{"a", "d"}, {"b", "d"}, {"c", "d"}},
       {"d"}},
      {"two pairs: all four", "a b c d e", {{"a", "b"}, {"c", "d"}}, {"a", "b", "c", "d"}},
      {"a triangle", "a b c d", {{"a", "b"}, {"b", "c"}, {"c", "a"}}, {"a", "b", "c"}},
      {"a star and a pair", "a b c d e f", {{"a", "b"}, {"a", "c"}, {"d", "e"}}, {"a", "d", "e"}},
      {"a name that nobody has", "a b c", {{"a", "z"}}, {}},
      {"oneself", "a b c", {{"a", "a"}}, {}},
      {"one who is down already", "a b:d c", {{"a", "b"}}, {}},
  };
  for (const auto& r : rows) {
    CAPTURE(r.name);
    view v = seen_from(sides(r.members), 0);
    for (const auto& [from, to] : r.cut) {
      auto& list = v.at({from, "1"}).cut_off;
      list.push_back(to);
      std::sort(list.begin(), list.end());
    }
    CHECK(names(indirectly_connected(v)) == r.gone);
    CHECK(names(decide(v, {.kind = downing::keep_majority}).down) == r.gone);
  }
  // Beside a partition: the winning side also gives up its own, the losing one goes as a whole.
  view v = seen_from(sides("a b c | d"), 0);
  v.at({"a", "1"}).cut_off = {"b"};
  CHECK(names(decide(v, {.kind = downing::keep_majority}).down) ==
        std::set<std::string>{"a", "b", "d"});
}

TEST_CASE("downing: the resolver acts once the picture has been stable, the oldest first") {
  const auto whole = seen_from(sides("a b c"), 0), split = seen_from(sides("a b | c"), 0);
  const member_id a{"a", "1"}, b{"b", "1"};
  resolver oldest{{}}, other{{}};
  for (auto* r : {&oldest, &other}) CHECK(r->step(whole, r == &other ? b : a, 0s).down.empty());
  for (auto* r : {&oldest, &other}) CHECK(r->step(split, r == &other ? b : a, 10s).down.empty());
  CHECK(oldest.due() == instant{12s});
  CHECK(other.due() == instant{12s + 500ms});
  CHECK(oldest.step(split, a, 12s - 1ns).down.empty());
  CHECK(names(oldest.step(split, a, 12s).down) == std::set<std::string>{"c"});
  CHECK(other.step(split, b, 12s).down.empty());
  CHECK(names(other.step(split, b, 12s + 500ms).down) == std::set<std::string>{"c"});
}

TEST_CASE("downing: a change begins the wait anew, a suspicion under way prolongs it") {
  const member_id a{"a", "1"};
  resolver r{{}};
  r.step(seen_from(sides("a b c | d"), 0), a, 0s);
  const auto worse = seen_from(sides("a b | c d"), 0);
  CHECK(r.step(worse, a, 1s).down.empty());
  CHECK(r.step(worse, a, 2s).down.empty());
  auto doubtful = worse;
  doubtful.at({"b", "1"}).liveness = reach::suspect;
  CHECK(r.step(doubtful, a, 3s).down.empty());
  CHECK(names(r.step(worse, a, 4s).down) == std::set<std::string>{"c", "d"});
  CHECK(r.step(seen_from(sides("a b c d"), 0), a, 5s).down.empty());
  CHECK(!r.due());
}

TEST_CASE("downing: who wants it goes down as a whole when the picture does not settle") {
  const member_id a{"a", "1"};
  resolver_options how;
  how.down_all_when_unstable = true;
  resolver r{how};
  decision last;
  instant at{};
  for (; at < 30s && last.down.empty(); at += 500ms) {
    const bool odd = (at / 500ms) % 2 == 1;
    last = r.step(seen_from(sides(odd ? "a b c | d e" : "a b c d | e"), 0), a, at);
  }
  CHECK(last.what == verdict::down_everyone);
  CHECK(names(last.down).size() == 5);
  CHECK(at >= how.stable_after + how.unstable_for);
}

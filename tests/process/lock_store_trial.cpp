// Puts a store of locks through its contract (patterns/lock/store.hpp), in real time and through its actor's messages.
//   lock-store-trial --store S   as `troupe lock --store S`; what of a cluster is wanted too, the usual options name
// A line of JSON for each rule that holds; code 1 with the first that does not. Two ways to the store are open, as from two
// processes: what the one does the other has to see.
#include "store_trial.hpp"

#include "cluster/program/json.hpp"

#include <algorithm>
#include <functional>
#include <iostream>
#include <set>
#include <thread>

#include <caf/all.hpp>

using namespace std::chrono_literals;
using namespace troupe;
using namespace troupe::lock;

namespace {
using json = nlohmann::ordered_json;
struct trial {
  way a, b;
  std::string life = a.fresh();  // no two trials share a lock
  std::uint64_t ids = 0;

  std::string lock(const std::string& name) { return life + name; }
  std::string id() { return life + "-" + std::to_string(++ids); }
  std::string open(duration ttl = 300s) {
    return as<opened>(a.send(open_session{ttl}), "open_session").session;
  }
  void close(const std::string& session) {
    const auto said = settled_answer(a.send(close_session{session}), "close_session");
    ensure(std::holds_alternative<settled>(said) || std::holds_alternative<no_session>(said),
           "close_session: it is not closed");
  }
  stood stand_as(way& by, const std::string& session, const std::string& lock, const place& p) {
    return as<stood>(by.send(stand{session, lock, p}), "stand");
  }
  place plain() { return {.owner = "o", .id = id()}; }
  stood stand_in(const std::string& session, const std::string& lock) {
    return stand_as(a, session, lock, plain());
  }
  void leave(way& by, const std::string& session, const std::string& lock, const std::string& id) {
    as<settled>(by.send(leave_line{session, lock, id}), "leave_line");
  }
  line look_at(way& by, const std::string& lock) {
    return as<seen>(by.send(look{lock}), "look").all;
  }
  std::map<std::string, line> survey_by(way& by) {
    return as<surveyed>(by.send(survey{}), "survey").all;
  }
  std::shared_ptr<reply> await_gone(way& by, const std::string& lock, const line& those) {
    return by.send(await{lock, those, 0});
  }
};
bool same(place x, place y) {
  x.ticket = y.ticket = 0;
  return x == y;
}
void in_order(const line& all) {
  for (std::size_t i = 1; i < all.size(); ++i)
    ensure(all[i - 1].ticket < all[i].ticket, "a line is not in the order of tickets");
}

json sessions(trial& t) {
  const auto one = t.open(), two = t.open();
  ensure(!one.empty() && one != two, "two sessions have one name");
  as<settled>(t.a.send(renew_session{one}), "renew_session");
  as<settled>(t.b.send(renew_session{one}), "renew_session, by another way");
  t.close(one);
  as<no_session>(t.a.send(renew_session{one}), "renew_session of one that is closed");
  as<no_session>(t.b.send(stand{one, t.lock("s"), t.plain()}), "stand under one that is closed");
  for (const std::string none : {"4711", "nobody's", "' or '1'='1", "\xff\xfe"}) {
    as<no_session>(t.a.send(renew_session{none}), "renew_session of one that never was");
    as<no_session>(t.a.send(stand{none, t.lock("s"), t.plain()}), "stand under one that never was");
  }
  ensure(t.look_at(t.a, t.lock("s")).empty(), "who has no session stands");
  t.close(two);
  return {};
}

json standing_again(trial& t) {
  const auto session = t.open();
  const place p{.owner = "me", .as = mode::permits, .count = 3, .capacity = 7, .id = t.id()};
  const auto first = t.stand_as(t.a, session, t.lock("i"), p);
  const auto behind = t.stand_in(session, t.lock("i"));
  for (auto* by : {&t.a, &t.b, &t.a}) {
    const auto again = t.stand_as(*by, session, t.lock("i"), p);
    ensure(again.ticket == first.ticket, "asked again, it has another ticket");
    ensure(again.all.size() == 2, "asked again, it stands twice");
    ensure(same(again.all[0], p), "its place is not as it was asked for");
  }
  ensure(behind.ticket > first.ticket, "who came later has no higher ticket");
  t.close(session);
  return {};
}

json rising(trial& t) {
  std::uint64_t highest = 0;
  const auto rises = [&](const stood& s) {
    ensure(s.ticket > highest,
           "ticket " + std::to_string(s.ticket) + " after " + std::to_string(highest));
    highest = s.ticket;
  };
  for (int turn = 0; turn < 3; ++turn) {
    const auto session = t.open();
    for (const auto* name : {"r1", "r2", "r3"})
      for (auto* by : {&t.a, &t.b}) {
        const auto p = t.plain();
        rises(t.stand_as(*by, session, t.lock(name), p));
        if (turn == 1)
          t.leave(*by, session, t.lock(name), p.id);  // the highest is gone: it is not given anew
      }
    t.close(session);
  }
  return {{"highest", highest}};
}

json lines(trial& t) {
  const auto session = t.open();
  const std::vector<place> wanted{
      {.owner = "x", .as = mode::exclusive, .id = t.id()},
      {.owner = "y", .as = mode::shared, .id = t.id()},
      {.owner = "z", .as = mode::permits, .count = 2, .capacity = 4'000'000'000U, .id = t.id()}};
  for (const auto& p : wanted) t.stand_as(t.a, session, t.lock("l"), p);
  const auto other = t.plain();
  t.stand_as(t.b, session, t.lock("l2"), other);
  for (auto* by : {&t.a, &t.b}) {
    const auto all = t.look_at(*by, t.lock("l"));
    ensure(all.size() == wanted.size(), "look: not all that stand");
    in_order(all);
    for (std::size_t i = 0; i < all.size(); ++i)
      ensure(same(all[i], wanted[i]), "look: a place is not as it was asked for");
    const auto surveyed = t.survey_by(*by);
    ensure(surveyed.contains(t.lock("l")) && surveyed.at(t.lock("l")) == all,
           "survey and look differ");
    ensure(surveyed.contains(t.lock("l2")) && surveyed.at(t.lock("l2")).size() == 1,
           "survey: a lock is missing");
  }
  t.leave(t.b, session, t.lock("l"), wanted[1].id);
  t.leave(t.b, session, t.lock("l"), wanted[1].id);  // again: it is settled
  t.leave(t.a, {}, t.lock("l"), "nobody");
  ensure(t.look_at(t.a, t.lock("l")).size() == 2, "after one has left there are not two");
  t.close(session);
  ensure(t.look_at(t.b, t.lock("l")).empty() && !t.survey_by(t.b).contains(t.lock("l")),
         "the session is closed and its places stand");
  return {};
}

json awaits(trial& t) {
  const auto session = t.open(), other = t.open();
  double longest = 0;
  for (auto* by : {&t.a, &t.b}) {
    const auto first = t.plain(), second = t.plain(), third = t.plain();
    t.stand_as(t.a, session, t.lock("w"), first);
    t.stand_as(t.a, other, t.lock("w"), second);
    const auto all = t.stand_as(t.a, session, t.lock("w"), third).all;
    const auto left = t.await_gone(*by, t.lock("w"), {all[0]});
    const auto closed = t.await_gone(*by, t.lock("w"), {all[1]});
    const auto any = t.await_gone(*by, t.lock("w"), {all[1], all[0]});
    ensure(!woken(*left, 400ms) && !woken(*closed) && !woken(*any),
           "an await is answered while all of its places stand");
    const auto gone = clock_type::now();
    t.leave(t.a, session, t.lock("w"), first.id);
    gone_by(left, "await of one that left");
    gone_by(any, "await of two of which one left");
    longest = std::max({longest, seconds(left->at - gone), seconds(any->at - gone)});
    ensure(longest < 2, "an await is answered more than 2 s after its place went");
    ensure(!woken(*closed, 200ms), "an await is answered although its place stands");
    if (by == &t.b) {
      t.close(other);
      gone_by(closed, "await of one whose session is closed");
    } else {  // as a revocation: by somebody else, without the session
      t.leave(t.b, {}, t.lock("w"), second.id);
      gone_by(closed, "await of one that was taken away");
    }
    gone_by(t.await_gone(*by, t.lock("w"), {all[0]}), "await of one that is gone already");
    gone_by(t.await_gone(*by, t.lock("w"), {all[2], all[0]}),
            "await of two of which one is gone already");
    t.leave(t.a, session, t.lock("w"), third.id);
  }
  t.close(session);
  return {{"longest_seconds", longest}};
}

json expiry(trial& t) {
  constexpr auto ttl = 1'500ms;
  double longest = 0;
  for (const int renewals : {0, 3}) {
    auto asked = clock_type::now();
    const auto session = t.open(ttl);
    auto answered = clock_type::now();
    std::vector<std::shared_ptr<reply>> waits;
    for (const auto* name : {"e1", "e2", "e3"}) {
      const auto all = t.stand_in(session, t.lock(name)).all;
      for (auto* by : {&t.a, &t.b}) waits.push_back(t.await_gone(*by, t.lock(name), {all.back()}));
    }
    for (int i = 0; i < renewals; ++i) {
      std::this_thread::sleep_for(ttl / 2);
      asked = clock_type::now();
      as<settled>(t.a.send(renew_session{session}), "renew_session in time");
      answered = clock_type::now();
    }
    const auto early = asked + ttl - ttl / 200, late = answered + ttl + 1s;
    for (;;) {
      const auto all = t.survey_by(t.b);
      const auto at = clock_type::now();
      const auto left = all.count(t.lock("e1")) + all.count(t.lock("e2")) + all.count(t.lock("e3"));
      ensure(left == 0 || left == 3,
             "of three places of one session some have ended before the others");
      if (left == 0) {
        ensure(at >= early, "a session ended " + std::to_string(seconds(at - asked)) +
                                " s after it was asked for, with a ttl of 1.5 s");
        break;
      }
      ensure(at < late, "a session has not ended a second after its time");
      std::this_thread::sleep_for(20ms);
    }
    for (auto& w : waits) {
      gone_by(w, "await of one whose session ended");
      if (!woken(*w)) continue;  // it was asked again
      ensure(w->at >= early, "an await is answered before its place's session can have ended");
      ensure(w->at < late, "an await is answered " + std::to_string(seconds(w->at - answered)) +
                               " s after the last renewal, with a ttl of 1.5 s");
      longest = std::max(longest, seconds(w->at - answered - ttl));
    }
    as<no_session>(t.a.send(renew_session{session}), "renew_session after its end");
    as<no_session>(t.a.send(stand{session, t.lock("e1"), t.plain()}),
                   "stand under a session that ended");
  }
  // Nobody looks: who waits is woken all the same.
  const auto session = t.open(ttl);
  const auto answered = clock_type::now();
  const auto wait = t.await_gone(t.b, t.lock("e4"), t.stand_in(session, t.lock("e4")).all);
  gone_by(wait, "await of one whose session ended, and nobody looked");
  ensure(wait->at < answered + ttl + 1s, "an await is answered a second too late");
  as<no_session>(t.b.send(renew_session{session}), "renew_session after its end");
  return {{"longest_seconds_after_ttl", std::max(longest, seconds(wait->at - answered - ttl))}};
}

json without_session(trial& t) {
  const auto session = t.open(1s);
  const auto p = t.plain();
  t.stand_as(t.a, {}, t.lock("n"), p);
  t.stand_in(session, t.lock("n"));
  auto all = t.look_at(t.b, t.lock("n"));
  for (const auto last = clock_type::now() + 5s; all.size() > 1 && clock_type::now() < last;) {
    std::this_thread::sleep_for(20ms);
    all = t.look_at(t.b, t.lock("n"));  // until the one beside it has gone with its session
  }
  ensure(all.size() == 1 && same(all[0], p),
         "a place without a session has not stood alone to the end");
  t.leave(t.b, {}, t.lock("n"), p.id);
  ensure(t.look_at(t.a, t.lock("n")).empty(), "a place without a session cannot be left");
  return {};
}

json hostile(trial& t) {
  std::string binary, slashes(1'000, '/');
  for (int c = 1; c < 256; ++c) binary.push_back(static_cast<char>(c));
  std::vector<std::string> names{"'; drop table troupe_lock_places; --",
                                 R"("'`\)",
                                 "%",
                                 "_",
                                 "*",
                                 "a*",
                                 "[a]",
                                 "a b",
                                 " ",
                                 "\n",
                                 "\r\n",
                                 "a/b",
                                 "/",
                                 "../..",
                                 "a",
                                 "A",
                                 "a ",
                                 "äöü ✓",
                                 "NULL",
                                 "$1",
                                 "{}",
                                 ":",
                                 "?",
                                 binary,
                                 std::string(1'000 - t.life.size(), 'x'),
                                 slashes.substr(t.life.size())};
  const auto session = t.open();
  std::vector<place> stands;
  for (const auto& name : names) {
    auto p = t.plain();
    p.owner = name;
    p.id += name.substr(0, 300);
    stands.push_back(p);
    t.stand_as(t.a, session, t.lock(name), p);
  }
  const auto all = t.survey_by(t.b);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto there = t.look_at(t.b, t.lock(names[i]));
    ensure(there.size() == 1 && same(there[0], stands[i]),
           "look: the line of the lock named " +
               json(names[i]).dump(-1, ' ', true, json::error_handler_t::replace) +
               " is another's");
    const auto found = all.find(t.lock(names[i]));
    ensure(found != all.end() && found->second == there,
           "survey: the lock named " +
               json(names[i]).dump(-1, ' ', true, json::error_handler_t::replace) +
               " has another line");
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    t.leave(t.a, session, t.lock(names[i]), stands[i].id);
    ensure(t.look_at(t.b, t.lock(names[i])).empty(), "leave_line: it stands still");
    if (i + 1 < names.size())
      ensure(t.look_at(t.b, t.lock(names[i + 1])).size() == 1,
             "leave_line: another's place is gone");
  }
  t.close(session);
  return {{"names", names.size()}};
}

json crowd(trial& t) {
  const auto session = t.open();
  std::vector<std::shared_ptr<reply>> all;
  const auto since = clock_type::now();
  for (int i = 0; i < 64; ++i)
    all.push_back((i % 2 == 0 ? t.a : t.b).send(stand{session, t.lock("c"), t.plain()}));
  std::set<std::uint64_t> tickets;
  for (auto& r : all) {
    const auto s = as<stood>(r, "stand, one of 64 at once");
    in_order(s.all);
    ensure(find(s.all, s.ticket) != nullptr, "a line without the place that it was answered for");
    tickets.insert(s.ticket);
  }
  const auto took = clock_type::now() - since;
  ensure(tickets.size() == 64, "two of 64 have one ticket");
  ensure(t.look_at(t.a, t.lock("c")).size() == 64, "of 64 not all stand");
  t.close(session);
  return {{"seconds", seconds(took)}};
}

json herd(trial& t) {
  constexpr std::size_t many = 1'000;
  const auto session = t.open();
  std::vector<std::shared_ptr<reply>> stands;
  for (std::size_t i = 0; i <= many; ++i)
    stands.push_back(t.a.send(stand{session, t.lock("h"), t.plain()}));
  for (auto& r : stands) as<stood>(r, "stand, one of 1,001");
  const auto all = t.look_at(t.a, t.lock("h"));
  ensure(all.size() == many + 1, "of 1,001 not all stand");
  std::vector<std::shared_ptr<reply>> waits;  // waits[i]: for all[i]
  for (std::size_t i = 0; i < many; ++i)
    waits.push_back(t.await_gone(i % 2 == 0 ? t.a : t.b, t.lock("h"), {all[i]}));
  std::set<std::size_t> gone;
  const auto awake = [&] {
    return static_cast<std::size_t>(
        std::count_if(waits.begin(), waits.end(), [](auto& r) { return woken(*r); }));
  };
  ensure(!woken(*waits[0], 1s) && awake() == 0, "of 1,000 awaits one is answered, and nobody left");
  double longest = 0;
  for (const std::size_t i : {0, 1, 2, 500, 501, 3}) {
    const auto since = clock_type::now();
    t.leave(i % 3 == 0 ? t.b : t.a, session, t.lock("h"), all[i].id);
    gone.insert(i);
    gone_by(waits[i], "await of one of 1,000 that left");
    longest = std::max(longest, seconds(waits[i]->at - since));
    std::this_thread::sleep_for(300ms);
    ensure(awake() == gone.size(),
           "a release has woken " + std::to_string(awake() - gone.size() + 1) + " of 1,000");
  }
  const auto since = clock_type::now();
  t.close(session);  // all go at once
  for (auto& w : waits) gone_by(w, "await, and the session is closed");
  return {{"longest_seconds", longest}, {"all_seconds", seconds(clock_type::now() - since)}};
}
}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"A store of locks and its contract"};
  std::string store = "map", only;
  program::target to;
  program::add_store(app, store);
  program::add_target(app, to);
  app.add_option("--rule", only, "this one alone");
  CLI11_PARSE(app, argc, argv);
  std::vector<std::unique_ptr<program::lock_store>> open;
  for (int i = 0; i < 2; ++i) {
    auto got = program::lock_store::open(store, to);
    if (!got) return static_cast<int>(program::fail(got.error()));
    open.push_back(std::move(*got));
  }
  trial t{way{*open[0]}, way{*open[1]}};
  const std::vector<std::pair<std::string, json (*)(trial&)>> rules{
      {"sessions", &sessions},
      {"standing again", &standing_again},
      {"tickets rise", &rising},
      {"lines", &lines},
      {"awaits", &awaits},
      {"expiry", &expiry},
      {"without a session", &without_session},
      {"hostile names", &hostile},
      {"64 at once", &crowd},
      {"1,000 in line", &herd}};
  for (const auto& [rule, run] : rules) {
    if (!only.empty() && only != rule) continue;
    const auto since = clock_type::now();
    try {
      json row{{"rule", rule}, {"holds", true}};
      if (const auto more = run(t); !more.is_null()) row.update(more);
      row["took_seconds"] = seconds(clock_type::now() - since);
      std::cout << row.dump() << std::endl;
    } catch (const broken& b) {
      std::cout << json{{"rule", rule}, {"holds", false}, {"why", b.why}}.dump() << std::endl;
      return 1;
    }
  }
  return 0;
}

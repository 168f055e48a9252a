#include "patterns/storage/campaign.hpp"
#include "patterns/storage/map.hpp"
#include "patterns/storage/observe.hpp"

#include <doctest/doctest.h>

namespace {
using namespace troupe;
using namespace troupe::election;
using namespace std::chrono_literals;
using storage::duration;
using storage::instant;
using storage::one;
using storage::prefix;

// A candidate and a map that answers when the test says so.
struct fixture {
  storage::map m;
  std::string name = "a";
  candidate c{"jobs/master", name, {.ttl = 1000ms, .margin = 100ms, .retry = 50ms}};
  output out;
  instant now{};
  std::vector<request> asked;  // and not answered
  std::optional<watching> watch;

  void step(const input& in) {
    c.step(in, now, out);
    for (auto& r : out.send) asked.push_back(std::move(r));
    out.send.clear();
    if (out.unwatch) watch.reset();
    if (out.watch) watch = out.watch;
    out.watch.reset();
    out.unwatch = false;
  }
  storage::reply apply(const request& r) {
    if (const auto* cmd = std::get_if<storage::command>(&r.what)) return m.apply(*cmd);
    return m.query(std::get<storage::question>(r.what));
  }
  void answer() {  // the oldest request
    REQUIRE_FALSE(asked.empty());
    const auto r = asked.front();
    asked.erase(asked.begin());
    if (std::holds_alternative<keepalive>(r.what)) return step(answered{r.id, renewed{}});
    step(answered{r.id, apply(r)});
  }
  void answer_all() {
    while (!asked.empty()) answer();
  }
  void lose_answer(bool done) {
    const auto r = asked.front();
    asked.erase(asked.begin());
    if (done && !std::holds_alternative<keepalive>(r.what)) apply(r);
    step(unanswered{r.id});
  }
  void tick_at(instant t) {
    now = t;
    step(tick{});
  }
  // "elected 1", "lost 1 lapsed", ...
  std::string told() {
    std::string text;
    for (const auto& h : out.told) {
      if (!text.empty()) text += ", ";
      if (const auto* e = std::get_if<elected>(&h)) {
        text += "elected " + std::to_string(e->token);
      } else if (const auto* l = std::get_if<lost>(&h)) {
        text += "lost " + std::to_string(l->token) + " " + to_string(l->why);
      } else if (std::holds_alternative<proclaimed>(h)) {
        text += "proclaimed";
      } else {
        text += "declined " + to_string(std::get<declined>(h).why);
      }
    }
    out.told.clear();
    for (const auto r : out.refused) text += (text.empty() ? "" : ", ") + to_string(r);
    out.refused.clear();
    return text;
  }
  void lead() {
    step(campaign{"v"});
    answer_all();
    REQUIRE(c.leading());
    told();
  }
  std::string value() {
    const auto r = m.query(storage::get{prefix(keys_of("jobs/master"))});
    const auto& items = std::get<storage::got>(r.what).items;
    return items.empty() ? "" : items.front().value;
  }
  std::size_t leases() const { return m.leases_granted().size(); }
  // Somebody who stood before.
  std::string rival(const std::string& who) {
    const auto id = std::get<storage::granted>(m.apply(storage::lease_grant{1000ms}).what).id;
    const auto key = key_of("jobs/master", who, id);
    m.apply(storage::put{key, "theirs", id});
    return key;
  }
  void gone(const std::string& key) {
    m.apply(storage::erase{one(key)});
    storage::event e{storage::change::erased, {key, "", 0, m.at()}, {}};
    step(watched{{e}});
  }
};

TEST_CASE("campaign: names in keys: no election's keys lie among another's") {
  CHECK(key_of("jobs", "a", 255) == "election/jobs/a/ff");
  CHECK(keys_of("jobs/x") == "election/jobs%2Fx/");
  CHECK(name_in(key_of("jobs/x%", "a/b%2F", 1)) == "a/b%2F");
  CHECK(name_in("election/jobs") == std::nullopt);
  CHECK(name_in("other") == std::nullopt);
}

TEST_CASE("campaign: alone, it leads; the token is its key's create_revision") {
  fixture f;
  f.m.apply(storage::put{"other", ""});
  f.step(campaign{"v"});
  f.answer_all();
  CHECK(f.told() == "elected 2");
  CHECK(f.c.token() == 2);
  CHECK(f.value() == "v");
  CHECK(f.watch == watching{"election/jobs%2Fmaster/a/100000000", false, 3});
  f.step(campaign{"v"});
  CHECK(f.told() == "already_campaigning");
}

TEST_CASE("campaign: who comes later waits for the one before it, and only for that") {
  fixture f;
  const auto first = f.rival("x"), second = f.rival("y");
  f.step(campaign{"v"});
  f.answer_all();
  CHECK(f.told() == "");
  CHECK(f.watch == watching{second, false, 4});
  f.rival("z");  // behind it: no matter
  f.gone(second);
  f.answer_all();
  CHECK(f.told() == "");
  CHECK(f.watch->key == first);
  f.gone(first);
  f.answer_all();
  CHECK(f.told() == "elected 3");
}

TEST_CASE("campaign: a leader that cannot keep its lease alive steps down before it runs out") {
  fixture f;
  f.lead();
  CHECK(f.c.deadline() == 900ms);  // from before the grant was sent
  f.tick_at(400ms);
  REQUIRE(f.asked.size() == 1);
  f.now = 500ms;
  f.answer();
  CHECK(f.c.deadline() == 1300ms);  // from when the keepalive was sent, not answered
  f.tick_at(1299ms);
  CHECK(f.told() == "");
  f.tick_at(1300ms);
  CHECK(f.told() == "lost 1 lapsed");
  CHECK(f.c.token() == 0);
  CHECK_FALSE(f.watch);
}

TEST_CASE("campaign: whatever comes at the deadline, the loss is told first") {
  fixture f;
  f.lead();
  f.tick_at(400ms);
  f.now = 950ms;
  f.answer();  // renewed, but too late to be trusted
  CHECK(f.told() == "lost 1 lapsed");
  f.step(proclaim{"w"});
  CHECK(f.told() == "not_leading");
}

TEST_CASE(
    "campaign: a keepalive without an answer is sent again; an older answer counts for its own "
    "time") {
  fixture f;
  f.lead();
  f.tick_at(333ms);
  f.now = 340ms;
  f.lose_answer(true);
  CHECK(f.c.due() == 390ms);
  f.tick_at(390ms);
  f.tick_at(730ms);
  REQUIRE(f.asked.size() == 2);
  f.answer();
  CHECK(f.c.deadline() == 1290ms);
  f.answer();
  CHECK(f.c.deadline() == 1630ms);
}

TEST_CASE("campaign: a lease that the map does not have any more is lost at once") {
  fixture f;
  f.lead();
  f.tick_at(400ms);
  const auto id = f.asked.front().id;
  f.asked.clear();
  f.step(answered{id, not_renewed{}});
  CHECK(f.told() == "lost 1 lease_gone");
  CHECK(f.asked.empty());  // nothing to revoke
}

TEST_CASE("campaign: a leader whose key is deleted by someone has lost") {
  fixture f;
  f.lead();
  f.gone(f.watch->key);
  CHECK(f.told() == "lost 1 key_gone");
}

TEST_CASE("campaign: a leader whose watch broke looks whether its key is there") {
  fixture f;
  f.lead();
  f.step(watch_broken{});
  f.answer_all();
  CHECK(f.told() == "");
  CHECK(f.c.leading());
  f.m.apply(storage::erase{prefix("")});
  f.step(watch_broken{});
  f.answer();
  CHECK(f.told() == "lost 1 key_gone");
}

TEST_CASE("campaign: resigning says so first, and then hands over") {
  fixture f;
  f.step(resign{});
  CHECK(f.told() == "not_campaigning");
  f.lead();
  f.step(resign{});
  CHECK(f.told() == "lost 1 resigned");
  CHECK(f.value() == "v");
  f.lose_answer(false);
  CHECK(f.value() == "v");
  f.tick_at(50ms);  // sent again until it is answered
  f.answer_all();
  CHECK(f.value() == "");
  CHECK(f.leases() == 0);
  CHECK_FALSE(f.c.due());
  f.step(campaign{"again"});
  f.answer_all();
  CHECK(f.told() == "elected 3");
}

TEST_CASE("campaign: a lease that comes after resigning is given back") {
  fixture f;
  f.step(campaign{"v"});
  f.step(resign{});
  f.answer_all();
  CHECK(f.leases() == 0);
  CHECK(f.told() == "");
  CHECK_FALSE(f.c.leading());
}

TEST_CASE("campaign: a transaction whose answer was lost is sent again, and its key is found") {
  fixture f;
  f.step(campaign{"v"});
  f.answer();
  f.lose_answer(true);
  CHECK(f.c.due() == 50ms);
  f.m.apply(storage::put{"other", ""});
  f.tick_at(50ms);
  f.answer_all();
  CHECK(f.told() == "elected 1");
}

TEST_CASE(
    "campaign: one that waits past its own lease begins again, and does not win by the old key") {
  fixture f;
  const auto first = f.rival("x");
  f.step(campaign{"v"});
  f.answer_all();
  f.tick_at(900ms);
  f.gone(first);  // noticed at the same moment
  f.answer_all();
  CHECK(f.told() == "elected 5");  // 2 was the key of the lease that has lapsed
  CHECK(f.leases() == 2);          // the rival's, and its own new one
}

TEST_CASE("campaign: nor when its key is gone although its lease seems to live") {
  fixture f;
  const auto first = f.rival("x");
  f.step(campaign{"v"});
  f.answer_all();
  f.m.apply(storage::erase{prefix(keys_of("jobs/master") + "a/")});
  f.gone(first);
  f.answer();
  CHECK(f.told() == "");
  f.answer_all();
  CHECK(f.told() == "elected 5");
}

TEST_CASE("campaign: proclaiming changes the value, and is done once however often it is sent") {
  fixture f;
  f.lead();
  f.step(proclaim{"w"});
  f.answer();
  CHECK(f.told() == "proclaimed");
  CHECK(f.value() == "w");
  f.step(proclaim{"x"});
  f.lose_answer(true);
  f.tick_at(50ms);
  f.answer_all();
  CHECK(f.told() == "proclaimed");
  CHECK(f.m.at() == 3);
  // one that is still under way when the next is made: it cannot overwrite it
  f.step(proclaim{"y"});
  const auto y = f.asked.back();
  f.asked.clear();
  f.step(proclaim{"z"});
  f.answer_all();
  f.apply(y);
  CHECK(f.value() == "z");
  CHECK(f.told() == "proclaimed");
}

TEST_CASE("campaign: what the map refuses for good is told") {
  fixture f;
  f.lead();
  f.step(proclaim{std::string((1 << 20) + 1, 'x')});
  f.answer();
  CHECK(f.told() == "declined value_too_large");
  CHECK(f.c.leading());
  f.step(resign{});
  f.answer_all();
  f.told();
  f.step(campaign{std::string((1 << 20) + 1, 'x')});
  f.answer_all();
  CHECK(f.told() == "declined value_too_large");
  CHECK(f.leases() == 0);
  CHECK_FALSE(f.c.due());
}

// The observer, with a map that answers at once.
struct audience {
  storage::map& m;
  observer o{"jobs/master"};
  observation out{};
  std::string told() {
    while (!out.send.empty()) {
      const auto r = out.send.front();
      out.send.erase(out.send.begin());
      o.step(answered{r.id, m.query(std::get<storage::question>(r.what))}, 0ms, out);
    }
    std::string text;
    for (const auto& t : out.told) {
      if (!text.empty()) text += ", ";
      const auto* l = std::get_if<leader>(&t);
      text += l != nullptr ? l->name + "=" + l->value + "@" + std::to_string(l->token) : "vacant";
    }
    out.told.clear();
    return text;
  }
  std::string see(storage::event e) {
    o.step(watched{{std::move(e)}}, 0ms, out);
    return told();
  }
};

TEST_CASE("observe: who leads, with which value, and when nobody does") {
  fixture f;
  audience a{f.m};
  a.o.step(tick{}, 0ms, a.out);
  CHECK(a.told() == "vacant");
  CHECK(a.out.watch == watching{"election/jobs%2Fmaster/", true, 1});
  f.lead();
  const auto key = key_of("jobs/master", "a", storage::lease_ids_own);
  CHECK(a.see({storage::change::put, {key, "v", 1, 1, 1, 1}, {}}) == "a=v@1");
  CHECK(a.out.watch == watching{key, false, 2});
  f.rival("b");
  CHECK(a.see({storage::change::put, {key, "w", 1, 3, 2, 1}, {}}) == "a=w@1");
  f.step(resign{});
  f.answer_all();
  CHECK(a.see({storage::change::erased, {key, "", 0, 4}, {}}) == "b=theirs@2");
  a.o.step(watch_broken{}, 0ms, a.out);
  CHECK(a.told() == "");  // as before
}

TEST_CASE("observe: a question without an answer is asked again") {
  fixture f;
  audience a{f.m};
  a.o.step(tick{}, 0ms, a.out);
  const auto id = a.out.send.front().id;
  a.out.send.clear();
  a.o.step(unanswered{id}, 10ms, a.out);
  CHECK(a.o.due() == 210ms);
  a.o.step(tick{}, 210ms, a.out);
  CHECK(a.told() == "vacant");
}
}  // namespace

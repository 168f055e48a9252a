// Each algorithm's own rules, and the bugs that naive code has.
#include "mutex_bench.hpp"
#include "patterns/mutex/centralised.hpp"
#include "patterns/mutex/ricart_agrawala.hpp"
#include "patterns/mutex/token_ring.hpp"
using namespace troupe::mutex;
using namespace troupe::mutex::test;
using servers = std::vector<server>;

namespace {
// Served in this order, each letting go as soon as it is inside.
servers order_of(group& g, std::size_t count) {
  servers order;
  for (int i = 0; i < 200 && order.size() < count; ++i) {
    g.pass(20ms);
    for (const auto s : g.insiders()) {
      order.push_back(s);
      g.let_go(s);
    }
  }
  return order;
}
const token_ring& ring(const group& g, server s) {
  return dynamic_cast<const token_ring&>(*g.all[s]);
}
servers with_token(const group& g) {
  servers some;
  for (server s = 0; s < g.n; ++s)
    if (g.all[s] && ring(g, s).has_token()) some.push_back(s);
  return some;
}
}  // namespace

TEST_CASE("centralised: first come, first served") {
  group g{"centralised", 5};
  for (const server s : {3U, 1U, 4U, 0U, 2U}) {
    g.ask_for(s);
    g.deliver_all();
  }
  CHECK(order_of(g, 5) == servers{3, 1, 4, 0, 2});
}

TEST_CASE("centralised: a request that comes twice, or late, is granted once") {
  group g{"centralised", 3};
  g.ask_for(1);
  const auto asked = g.take<request>();
  REQUIRE(asked.size() == 1);
  g.give(asked[0]);
  g.give(asked[0]);
  CHECK(g.wire.size() <= 2);  // the same grant again: the first may have been lost
  g.deliver_all();
  CHECK(only<granted>(g.told[1]).size() == 1);
  g.let_go(1);
  g.deliver_all();
  g.give(asked[0]);
  g.deliver_all();
  g.ask_for(2);
  g.deliver_all();
  CHECK(g.insiders() == servers{2});
  CHECK(only<granted>(g.told[1]).size() == 1);
}

TEST_CASE("centralised: a release by one that does not hold changes nothing") {
  group g{"centralised", 3};
  g.ask_for(1);
  g.deliver_all();
  REQUIRE(g.inside(1));
  const message forged{1, 1, released{7}};
  g.give({2, 0, forged});
  g.ask_for(0);
  g.pass(1s);
  CHECK(g.insiders() == servers{1});
}

TEST_CASE("centralised: a lost grant is given again, a lost release is asked for") {
  group g{"centralised", 3};
  g.ask_for(1);
  g.deliver();
  REQUIRE(g.take<grant>().size() == 1);
  g.pass(1s);
  CHECK(g.insiders() == servers{1});
  g.let_go(1);
  REQUIRE(g.take<released>().size() == 1);
  g.ask_for(2);
  g.pass(1s);
  CHECK(g.insiders() == servers{2});
}

TEST_CASE("centralised: one that denies queues nobody") {
  group g{"centralised", 3, {.deny = true}};
  g.ask_for(1);
  g.deliver_all();
  g.ask_for(2);
  g.ask_for(0);
  g.deliver_all();
  CHECK(g.refusals(2) == std::vector<refused>{{refusal::busy}});
  CHECK(g.refusals(0) == std::vector<refused>{{refusal::busy}});
  g.let_go(1);
  REQUIRE(g.take<released>().size() == 1);
  g.pass(2s);
  CHECK(g.insiders() == servers{});
  g.ask_for(2);
  g.pass(1s);
  CHECK(g.insiders() == servers{2});
}

TEST_CASE("centralised: the next coordinator keeps the holder, and the order of those who wait") {
  group g{"centralised", 5};
  g.ask_for(2);
  g.deliver_all();
  for (int i = 0; i < 3; ++i) {  // each knows more than the one before
    g.let_go(2);
    g.ask_for(2);
    g.deliver_all();
  }
  for (const server s : {4U, 3U, 1U}) {
    g.ask_for(s);
    g.deliver_all();
  }
  g.crash(0);
  CHECK(g.insiders() == servers{2});
  for (server s = 1; s < 5; ++s) CHECK(g.insiders() == servers{2});
  g.pass(1s);
  CHECK(g.insiders() == servers{2});
  CHECK(order_of(g, 4).size() == 4);
}

TEST_CASE("centralised: the next coordinator grants nothing before all that live have answered") {
  group g{"centralised", 4};
  g.ask_for(3);
  g.deliver();
  const auto late = g.take<grant>();  // under way when its sender dies
  REQUIRE(late.size() == 1);
  g.ask_for(1);
  g.ask_for(2);
  g.crash(0);
  auto questions = g.take<who>();
  REQUIRE(questions.size() == 2);
  g.wire.clear();
  g.give(questions[0]);
  g.deliver_all();
  CHECK(g.insiders() == servers{});
  g.give(questions[1]);
  g.deliver_all();
  REQUIRE(g.insiders().size() == 1);
  const auto holder = g.insiders();
  g.give(late[0]);  // of an epoch that is over
  g.deliver_all();
  CHECK(g.insiders() == holder);
}

TEST_CASE("ricart-agrawala: the paper's example: the earlier time enters first, ties by number") {
  group g{"ricart-agrawala", 3};
  g.ask_for(2);
  g.ask_for(0);  // neither has heard of the other: the same time
  CHECK(dynamic_cast<const ricart_agrawala&>(*g.all[0]).mine().time ==
        dynamic_cast<const ricart_agrawala&>(*g.all[2]).mine().time);
  CHECK(order_of(g, 2) == servers{0, 2});
  g.ask_for(2);
  g.deliver_all();
  g.ask_for(0);
  CHECK(order_of(g, 2) == servers{2, 0});
}

TEST_CASE("ricart-agrawala: hearing of a time advances the clock") {
  group g{"ricart-agrawala", 3};
  for (int i = 0; i < 5; ++i) {
    g.ask_for(1);
    g.deliver_all();
    g.let_go(1);
  }
  g.ask_for(0);
  CHECK(dynamic_cast<const ricart_agrawala&>(*g.all[0]).mine() > stamp{5, 1});
}

TEST_CASE("ricart-agrawala: who wants nothing answers at once, who is inside when it leaves") {
  group g{"ricart-agrawala", 3};
  g.ask_for(1);
  g.deliver();
  g.deliver();
  CHECK(g.take<reply>().size() == 2);
  g.pass(1s);
  REQUIRE(g.inside(1));
  g.ask_for(2);
  for (int i = 0; i < 2; ++i) g.deliver();
  CHECK(g.take<reply>().size() == 1);
  g.let_go(1);
  CHECK(g.take<reply>().size() == 1);
}

TEST_CASE("ricart-agrawala: a late reply to an earlier request is not counted") {
  group g{"ricart-agrawala", 3};
  g.ask_for(0);
  g.deliver_all();
  g.let_go(0);
  g.ask_for(0);
  const auto asked = g.take<ask>();
  const message late{1, 1, reply{1, 0}};
  g.give({1, 0, late});
  g.give({2, 0, late});
  CHECK_FALSE(g.inside(0));
  for (const auto& f : asked) g.give(f);
  g.deliver_all();
  CHECK(g.inside(0));
}

TEST_CASE("ricart-agrawala: the word of a life that is over does not count for the next one") {
  group g{"ricart-agrawala", 3};
  g.ask_for(2);
  g.deliver();
  g.deliver();
  const auto yes = g.take<reply>();
  REQUIRE(yes.size() == 2);
  g.give(yes[1].from == 1 ? yes[1]
                          : yes[0]);  // of 1, who then starts anew, and asks with a low time
  g.crash(1, false);
  g.start(1);
  g.ask_for(1);
  g.pass(50ms);
  REQUIRE(g.insiders() == servers{1});
  g.give(yes[1].from == 0 ? yes[1] : yes[0]);
  CHECK(g.insiders() == servers{1});
  g.let_go(1);
  g.pass(1s);
  CHECK(g.insiders() == servers{2});
}

TEST_CASE("token ring: a repeated or late token is dropped") {
  group g{"token-ring", 3};
  REQUIRE(with_token(g).size() == 1);
  g.pass(200ms);
  g.now += 10s;
  g.tick();
  const auto moving = g.take<token>();
  REQUIRE(moving.size() == 1);
  g.give(moving[0]);
  g.deliver_all();
  g.pass(300ms);
  g.give(moving[0]);
  CHECK(with_token(g).size() == 1);
}

TEST_CASE("token ring: a lost token is replaced once, and is none when it comes late") {
  group g{"token-ring", 4};
  g.now += 10s;
  while (g.take<token>().empty()) {
    g.now += 100ms;
    g.tick();
  }
  CHECK(with_token(g).empty());
  g.pass(4s);
  CHECK(with_token(g).size() + g.take<token>().size() == 1);
}

TEST_CASE("token ring: a slow token is void once its place was asked for") {
  group g{"token-ring", 3};
  std::vector<group::flight> slow;
  while (slow.empty()) {
    g.now += 100ms;
    g.tick();
    slow = g.take<token>();
  }
  g.pass(5s);
  g.ask_for(slow[0].to);
  g.ask_for((slow[0].to + 1) % 3);
  g.pass(1s);
  REQUIRE(g.insiders().size() == 1);
  const auto before = g.insiders();
  g.give(slow[0]);
  g.deliver_all();
  CHECK(g.insiders() == before);
  CHECK(g.insiders().size() == 1);
}

TEST_CASE("token ring: a holder that stays for long is asked, and keeps the token") {
  group g{"token-ring", 3};
  g.ask_for(2);
  g.pass(100ms);
  REQUIRE(g.inside(2));
  g.ask_for(0);
  g.pass(20s);
  CHECK(g.insiders() == servers{2});
  CHECK_FALSE(g.has_lost(2));
  g.let_go(2);
  g.pass(100ms);
  CHECK(g.insiders() == servers{0});
}

TEST_CASE("token ring: nobody else replaces it, and the dead are skipped") {
  group g{"token-ring", 4};
  g.crash(2);
  g.pass(1s);
  g.wire.clear();
  for (const server s : {1U, 3U, 0U}) g.ask_for(s);
  CHECK(order_of(g, 3).size() == 3);
  group late{"token-ring", 4};  // the monitor is silent: until that is said, nobody acts for it
  late.crash(0, false);
  for (int i = 0; i < 50 && late.take<token>().empty(); ++i) {  // or it has gone with the monitor
    late.now += 100ms;
    late.tick();
  }
  late.pass(20s);
  CHECK(with_token(late).empty());
}

TEST_CASE("token ring: one that nobody wants moves ever more seldom, and is fetched at once") {
  group g{"token-ring", 4};
  g.pass(5s);
  const auto before = g.sent;
  g.pass(10s);
  CHECK(g.sent - before <= 52);  // one each 200 ms, and none faster
  CHECK(g.sent - before >= 40);
  const auto rests = with_token(g);
  REQUIRE(rests.size() == 1);
  const server far = (rests[0] + 3) % 4;
  g.ask_for(far);
  g.deliver_all();  // no time passes
  CHECK(g.insiders() == servers{far});
}

TEST_CASE(
    "token ring: the word that wants it goes no further than its origin, dead to some or not") {
  group g{"token-ring", 4};
  while (g.take<token>().empty()) {
    g.now += 100ms;
    g.tick();
  }
  g.lost(1, 3);
  g.lost(2, 3);
  g.sent = 0;
  g.give({3, 0, {1, 1, want{3}}});
  for (int i = 0; i < 100; ++i) g.deliver();
  CHECK(g.wire.empty());
  CHECK(g.sent <= 2);
}

TEST_CASE("mutex: messages are read as they were written") {
  const message all[] = {{1, 2, grant{3, 4, 5}},
                         {1, 0, census{7, {{2, 3}}}},
                         {4, 1, status{1, 2, phase::holding, {3, 4, 5}, 6, 7}},
                         {1, 1, token{8, 9, 10}}};
  for (const auto& m : all) {
    const auto read = troupe::decode<message>(troupe::encode(m));
    REQUIRE(read);
    CHECK(*read == m);
  }
}

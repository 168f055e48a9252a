// What all algorithms of mutual exclusion promise alike, and what they cost.
#include "mutex_bench.hpp"
using namespace troupe::mutex;
using namespace troupe::mutex::test;
using servers = std::vector<server>;

namespace {
template <class F>
void each_algorithm(F&& what) {
  for (const auto& a : algorithms()) {
    CAPTURE(std::string{a.name});
    what(a.name);
  }
}
}  // namespace

TEST_CASE("mutex: algorithms are made by name, and nothing else is") {
  CHECK(algorithms().size() == 3);
  each_algorithm([](std::string_view name) { CHECK(make(name, {.members = 3}) != nullptr); });
  CHECK(make("bakery", {.members = 3}) == nullptr);
}

TEST_CASE("mutex: a command that does not fit the phase is refused, and changes nothing") {
  each_algorithm([](std::string_view name) {
    group g{name, 3};
    g.let_go(1);
    CHECK(g.refusals(1) == std::vector<refused>{{refusal::not_pending}});
    g.ask_for(1);
    g.ask_for(1);
    CHECK(g.refusals(1).back() == refused{refusal::already_pending});
    g.pass(1s);
    CHECK(g.insiders() == servers{1});
    g.ask_for(1);
    CHECK(g.refusals(1).size() == 3);
    CHECK(g.insiders() == servers{1});
    CHECK(only<granted>(g.told[1]).size() == 1);
    g.let_go(1);
    g.let_go(1);
    CHECK(g.refusals(1).back() == refused{refusal::not_pending});
  });
}

TEST_CASE("mutex: a single member is inside at once") {
  each_algorithm([](std::string_view name) {
    group g{name, 1};
    for (int i = 0; i < 3; ++i) {
      g.ask_for(0);
      CHECK(g.insiders() == servers{0});
      g.let_go(0);
    }
    CHECK(g.sent == 0);
    CHECK(g.fence(0) == 0);
  });
}

TEST_CASE("mutex: one inside at a time, all are served, and fences rise from grant to grant") {
  each_algorithm([](std::string_view name) {
    for (const std::uint32_t n : {2U, 3U, 5U}) {
      CAPTURE(n);
      group g{name, n};
      std::uint64_t last = 0;
      std::vector<int> turns(n);
      for (server i = 0; i < n; ++i) g.ask_for(n - 1 - i);
      for (std::uint32_t turn = 0; turn < 4 * n; ++turn) {
        g.pass(50ms);
        const auto in = g.insiders();
        REQUIRE(in.size() == 1);
        CHECK(g.fence(in[0]) > last);
        last = g.fence(in[0]);
        ++turns[in[0]];
        g.let_go(in[0]);
        CHECK(g.insiders().size() <= 1);
        g.ask_for(in[0]);
      }
      CHECK(turns == std::vector<int>(n, 4));
    }
  });
}

TEST_CASE("mutex: who gives up while it waits is not granted later") {
  each_algorithm([](std::string_view name) {
    group g{name, 3};
    g.ask_for(1);
    g.pass(50ms);
    g.ask_for(2);
    g.pass(50ms);
    g.let_go(2);
    g.let_go(1);
    g.pass(1s);
    CHECK(g.insiders() == servers{});
    CHECK(only<granted>(g.told[2]).empty());
    g.ask_for(0);
    g.pass(1s);
    CHECK(g.insiders() == servers{0});
  });
}

TEST_CASE("mutex: whoever dies, inside or waiting, those who live are served, and only once") {
  each_algorithm([](std::string_view name) {
    for (server dead = 0; dead < 3; ++dead) {
      for (server inside = 0; inside < 3; ++inside) {
        CAPTURE(dead);
        CAPTURE(inside);
        group g{name, 3};
        g.ask_for(inside);
        g.pass(50ms);
        REQUIRE(g.insiders() == servers{inside});
        const auto before = g.fence(inside);
        for (server i = 0; i < 3; ++i)
          if (i != inside) g.ask_for(i);
        g.pass(50ms);
        g.crash(dead);
        for (int turn = 0; turn < 3; ++turn) {
          g.pass(1s);
          REQUIRE(g.insiders().size() <= 1);
          if (turn == 0 && dead != inside) CHECK(g.insiders() == servers{inside});
          for (const auto i : g.insiders()) {
            if (i != inside) CHECK(g.fence(i) > before);
            g.let_go(i);
          }
        }
        for (server i = 0; i < 3; ++i)
          if (i != dead || i == inside) CHECK(only<granted>(g.told[i]).size() == 1);
      }
    }
  });
}

TEST_CASE("mutex: who comes back in another life knows nothing, and disturbs nobody") {
  each_algorithm([](std::string_view name) {
    for (server again = 0; again < 3; ++again) {
      CAPTURE(again);
      const server inside = again == 1 ? 2 : 1;
      group g{name, 3};
      g.ask_for(inside);
      g.pass(50ms);
      const auto before = g.fence(inside);
      g.crash(again, again != 0);  // of the first nobody was told
      g.start(again);
      g.ask_for(again);
      g.pass(20ms);
      g.meet(again);
      g.pass(2s);
      CHECK(g.insiders() == servers{inside});
      CHECK_FALSE(g.has_lost(inside));
      g.let_go(inside);
      g.pass(2s);
      CHECK(g.insiders() == servers{again});
      CHECK(g.fence(again) > before);
    }
  });
}

TEST_CASE(
    "mutex: a holder taken for dead is replaced under a higher fence, and told when it is back") {
  each_algorithm([](std::string_view name) {
    for (server paused = 0; paused < 3; ++paused) {
      CAPTURE(paused);
      group g{name, 3};
      g.ask_for(paused);
      g.pass(50ms);
      REQUIRE(g.insiders() == servers{paused});
      auto sleeping = std::move(g.all[paused]);
      const server next = (paused + 1) % 3;
      for (server o = 0; o < 3; ++o) g.lost(o, paused);
      g.ask_for(next);
      g.pass(1s);
      REQUIRE(g.insiders() == servers{next});
      g.all[paused] = std::move(sleeping);
      CHECK(g.fence(next) > g.fence(paused));
      g.meet(paused);
      g.pass(10ms);
      g.let_go(next);
      g.pass(2s);
      CHECK(g.has_lost(paused));
      CHECK(g.insiders() == servers{});
      g.ask_for(paused);
      g.pass(1s);
      CHECK(g.insiders() == servers{paused});
    }
  });
}

TEST_CASE("mutex: who was refused by the resource gets a fence above what that has seen") {
  each_algorithm([](std::string_view name) {
    group g{name, 3};
    const std::uint64_t high = 77ULL << 33U;
    g.ask_for(1, high);
    g.pass(1s);
    CHECK(g.fence(1) > high);
    const auto first = g.fence(1);
    g.let_go(1);
    g.ask_for(2);
    g.pass(1s);
    CHECK(g.fence(2) > first);
  });
}

TEST_CASE("mutex: two sides of a partition both have a holder, never under one fence, and heal") {
  each_algorithm([](std::string_view name) {
    group g{name, 4};
    for (server a : {0U, 1U})
      for (server b : {2U, 3U}) g.lost(a, b), g.lost(b, a);
    g.ask_for(1);
    g.ask_for(3);
    g.pass(5s);
    REQUIRE(g.insiders() == servers{1, 3});
    CHECK(g.fence(1) != g.fence(3));
    for (server a : {0U, 1U})
      for (server b : {2U, 3U}) g.back(a, b), g.back(b, a);
    g.let_go(1);
    g.let_go(3);
    g.pass(10s);
    std::uint64_t last =
        std::max(only<granted>(g.told[1])[0].fence, only<granted>(g.told[3])[0].fence);
    for (server i = 0; i < 4; ++i) g.ask_for(i);
    for (int turn = 0; turn < 4; ++turn) {
      g.pass(1s);
      REQUIRE(g.insiders().size() == 1);
      CHECK(g.fence(g.insiders()[0]) > last);
      last = g.fence(g.insiders()[0]);
      g.let_go(g.insiders()[0]);
    }
  });
}

TEST_CASE("mutex: messages an entry, beside the textbook's 3, 2(n-1) and 1..n") {
  for (const std::uint32_t n : {3U, 5U, 9U}) {
    CAPTURE(n);
    for (const auto& a : algorithms()) {
      CAPTURE(std::string{a.name});
      // one alone, from rest: the dearest of a ring
      std::uint64_t least = ~0ULL, most = 0;
      for (server who = 1; who < n; ++who) {
        group g{a.name, n};
        g.pass(300ms);
        const auto before = g.sent;
        g.ask_for(who);
        for (int i = 0; i < 1000 && !g.inside(who); ++i) g.deliver();
        REQUIRE(g.inside(who));
        auto cost = g.sent - before;
        if (a.name != "token-ring") {
          g.let_go(who);
          g.deliver_all();
          cost = g.sent - before;
        }
        least = std::min(least, cost), most = std::max(most, cost);
      }
      CHECK(most <= a.most(n));
      if (a.name == "token-ring")
        CHECK(most == n);
      else
        CHECK(least == a.least(n));

      // all at once, again and again: the cheapest
      group g{a.name, n};
      for (server i = 0; i < n; ++i) g.ask_for(i);
      g.deliver_all();
      std::uint64_t from = 0;
      const std::uint32_t entries = 10 * n;
      for (std::uint32_t e = 0; e < n + entries; ++e) {
        if (e == n) from = g.sent;
        REQUIRE(g.insiders().size() == 1);
        const auto in = g.insiders()[0];
        g.let_go(in);
        g.ask_for(in);
        g.deliver_all();
      }
      const double each = static_cast<double>(g.sent - from) / entries;
      MESSAGE(a.name << ", n = " << n << ": " << least << " to " << most << " alone, " << each
                     << " when all want to enter; textbook " << a.least(n) << ".." << a.most(n));
      if (a.name == "centralised")  // the coordinator's own cost nothing
        CHECK(each == doctest::Approx(3.0 * (n - 1) / n).epsilon(0.02));
      else
        CHECK(each == doctest::Approx(a.least(n)).epsilon(0.02));
    }
  }
}

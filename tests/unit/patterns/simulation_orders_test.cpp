#include "patterns/simulation/small_world.hpp"

#include <optional>
#include <string>

#include <doctest/doctest.h>
namespace {
using namespace troupe::simulation;

// Asks all others, and enters when `enough` have said yes. Who wants to enter itself says yes only to a lower number:
// right with all of the others, wrong with one.
struct asker {
  enum class message { ask, yes };
  struct command {};
  using event = std::string;
  using output = effects<message, event>;

  void command_given(const command&, instant, output& out) {
    wants = true;
    for (member m = 0; m < 3; ++m)
      if (m != self) out.send.push_back({m, message::ask});
  }
  void receive(member from, message what, instant, output& out) {
    if (what == message::yes) {
      if (++heard == enough) out.events.emplace_back("in");
    } else if (!wants || from < self) {
      out.send.push_back({from, message::yes});
    }
  }
  void tick(instant, output&) {}
  void lost(member, std::uint32_t, instant, output&) { ++told; }
  instant due() const { return instant::max(); }
  static void describe(const event& e, std::string& fields) { fields += e; }
  static std::string digest(message m) { return m == message::ask ? "ask" : "yes"; }
  std::string digest() const {
    return std::to_string(heard) + (wants ? "w" : "") + std::to_string(told);
  }

  member self = 0;
  std::uint32_t enough = 2, heard = 0, told = 0;
  bool wants = false;
};
using askers = small_world<asker>;

askers two_ask(std::uint32_t enough, small_bounds bounds = {.crashes = 0}) {
  askers w{bounds, [=](member m) { return asker{.self = m, .enough = enough}; },
           [](const askers& all) -> std::string {
             int in = 0;
             for (member m = 0; m < 3; ++m) in += all.events(m).empty() ? 0 : 1;
             return in > 1 ? "two are in" : "";
           }};
  w.command(0, {});
  w.command(1, {});
  return w;
}
}  // namespace

TEST_CASE("every order: a claim that holds in all orders is looked at in all of them") {
  const auto all = every_order(two_ask(2), 100'000);
  CHECK(all.broken == "");
  CHECK(all.whole);
  CHECK(all.states > 30);
  CHECK(all.ends == 1);  // whatever came first: 0 is in, and 1 waits for its yes
}

TEST_CASE("every order: the one order that breaks a claim is found, and leads there again") {
  const auto found = every_order(two_ask(1), 100'000);
  REQUIRE(found.broken == "two are in");
  auto again = two_ask(1);
  for (const auto i : found.choices) {
    CHECK(again.broken().empty());
    again.take(i);
  }
  CHECK(again.broken() == "two are in");
}

TEST_CASE(
    "every order: what is bounded does not happen more often, and a search that is cut says so") {
  CHECK(every_order(two_ask(1, {.deliveries = 1, .crashes = 0}), 100'000).broken == "");
  CHECK_FALSE(every_order(two_ask(2), 10).whole);
}

TEST_CASE(
    "every order: crashes take what is on its way to the dead, and others may be told at any "
    "time") {
  const auto without = every_order(two_ask(2), 1'000'000);
  const auto with = every_order(two_ask(2, {.crashes = 1}), 1'000'000);
  CHECK(with.broken == "");
  CHECK(with.whole);
  CHECK(with.states > 10 * without.states);
}

// Every protocol that is registered keeps its promises under its own swarm, and replays exactly.
#include "patterns/protocols.hpp"
#include "seeds.hpp"

#include <algorithm>

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace std::chrono_literals;

simulation::plan drawn(const simulation::protocol& p, std::uint64_t seed) {
  const auto most = std::min(p.members_max, std::max(p.members_min, 5U));
  const auto members =
      p.members_min + static_cast<simulation::member>(seed % (most - p.members_min + 1));
  return simulation::draw(seed, members, 20s, p.calm, p.swarm(20s));
}

std::vector<std::uint64_t> few_seeds() {
  auto all = test::seeds();
  all.resize(std::max<std::size_t>(1, all.size() / 4));
  return all;
}
}  // namespace

TEST_CASE("protocols: each has a name of its own, a line of help, and promises") {
  for (const auto& p : all_protocols()) {
    CAPTURE(p.name);
    CHECK(protocol_named(p.name) == &p);
    CHECK(!p.help.empty());
    CHECK(p.help.find('\n') == std::string::npos);
    CHECK(!p.promises.empty());
    CHECK((p.members_min <= p.members_usual && p.members_usual <= p.members_max));
    for (const auto& c : p.choices) CHECK(!c.values.empty());
  }
  CHECK(protocol_named("nothing of the kind") == nullptr);
}

TEST_CASE(
    "protocols: under its own swarm each keeps its promises, and the same seed does the same") {
  for (const auto& p : all_protocols()) {
    CAPTURE(p.name);
    for (const auto seed : few_seeds()) {
      CAPTURE(seed);
      const auto what = drawn(p, seed);
      CAPTURE(simulation::timeline(what));
      const auto quiet = p.run(what, {});
      CHECK_MESSAGE(!quiet.judged.failed(), to_string(quiet.judged));
      CHECK(quiet.judged.steps > 0);
      CHECK(quiet.events.empty());
      const auto told = p.run(what, {.lines = true});
      CHECK(told.judged == quiet.judged);
      CHECK(!told.events.empty());
      CHECK(p.run(what, {.lines = true}).events == told.events);
    }
  }
}

TEST_CASE("protocols: each value of each choice runs, and what is no value is refused") {
  for (const auto& p : all_protocols()) {
    CAPTURE(p.name);
    const auto what = drawn(p, 1);
    CHECK(p.refusal(what, {}).empty());
    auto many = what;
    many.members = p.members_max + 1;
    CHECK(!p.refusal(many, {}).empty());
    CHECK(!p.refusal(what, {.chosen = {{"no such choice", "x"}}}).empty());
    for (const auto& c : p.choices) {
      CHECK(!p.refusal(what, {.chosen = {{c.name, "no such value"}}}).empty());
      for (const auto& value : c.values) {
        CAPTURE(value);
        const simulation::settings chosen{.chosen = {{c.name, value}}};
        CHECK(p.refusal(what, chosen).empty());
        const auto v = p.run(what, chosen).judged;
        CHECK_MESSAGE(!v.failed(), to_string(v));
      }
    }
  }
}

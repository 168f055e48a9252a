// Who serves, by what was heard before: a row's last word and all that it does.
#include "patterns/consensus/serving.hpp"

#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
namespace {
using troupe::serving;

// "up a": and so on, as the functions of serving are named; "mute" is a pong of one that is out of touch.
serving::output step(serving& core, const std::string& input) {
  std::istringstream words{input};
  std::string what, node;
  words >> what >> node;
  if (what == "up") return core.up(node);
  if (what == "down") return core.down(node);
  if (what == "leads") return core.leads(node);
  if (what == "wanted") return core.wanted(true);
  if (what == "unwanted") return core.wanted(false);
  if (what == "closed") return core.closed();
  if (what == "again") return core.again();
  if (what == "tick") return core.tick();
  if (what == "heard") return core.heard(), serving::output{};
  if (what == "pong") return core.ponged(true), serving::output{};
  REQUIRE(what == "mute");
  return core.ponged(false), serving::output{};
}
std::string text(const serving::output& out) {
  std::string all;
  if (out.leave) all += "leave ";
  if (!out.serve.empty()) all += "serve " + out.serve + " ";
  if (out.ping) all += "ping ";
  if (out.exhausted) all += "exhausted ";
  if (!all.empty()) all.pop_back();
  return all;
}
void expect(const std::string& row, serving::settings s, const std::vector<std::string>& inputs,
            const std::string& last) {
  CAPTURE(row);
  serving core{std::move(s)};
  serving::output out;
  for (const auto& input : inputs) out = step(core, input);
  CHECK(text(out) == last);
}
const serving::settings stays{.prefer = "b"}, follows{.prefer = "b", .follows = true};
}  // namespace

TEST_CASE("serving: the first is there when one is wanted") {
  expect("nobody is wanted", stays, {"up a"}, "");
  expect("nobody is there", stays, {"wanted"}, "");
  expect("who comes first", stays, {"wanted", "up a"}, "serve a");
  expect("the preferred of several", stays, {"up a", "up b", "up c", "wanted"}, "serve b");
  expect("or one by the seed", {.seed = 5}, {"up a", "up b", "up c", "wanted"}, "serve c");
  expect("who serves stays", stays, {"wanted", "up a", "up b"}, "");
  expect("and when nobody is wanted", stays, {"wanted", "up a", "unwanted"}, "");
  expect("but is not replaced then", stays, {"wanted", "up a", "up b", "unwanted", "down a"},
         "leave");
}

TEST_CASE("serving: who is gone is left for the next in turn") {
  expect("down", {}, {"wanted", "up b", "up a", "up c", "down b"}, "leave serve c");
  expect("after the last the first", {}, {"wanted", "up c", "up a", "up b", "down c"},
         "leave serve a");
  expect("the only one", stays, {"wanted", "up a", "down a"}, "leave");
  expect("another than who serves", stays, {"wanted", "up a", "up b", "down b"}, "");
  expect("the preferred before who is in turn", stays, {"wanted", "up z", "up a", "up b", "down z"},
         "leave serve b");
  expect("the same node with another handle, the preferred", stays, {"wanted", "up b", "up b"},
         "leave serve b");
  expect("the same node with another handle", {}, {"wanted", "up a", "up c", "up a"},
         "leave serve c");
}

TEST_CASE("serving: who closes is left, and each is gone to once before a tick") {
  expect("the next", {}, {"wanted", "up a", "up b", "closed"}, "leave serve b");
  expect("all have", {}, {"wanted", "up a", "up b", "again", "closed", "closed", "closed"},
         "leave exhausted");
  expect("late news of it", {}, {"wanted", "up a", "closed", "closed"}, "");
  expect("again", {}, {"wanted", "up a", "closed", "again"}, "serve a");
  expect("the tick", {}, {"wanted", "up a", "closed", "tick"}, "serve a");
  expect("one goes", {}, {"wanted", "up a", "up b", "up c", "closed", "closed", "down c"},
         "leave serve a");
  expect("one that is new", {}, {"wanted", "up a", "closed", "up b"}, "serve b");
}

TEST_CASE("serving: who is silent or out of touch is left with the second tick") {
  expect("the first tick", stays, {"wanted", "up b", "up a", "tick"}, "ping");
  expect("the second", stays, {"wanted", "up b", "up a", "tick", "tick"}, "leave serve a");
  expect("silence must be at a stretch", stays,
         {"wanted", "up b", "up a", "tick", "heard", "tick", "tick"}, "ping");
  expect("anew with another", {}, {"wanted", "up a", "up b", "tick", "tick", "tick"}, "ping");
  expect("whatever the one before said", {},
         {"wanted", "up a", "up b", "heard", "closed", "tick", "tick"}, "leave serve a");
  expect("the only one is asked anew", stays, {"wanted", "up b", "tick", "tick"}, "leave serve b");
  expect("out of touch once", stays, {"wanted", "up b", "up a", "mute", "tick"}, "ping");
  expect("twice", stays, {"wanted", "up b", "up a", "mute", "tick", "mute", "tick"},
         "leave serve a");
  expect("not at a stretch", stays,
         {"wanted", "up b", "up a", "mute", "tick", "pong", "mute", "tick"}, "ping");
  expect("the only one", stays, {"wanted", "up b", "mute", "tick", "mute", "tick"}, "ping");
}

TEST_CASE("serving: to who was left it does not go back before its turn") {
  expect("preferred", stays, {"wanted", "up b", "up a", "up c", "tick", "tick", "tick", "tick"},
         "leave serve a");
  expect("after it came up anew", stays,
         {"wanted", "up b", "up a", "up c", "tick", "tick", "up b", "tick", "tick"},
         "leave serve b");
  expect("leader and preferred, both left", follows,
         {"leads a", "up a", "up b", "up c", "wanted", "tick", "tick", "tick", "tick"},
         "leave serve c");
}

TEST_CASE("serving: the leader is followed, if it is wished") {
  expect("first", follows, {"up a", "up b", "leads a", "wanted"}, "serve a");
  expect("when elected", follows, {"wanted", "up a", "up b", "leads a"}, "leave serve a");
  expect("when it comes up", follows, {"wanted", "leads a", "up b", "up a"}, "leave serve a");
  expect("not known yet", follows, {"wanted", "up a", "leads c"}, "");
  expect("it serves", follows, {"wanted", "up a", "leads a"}, "");
  expect("nobody leads: the preferred", follows, {"wanted", "leads a", "up a", "up b", "leads"},
         "leave serve b");
  expect("silent: the preferred", follows,
         {"wanted", "leads a", "up a", "up b", "up c", "tick", "tick"}, "leave serve b");
  expect("left, and elected anew", follows,
         {"wanted", "leads a", "up a", "up b", "tick", "tick", "leads a"}, "leave serve a");
  expect("left, and another comes up", follows,
         {"wanted", "leads a", "up a", "up b", "tick", "tick", "up c"}, "");
  expect("while nobody is wanted", follows, {"wanted", "up b", "up a", "unwanted", "leads a"}, "");
  expect("and then", follows, {"wanted", "up b", "up a", "unwanted", "leads a", "wanted"},
         "leave serve a");
}

// A node and its ends: by whoever asks, from whatever thread, and its lives, one after the other.
#include "cluster/node.hpp"

#include "cluster/data_directory.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/shutdown.hpp"
#include "temp_directory.hpp"
#include "wait_until.hpp"

#include <atomic>
#include <filesystem>
#include <future>
#include <thread>

#include <caf/all.hpp>
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>
using namespace troupe;
using namespace std::chrono_literals;
namespace {
node_settings quick(const std::string& name) {
  node_settings s;
  s.name = name;
  s.membership.leaving_for = s.membership.exiting_for = 20ms;
  s.map_slots = s.reduce_slots = 1;
  s.threads = 2;
  return s;
}

// `run` in a thread of its own, as a program does it in main.
struct running {
  explicit running(node& n) : ended{std::async(std::launch::async, [&n] { return n.run(); })} {}
  bool over(std::chrono::milliseconds within = 60s) {
    return ended.wait_for(within) == std::future_status::ready;
  }
  std::future<exit_code> ended;
};
}  // namespace

TEST_CASE("node: what does not end in time ends the process") {
  const auto child = ::fork();
  if (child == 0) {
    { const watchdog in_time{"nobody", 50ms}; }
    const watchdog stuck{"somebody", 50ms};
    ::pause();
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 1);
}

TEST_CASE("node: a stop from any thread ends a run, and comes back when it has ended") {
  for (int round = 0; round < 5; ++round) {
    CAPTURE(round);
    std::atomic<int> lives = 0;
    node n{quick("a"), [&](node&) { ++lives; }};
    running runs{n};
    // Also while it is only being started.
    if (round % 2 == 0) REQUIRE(test::wait_until([&] { return lives == 1; }, 60s));
    std::thread other{[&] { n.stop(); }};
    n.stop();
    other.join();
    if (round % 2 == 0) {
      REQUIRE(runs.over());
    } else if (!runs.over(1s)) {  // the stop may have come first: then it is a run like any other
      REQUIRE(test::wait_until([&] { return lives == 1; }, 60s));
      n.stop();
      REQUIRE(runs.over());
    }
    CHECK(runs.ended.get() == exit_code::done);
    CHECK_THROWS_AS(n.system(), std::logic_error);
    CHECK(n.members().empty());
  }
}

TEST_CASE("node: it can be started again after it was stopped, and nothing old is left to obey") {
  node n{quick("a")};
  REQUIRE(n.start());
  REQUIRE(n.wait_until_up(60s));
  n.stop();
  n.stop();
  REQUIRE(n.start());
  REQUIRE(n.start());
  CHECK(n.wait_until_up(60s));
  CHECK(!n.stop_requested(0ms));
  n.stop();
  CHECK(n.stop_requested(1h));  // there is nothing to wait for
}

TEST_CASE("node: a stop from within on_start is a wish that run serves") {
  node n{quick("a"), [](node& self) { self.stop(); }};
  running runs{n};
  REQUIRE(runs.over());
  CHECK(runs.ended.get() == exit_code::done);
}

TEST_CASE("node: a life that has lost a part is over, and the next one has it again") {
  std::atomic<int> lives = 0;
  node n{quick("a"), [&](node&) { ++lives; }};
  running runs{n};
  REQUIRE(test::wait_until([&] { return lives == 1; }, 60s));
  const auto address = n.address();
  caf::anon_send_exit(n.membership(), caf::exit_reason::unhandled_exception);
  REQUIRE(test::wait_until([&] { return lives == 2; }, 60s));
  CHECK(n.wait_until_up(60s));
  CHECK(n.address() == address);
  caf::anon_send_exit(n.receptionist(), caf::exit_reason::kill);
  REQUIRE(test::wait_until([&] { return lives == 3; }, 60s));
  n.stop();
  REQUIRE(runs.over());
}

TEST_CASE("node: a program with a loop of its own has its node built anew as well") {
  std::atomic<int> lives = 0;
  node n{quick("a"), [&](node&) { ++lives; }};
  REQUIRE(n.start());
  CHECK(!n.stop_requested(1ms));
  caf::anon_send_exit(n.membership(), caf::exit_reason::kill);
  CHECK(test::wait_until([&] { return n.stop_requested(10ms) || lives == 2; }, 60s));
  CHECK(lives == 2);
  std::thread other{[&] { n.stop(); }};
  CHECK(test::wait_until([&] { return n.stop_requested(10ms); }, 60s));
  other.join();
}

TEST_CASE("node: a life that cannot begin is tried again, until it is stopped") {
  const test::temp_directory in;
  const auto folder = in / "events";
  std::filesystem::create_directory(folder);
  auto settings = quick("a");
  settings.events = (folder / "a.events").string();
  std::atomic<int> lives = 0;
  node n{settings, [&](node&) { ++lives; }};
  running runs{n};
  REQUIRE(test::wait_until([&] { return lives == 1; }, 60s));
  std::filesystem::remove_all(folder);
  caf::anon_send_exit(n.membership(), caf::exit_reason::kill);
  REQUIRE(test::wait_until(
      [&] {
        try {
          n.system();
          return false;
        } catch (const std::logic_error&) {
          return true;
        }
      },
      60s));
  SUBCASE("it begins once the reason has gone") {
    std::filesystem::create_directory(folder);
    CHECK(test::wait_until([&] { return lives == 2; }, 60s));
    n.stop();
  }
  SUBCASE("or not at all") {
    n.stop();
    CHECK(lives == 1);
  }
  REQUIRE(runs.over());
  CHECK(runs.ended.get() == exit_code::done);
}

TEST_CASE("node: it notes down the other members, and forgets them when it leaves") {
  const test::temp_directory in;
  {
    const auto held = data_directory::take(in.path().string(), "a");
    REQUIRE(held);
    CHECK(held->members().empty());
    held->remember({"b:1", "c:1"});
    CHECK(held->members() == std::vector<std::string>{"b:1", "c:1"});
    held->remember({});
    CHECK(held->members().empty());
  }
  auto first = quick("a"), second = quick("b");
  first.data = (in / "a").string();
  second.data = (in / "b").string();
  node a{first};
  REQUIRE(a.start());
  second.seeds = {a.address()};
  node b{second};
  REQUIRE(b.start());
  const auto noted = in / "a" / "members";
  CHECK(test::wait_until([&] { return std::filesystem::exists(noted); }, 60s));
  CHECK(test::read_file(noted) == b.address() + "\n");
  a.stop();
  CHECK(!std::filesystem::exists(noted));
}

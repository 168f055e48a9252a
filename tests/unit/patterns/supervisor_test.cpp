#include "supervisor_host.hpp"

#include <algorithm>

#include <doctest/doctest.h>

// OTP's documented semantics, section by section (Supervision Principles; supervisor(3)).
namespace {
using namespace troupe::supervisor;
using namespace std::chrono_literals;
}  // namespace

TEST_CASE("supervisor: children start in order and stop in reverse (Start and Stop)") {
  host h{of(strategy::one_for_one), abc};
  CHECK(h.begin().did() == "start a, start b, start c");
  CHECK(h.give(shut_down{}).did() == "stop c, stop b, stop a");
  CHECK(h.ended == end::shut_down);
  CHECK(h.give(start{}).did() == "");
}

TEST_CASE("supervisor: strategies decide who restarts (Restart Strategy)") {
  const auto after_b = [](strategy how) {
    host h{of(how), abc};
    h.begin().did();
    return h.dies("b").did();
  };
  CHECK(after_b(strategy::one_for_one) == "start b");
  CHECK(after_b(strategy::one_for_all) == "stop c, stop a, start a, start b, start c");
  CHECK(after_b(strategy::rest_for_one) == "stop c, start b, start c");
}

TEST_CASE("supervisor: the kind of a child decides whether it restarts (Child Specification)") {
  const auto after = [](restart kind, ending how) {
    host h{of(strategy::one_for_one), {spec("a", kind)}};
    h.begin().did();
    const auto did = h.dies("a", how).did();
    return did + (h.find("a") ? "" : "forgotten");
  };
  CHECK(after(restart::permanent, ending::normal) == "start a");
  CHECK(after(restart::permanent, ending::shutdown) == "start a");
  CHECK(after(restart::permanent, ending::abnormal) == "start a");
  CHECK(after(restart::transient, ending::normal) == "");
  CHECK(after(restart::transient, ending::shutdown) == "");
  CHECK(after(restart::transient, ending::abnormal) == "start a");
  CHECK(after(restart::temporary, ending::normal) == "forgotten");
  CHECK(after(restart::temporary, ending::abnormal) == "forgotten");
}

TEST_CASE(
    "supervisor: a temporary child never restarts, not even when a sibling's death stops it") {
  for (const auto how : {strategy::one_for_all, strategy::rest_for_one}) {
    host h{of(how), {spec("a"), spec("b", restart::temporary), spec("c")}};
    h.begin().did();
    CHECK(h.dies("a").did() == "stop c, stop b, start a, start c");
    CHECK(!h.find("b"));
    CHECK(h.dies("a").did() == "stop c, start a, start c");
  }
  host h{of(strategy::one_for_all), {spec("a"), spec("b", restart::temporary)}};
  h.begin().did();
  CHECK(h.dies("b").did() == "");
}

TEST_CASE("supervisor: a transient child that had ended starts again with its group") {
  host h{of(strategy::one_for_all), {spec("a", restart::transient), spec("b")}};
  h.begin().did();
  CHECK(h.dies("a", ending::normal).did() == "");
  CHECK(h.dies("b").did() == "start a, start b");
}

TEST_CASE(
    "supervisor: more than intensity restarts within the period end it (Maximum Restart "
    "Intensity)") {
  const settings twice_in_5s{.intensity = 2, .period = 5s};
  host h{twice_in_5s, abc};
  h.begin().did();
  CHECK(h.dies("a").did() == "start a");
  h.now = 2s;
  CHECK(h.dies("b").did() == "start b");
  h.now = 5s;  // exactly the period after the first: still within
  CHECK(h.dies("a").did() == "stop c, stop b");
  CHECK(h.ended == end::escalated);
  CHECK(h.events.back() == event{note::gave_up, "a", {}});

  host slow{twice_in_5s, abc};
  slow.begin().did();
  for (int i = 0; i < 10; ++i) {
    slow.now += 2501ms;
    CHECK(slow.dies("a").did() == "start a");
  }
  CHECK(!slow.ended);

  host never{of(strategy::one_for_one, 0), abc};
  never.begin().did();
  never.dies("c");
  CHECK(never.ended == end::escalated);
}

TEST_CASE("supervisor: a group restart counts once") {
  host h{of(strategy::one_for_all, 1), abc};
  h.begin().did();
  h.dies("c");
  CHECK(!h.ended);
  h.dies("c");
  CHECK(h.ended == end::escalated);
}

TEST_CASE("supervisor: a child that cannot start ends a supervisor that is starting (start_link)") {
  host h{of(strategy::one_for_one), abc};
  h.cannot_start = {"c"};
  CHECK(h.begin().did() == "start a, start b, start c, stop b, stop a");
  CHECK(h.ended == end::start_failed);
}

TEST_CASE("supervisor: a restart that fails is tried again, and counted") {
  host h{of(strategy::one_for_one, 3), abc};
  h.begin().did();
  h.cannot_start = {"b"};
  CHECK(h.dies("b").did() == "start b, start b, start b, stop c, stop a");
  CHECK(h.ended == end::escalated);

  host rest{of(strategy::rest_for_one, 1), abc};
  rest.begin().did();
  rest.cannot_start = {"b"};
  CHECK(rest.dies("b").did() == "stop c, start b, stop a");  // c waits for b
  CHECK(rest.ended == end::escalated);
}

TEST_CASE("supervisor: a group whose later member cannot start is stopped and started as a whole") {
  const settings slowly{
      .how = strategy::one_for_all, .intensity = 10, .delay = {.least = 1s, .jitter = 0}};
  host h{slowly, abc};
  h.begin().did();
  h.cannot_start = {"c"};
  CHECK(h.dies("a").did() == "stop c, stop b");
  CHECK(h.wait(1s).did() == "start a, start b, start c, stop b, stop a");
  h.cannot_start.clear();
  CHECK(h.wait(2s).did() == "start a, start b, start c");
}

TEST_CASE("supervisor: shutdown has a time-out per child (shutdown)") {
  auto slow = spec("slow");
  slow.shutdown = 3s;
  auto brutal = spec("brutal");
  brutal.shutdown = 0s;
  auto tree = spec("tree");
  tree.shutdown = std::nullopt;
  host h{of(strategy::one_for_one), {tree, slow, brutal}};
  h.stubborn = {"slow", "tree"};
  h.begin().did();
  CHECK(h.give(shut_down{}).did() == "kill brutal, stop slow");
  CHECK(h.wake == instant{3s});
  CHECK(h.wait(2999ms).did() == "");
  CHECK(h.wait(1ms).did() == "kill slow, stop tree");
  CHECK(!h.wake);  // as long as it takes
  CHECK(h.wait(24h).did() == "");
  CHECK(!h.ended);
  h.dies("tree", ending::shutdown);
  CHECK(h.ended == end::shut_down);
}

TEST_CASE("supervisor: who survives being killed is abandoned") {
  settings s = of(strategy::one_for_all);
  s.kill_limit = 2s;
  host h{s, abc};
  h.immortal = {"b"};
  h.begin().did();
  const auto old_run = h.runs["b"];
  CHECK(h.dies("a").did() == "stop c, stop b");
  CHECK(h.wait(5s).did() == "kill b");
  CHECK(h.wake == instant{7s});
  CHECK(h.wait(2s).did() == "start a, start b, start c");
  CHECK(h.events.back() == event{note::abandoned, "b", {}});
  // its end, when it comes at last, is nobody's any more
  CHECK(h.give(exited{"b", old_run, ending::abnormal}).did() == "");
  CHECK(!h.ended);
}

TEST_CASE("supervisor: restarts back off, up to a bound, and forget after a good run") {
  settings s = of(strategy::one_for_one, 100);
  s.delay = {.least = 100ms, .most = 1s, .jitter = 0, .reset_after = 10s};
  host h{s, abc};
  h.begin().did();
  for (const auto delay : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
    CHECK(h.dies("b").did() == "");
    CHECK(h.wake == h.now + delay);
    CHECK(h.events.back() == event{note::restarting, "b", delay});
    CHECK(h.wait(delay - 1ms).did() == "");
    CHECK(h.wait(1ms).did() == "start b");
  }
  h.now += 10s;
  h.dies("b");
  CHECK(h.events.back().delay == 100ms);
  CHECK(h.dies("c").events.back().delay == 100ms);  // each child its own
  CHECK(h.wait(100ms).did() == "start b, start c");
}

TEST_CASE("supervisor: a child that cannot start backs off as well, however well it ran before") {
  settings s = of(strategy::one_for_one, 100);
  s.delay = {.least = 1s, .most = 60s, .jitter = 0, .reset_after = 10s};
  host h{s, abc};
  h.begin().did();
  h.now = 1h;
  h.cannot_start = {"a"};
  h.dies("a");
  for (const auto delay : {1s, 2s, 4s, 8s, 16s}) {
    CHECK(h.wake == h.now + delay);
    h.wait(delay);
  }
}

TEST_CASE("supervisor: jitter shortens a delay by up to its share, the same for the same seed") {
  settings s = of(strategy::one_for_one, 1000000);
  s.delay = {.least = 1s, .most = 1s, .jitter = 0.5};
  const auto delays = [&](std::uint64_t seed) {
    host h{s, {spec("a")}, seed};
    h.begin();
    std::vector<nanoseconds> all;
    for (int i = 0; i < 100; ++i) {
      h.dies("a");
      all.push_back(h.events.back().delay);
      h.wait(1s);
    }
    return all;
  };
  const auto one = delays(1);
  CHECK(one == delays(1));
  CHECK(one != delays(2));
  const auto [least, most] = std::minmax_element(one.begin(), one.end());
  CHECK(*least >= 500ms);
  CHECK(*most <= 1s);
  CHECK(*most - *least > 300ms);
}

TEST_CASE("supervisor: a waiting group is restarted with whoever fails before it") {
  settings s = of(strategy::rest_for_one);
  s.delay = {.least = 1s, .jitter = 0};
  host h{s, abc};
  h.begin().did();
  h.dies("b");
  CHECK(h.did() == "stop c");
  h.now += 500ms;
  CHECK(h.dies("a").did() == "");
  CHECK(h.wait(999ms).did() == "");
  CHECK(h.wait(1ms).did() == "start a, start b, start c");
}

TEST_CASE("supervisor: a restart of a group does not cut a longer wait within it short") {
  settings s = of(strategy::rest_for_one);
  s.delay = {.least = 1s, .jitter = 0};
  host h{s, abc};
  h.begin().did();
  h.dies("b").wait(1s).dies("b").wait(2s).dies("b").did();
  CHECK(h.events.back().delay == 4s);
  CHECK(h.dies("a").did() == "");
  CHECK(h.wait(3999ms).did() == "");
  CHECK(h.wait(1ms).did() == "start a, start b, start c");
}

TEST_CASE(
    "supervisor: a child stopped by command stays stopped, though it died before its turn came") {
  host h{of(strategy::rest_for_one), {spec("a"), spec("b"), spec("c")}};
  h.stubborn = {"c"};
  h.begin().did();
  h.dies("b").give(command{stop_child{1, "a"}}).dies("a");
  CHECK(h.wait(5s).did() == "stop c, kill c, start b, start c");
  CHECK(h.replies.back() == reply{1, {}});
  CHECK(!h.runs.count("a"));
}

TEST_CASE("supervisor: a significant child whose restart is due has not ended") {
  auto x = spec("x", restart::transient), y = spec("y", restart::transient);
  x.significant = y.significant = true;
  host h{{.how = strategy::rest_for_one, .intensity = 9, .when = auto_shutdown::all_significant},
         {x, y, spec("b"), spec("c")}};
  h.stubborn = {"c"};
  h.begin().did();
  h.dies("b").dies("y", ending::normal).dies("x");
  CHECK(h.wait(5s).did() ==
        "stop c, kill c, start b, start c, stop c");  // then x, and all after it
  CHECK(h.wait(5s).did() == "kill c, stop b, start x, start y, start b, start c");
  CHECK(!h.ended);
}

TEST_CASE("supervisor: what dies during a restart is dealt with after it") {
  host h{of(strategy::one_for_all), abc};
  h.stubborn = {"c"};
  h.begin().did();
  CHECK(h.dies("a").did() == "stop c");
  CHECK(h.dies("b").did() == "");  // it was to be stopped anyway: no restart more
  h.stubborn.clear();
  CHECK(h.wait(5s).did() == "kill c, start a, start b, start c");
  CHECK(h.find("a")->restarts == 1);
}

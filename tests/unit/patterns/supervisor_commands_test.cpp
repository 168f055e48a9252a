#include "supervisor_host.hpp"

#include <doctest/doctest.h>

// What clients may ask of a supervisor, and children that count (supervisor(3)).
namespace {
using namespace troupe::supervisor;
using namespace std::chrono_literals;
}  // namespace

TEST_CASE(
    "supervisor: children come and go by command (start_child, terminate_child, restart_child, "
    "delete_child)") {
  host h{of(strategy::one_for_one), {spec("a")}};
  h.begin().did();
  CHECK(h.give(command{add_child{1, spec("b")}}).did() == "start b");
  CHECK(h.replies.back() == reply{1, {}});
  h.give(command{add_child{2, spec("b")}});
  CHECK(h.replies.back() == reply{2, refusal::already_exists});
  h.give(command{restart_child{3, "b"}});
  CHECK(h.replies.back() == reply{3, refusal::running});
  h.give(command{delete_child{4, "b"}});
  CHECK(h.replies.back() == reply{4, refusal::running});
  CHECK(h.give(command{stop_child{5, "b"}}).did() == "stop b");
  CHECK(h.replies.back() == reply{5, {}});
  CHECK(h.find("b"));
  CHECK(h.give(command{restart_child{6, "b"}}).did() == "start b");
  CHECK(h.give(command{stop_child{7, "b"}}).did() == "stop b");
  h.give(command{delete_child{8, "b"}});
  CHECK(h.replies.back() == reply{8, {}});
  CHECK(!h.find("b"));
  for (const command& c : {command{stop_child{9, "b"}}, command{restart_child{9, "b"}},
                           command{delete_child{9, "b"}}}) {
    h.give(c);
    CHECK(h.replies.back() == reply{9, refusal::not_found});
  }
  h.give(command{add_child{10, spec("")}});
  CHECK(h.replies.back() == reply{10, refusal::invalid});
  h.cannot_start = {"d"};
  h.give(command{add_child{11, spec("d")}});
  CHECK(h.replies.back() == reply{11, refusal::start_failed});
  CHECK(!h.find("d"));
  // one that was stopped by command is forgotten if it was temporary
  h.give(command{add_child{12, spec("t", restart::temporary)}}).give(command{stop_child{13, "t"}});
  CHECK(!h.find("t"));
}

TEST_CASE("supervisor: a command cancels a restart that waits") {
  settings s = of(strategy::one_for_one);
  s.delay = {.least = 1s, .jitter = 0};
  host h{s, abc};
  h.begin().did();
  h.dies("a");
  h.give(command{restart_child{1, "a"}});
  CHECK(h.replies.back() == reply{1, refusal::restarting});
  h.give(command{stop_child{2, "a"}});
  CHECK(h.replies.back() == reply{2, {}});
  CHECK(h.wait(10s).did() == "");
}

TEST_CASE("supervisor: commands wait for the plan under way, and are refused at the end") {
  host h{of(strategy::one_for_all), abc};
  h.stubborn = {"c"};
  h.begin().did();
  h.dies("a");
  h.give(command{add_child{1, spec("d")}});
  CHECK(h.replies.empty());
  h.give(shut_down{});
  CHECK(h.replies.back() == reply{1, refusal::stopping});
  h.give(command{stop_child{2, "b"}});
  CHECK(h.replies.back() == reply{2, refusal::stopping});
  CHECK(h.wait(5s).did() == "stop c, kill c, stop b");
  CHECK(h.ended == end::shut_down);
}

TEST_CASE("supervisor: significant children end it when they end (Automatic Shutdown)") {
  auto x = spec("x", restart::transient), y = spec("y", restart::temporary);
  x.significant = y.significant = true;
  host any{{.intensity = 5, .when = auto_shutdown::any_significant}, {spec("a"), x, y}};
  any.begin().did();
  CHECK(any.dies("x").did() == "start x");  // restarted: it has not ended for good
  CHECK(any.dies("y").did() == "stop x, stop a");
  CHECK(any.ended == end::auto_shut_down);

  host all{{.when = auto_shutdown::all_significant}, {spec("a"), x, y}};
  all.begin().did();
  CHECK(all.dies("y").did() == "");
  CHECK(all.dies("x", ending::normal).did() == "stop a");
  CHECK(all.ended == end::auto_shut_down);

  host by_command{{.when = auto_shutdown::any_significant}, {spec("a"), x}};
  by_command.begin().did();
  by_command.give(command{stop_child{1, "x"}});
  CHECK(!by_command.ended);
}

TEST_CASE("supervisor: unusable lists of children are refused") {
  auto significant = spec("a");
  significant.significant = true;
  CHECK(check({}, abc) == std::nullopt);
  CHECK(check({}, {spec("a"), spec("b"), spec("a")}) == refusal::already_exists);
  CHECK(check({}, {spec("")}) == refusal::invalid);
  CHECK(check({.when = auto_shutdown::any_significant}, {significant}) ==
        refusal::invalid);  // permanent never ends
  significant.kind = restart::transient;
  CHECK(check({}, {significant}) == refusal::invalid);
  CHECK(check({.when = auto_shutdown::any_significant}, {significant}) == std::nullopt);
}

TEST_CASE("supervisor: reports of an older run, or of nobody, change nothing") {
  host h{of(strategy::one_for_one), abc};
  h.begin().did();
  const auto old_run = h.runs["a"];
  h.dies("a").did();
  CHECK(h.give(exited{"a", old_run, ending::abnormal}).did() == "");
  CHECK(h.give(start_failed{"a", old_run}).did() == "");
  CHECK(h.give(started{"b", 99}).did() == "");
  CHECK(h.give(exited{"nobody", 1, ending::abnormal}).did() == "");
  CHECK(h.find("a")->restarts == 1);
}

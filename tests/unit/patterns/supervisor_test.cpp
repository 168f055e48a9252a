#include "patterns/resilience/supervisor.hpp"

#include "seeds.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <doctest/doctest.h>

// OTP's documented semantics, section by section (Supervision Principles; supervisor(3)).
namespace {
using namespace troupe::supervisor;
using namespace std::chrono_literals;

child_spec spec(std::string id, restart kind = restart::permanent) {
  return {.id = std::move(id), .kind = kind};
}

std::string text(const action& a) {
  const char* const words[] = {"start ", "stop ", "kill "};
  return words[static_cast<int>(a.what)] + a.id;
}

// A host that carries out everything at once, and writes down what it was told to do.
class host {
 public:
  host(settings how, std::vector<child_spec> children, std::uint64_t seed = 1)
      : core_{how, children, seed} {}

  host& give(const input& in) {
    output out;
    core_.step(in, now, out);
    take(out);
    return *this;
  }
  host& begin() { return give(start{}); }
  host& dies(const std::string& id, ending how = ending::abnormal) {
    const auto run = runs.at(id);
    runs.erase(id);
    return give(exited{id, run, how});
  }
  host& wait(nanoseconds d) {
    now += d;
    return give(tick{});
  }
  // what was done since the last look
  std::string did() {
    auto all = std::move(done);
    done.clear();
    return all;
  }
  const child* find(const std::string& id) const {
    for (const auto& c : core_.children())
      if (c.spec.id == id) return &c;
    return nullptr;
  }

  instant now{};
  std::string done;
  std::map<std::string, std::uint64_t> runs;  // what runs
  std::set<std::string> cannot_start, stubborn, immortal;
  std::vector<reply> replies;
  std::vector<event> events;
  std::optional<end> ended;
  std::optional<instant> wake;

 private:
  void take(const output& out) {
    for (const auto& a : out.act) done += (done.empty() ? "" : ", ") + text(a);
    replies.insert(replies.end(), out.replies.begin(), out.replies.end());
    events.insert(events.end(), out.events.begin(), out.events.end());
    if (out.ended) ended = out.ended;
    wake = out.wake;
    for (const auto& a : out.act) obey(a);
  }
  void obey(const action& a) {
    if (a.what == verb::launch && cannot_start.count(a.id)) {
      give(start_failed{a.id, a.run});
    } else if (a.what == verb::launch) {
      runs[a.id] = a.run;
      give(started{a.id, a.run});
    } else if (immortal.count(a.id) || (a.what == verb::ask_to_stop && stubborn.count(a.id))) {
      return;
    } else {
      runs.erase(a.id);
      give(exited{a.id, a.run, a.what == verb::kill ? ending::abnormal : ending::shutdown});
    }
  }
  core core_;
};

settings of(strategy how, std::uint32_t intensity = 10) {
  return {.how = how, .intensity = intensity};
}
const std::vector<child_spec> abc{spec("a"), spec("b"), spec("c")};
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

// A host whose children start, die and stop when chance says so.
TEST_CASE("supervisor: any order of endings keeps the promises") {
  for (const auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    std::mt19937_64 chance{seed};
    const auto pick = [&](std::uint64_t n) { return chance() % n; };
    settings s;
    s.how = static_cast<strategy>(pick(3));
    s.intensity = static_cast<std::uint32_t>(pick(30));
    s.delay.least = pick(2) ? 0ms : 10ms;
    s.kill_limit = 20ms;
    std::vector<child_spec> children;
    for (const auto* id : {"a", "b", "c", "d", "e"}) {
      children.push_back(spec(id, static_cast<restart>(pick(3))));
      children.back().shutdown =
          pick(4) ? std::optional<nanoseconds>{pick(3) * 10ms} : std::nullopt;
    }
    core c{s, children, seed};
    instant now{};
    std::map<std::uint64_t, action> starting, running;  // by run
    std::set<std::uint64_t> asked, killed;
    std::uint64_t commands = 0, replies = 0;
    bool ended = false;
    const auto step = [&](const input& in) {
      output out;
      c.step(in, now, out);
      for (const auto& a : out.act) {
        if (a.what == verb::launch) {
          for (const auto& [run, other] : running)  // never two, unless one was abandoned
            REQUIRE((other.id != a.id || killed.count(run)));
          REQUIRE(starting.empty());  // one after the other
          starting[a.run] = a;
        } else {
          REQUIRE(running.count(a.run));
          // in reverse order: nobody started later is still unasked in a shutdown
          (a.what == verb::kill ? killed : asked).insert(a.run);
        }
      }
      replies += out.replies.size();
      if (out.ended) {
        ended = true;
        for (const auto& [run, a] : running) REQUIRE(killed.count(run));
      }
      const auto& all = c.children();
      for (const auto& kid : all)
        if (kid.at == phase::waiting) REQUIRE(out.wake.has_value());
    };
    step(start{});
    for (int i = 0; i < 400 && !ended; ++i) {
      now += nanoseconds{pick(20'000'000)};
      const auto some = [&](auto& map) {
        return *std::next(map.begin(), static_cast<long>(pick(map.size())));
      };
      const std::string id{"abcdef"[pick(6)]};
      switch (pick(i > 350 ? 12 : 10)) {
        case 0:
        case 1:
        case 2:
          if (starting.empty()) break;
          {
            const auto [run, a] = some(starting);
            starting.erase(run);
            if (pick(8) == 0) {
              step(start_failed{a.id, run});
            } else {
              running[run] = a;
              step(started{a.id, run});
            }
          }
          break;
        case 3:
        case 4:
        case 5:
          if (running.empty()) break;
          {
            const auto [run, a] = some(running);
            const bool was_asked = asked.count(run) || killed.count(run);
            if (!was_asked && pick(3) != 0) break;
            running.erase(run);
            step(exited{a.id, run, static_cast<ending>(pick(3))});
          }
          break;
        case 6:
          ++commands, step(command{add_child{commands, spec(id)}});
          break;
        case 7:
          ++commands, step(command{stop_child{commands, id}});
          break;
        case 8:
          ++commands, step(pick(2) ? command{restart_child{commands, id}}
                                   : command{delete_child{commands, id}});
          break;
        case 9:
          step(tick{});
          break;
        default:
          step(shut_down{});
          break;
      }
    }
    // let it come to its end: whoever is asked dies, time passes
    if (!ended) step(shut_down{});
    for (int i = 0; i < 100 && !ended; ++i) {
      now += 1s;
      if (!starting.empty()) {
        const auto [run, a] = *starting.begin();
        starting.clear();
        running[run] = a;
        step(started{a.id, run});
      } else if (!running.empty()) {
        const auto [run, a] = *std::prev(running.end());
        running.erase(run);
        step(exited{a.id, run, ending::shutdown});
      } else {
        step(tick{});
      }
    }
    REQUIRE(ended);
    REQUIRE(replies == commands);
  }
}

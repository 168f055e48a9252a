#include "patterns/resilience/supervisor.hpp"
#include "seeds.hpp"

#include <map>
#include <random>
#include <set>

#include <doctest/doctest.h>

namespace {
using namespace troupe::supervisor;
using namespace std::chrono_literals;
}  // namespace

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
      children.push_back({.id = id, .kind = static_cast<restart>(pick(3))});
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
          ++commands, step(command{add_child{commands, {.id = id}}});
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

// What a supervisor does with a child that keeps ending: asked of its core, one child, run by hand.
#include "cluster/program/calc/calc.hpp"
#include "patterns/resilience/supervisor.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::program::calc {
namespace {
using namespace supervisor;

// Its only child ends abnormally, again and again.
class failing_child {
 public:
  failing_child(const settings& how, std::uint64_t seed) : core_{how, {{.id = "child"}}, seed} {
    core_.step(start{}, now_, out_);
    report_start();
  }
  // The delay of the restart; none: the supervisor gave up.
  std::optional<nanoseconds> fail(instant at) {
    now_ = std::max(now_, at);
    out_ = {};
    core_.step(exited{"child", run_, ending::abnormal}, now_, out_);
    if (out_.events.empty() || out_.events.front().what != note::restarting) return {};
    const auto delay = out_.events.front().delay;
    if (out_.act.empty()) {
      now_ += delay;
      core_.step(tick{}, now_, out_);
    }
    report_start();
    return delay;
  }
  instant now() const { return now_; }

 private:
  void report_start() {
    for (const auto& a : out_.act)
      if (a.what == verb::launch) run_ = a.run;
    out_ = {};
    core_.step(started{"child", run_}, now_, out_);
  }
  core core_;
  output out_;
  instant now_{};
  std::uint64_t run_ = 0;
};

answer run_backoff(const json& in) {
  settings how;
  how.intensity = std::numeric_limits<std::uint32_t>::max();
  how.delay = {time_of(in, "least"), time_of(in, "most"), in.at("factor"), in.at("jitter"),
               time_of(in, "reset_after")};
  if (how.delay.factor < 1) return unexpected{std::string{"'factor' is at least 1"}};
  if (how.delay.jitter < 0 || how.delay.jitter > 1)
    return unexpected{std::string{"'jitter' is between 0 and 1"}};
  if (in.at("failures") > 10'000) return unexpected{std::string{"'failures' is at most 10000"}};
  failing_child c{how, in.at("seed")};
  json out{{"delays", json::array()}};
  for (auto n = small(in, "failures"); n > 0; --n)
    out["delays"].push_back(milliseconds_of(c.fail(c.now()).value_or(nanoseconds{})));
  return out;
}

answer run_intensity(const json& in) {
  settings how;
  how.intensity = small(in, "intensity");
  how.period = time_of(in, "period");
  failing_child c{how, 1};
  std::size_t restarts = 0;
  for (const auto& at : in.at("endings")) {
    const instant when{at.get<std::int64_t>()};
    if (when < c.now()) return unexpected{std::string{"'endings' must not go back in time"}};
    if (!c.fail(when))
      return json{{"gives_up", true}, {"at", milliseconds_of(when)}, {"restarts", restarts}};
    ++restarts;
  }
  return json{{"gives_up", false}, {"at", nullptr}, {"restarts", restarts}};
}
}  // namespace

std::vector<calculation> of_supervision() {
  return {
      {"backoff",
       "how long each restart in a row is delayed: least * factor^(n-1), less some jitter",
       "M. Brooker, \"Exponential Backoff and Jitter\", AWS Architecture Blog 2015; "
       "patterns/resilience/supervisor.hpp",
       {{"failures", type::count, "in a row", 8},
        {"least", type::time, "the first delay", 100},
        {"most", type::time, "no delay is longer", 30'000},
        {"factor", type::number, "from one to the next", 2},
        {"jitter", type::number, "a random part of up to so much is taken off", 0},
        {"reset_after", type::time, "a child that has run so long has recovered", 30'000},
        {"seed", type::count, "of the jitter", 1}},
       "delays, in ms",
       R"({"failures":5,"least":"100ms","most":"1s"})",
       run_backoff},
      {"restart-intensity",
       "whether a supervisor gives up: more than `intensity` restarts within `period`",
       "Erlang/OTP, Supervision Principles, \"Maximum Restart Intensity\"; "
       "patterns/resilience/supervisor.hpp",
       {{"endings", type::times, "when its child ended"},
        {"intensity", type::count, "restarts that are not too many", 1},
        {"period", type::time, "within so long", 5'000}},
       "gives_up, at: the ending that was too many, restarts before it",
       R"({"endings":[0,1000,2000],"intensity":2,"period":"5s"})",
       run_intensity},
  };
}
}  // namespace troupe::program::calc

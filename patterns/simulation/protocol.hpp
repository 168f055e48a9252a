// A simulation with its type forgotten: what the shell (`troupe simulate`) and campaigns need to know
// of a protocol to run it under any plan. patterns/protocols.hpp lists them all.
//   simulation::protocol simulated_protocol() {
//     return {.name = "counter",
//             .help = "a replicated counter",
//             .promises = {"never less than acknowledged"},
//             .swarm = simulation::everything,
//             .run = [](const plan& p, const settings& how) {
//               world<counter_host> w{p.seed, {}, how.lines};
//               ... members, claims, commands, as the seed and the plan say
//               return outcome_of(w, w.run(p));
//             }};
//   }
//   Promises  `run` is a function of the plan and the settings: the same give the same outcome, to
//             the last byte; `lines` and who asks make no difference to the verdict
//   Assumes   a plan for members_min to members_max members (`refusal` says); the calm that the
//             promises need to be asked at all is `calm`
#pragma once
#include "patterns/simulation/verdict.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>
namespace troupe::simulation {
// Something about a protocol that a run may choose: a strategy, a size.
struct choice {
  std::string name{};
  std::string help{};
  std::vector<std::string> values{};  // all that there are; the first unless another is chosen
};

struct settings {
  bool lines = false;  // keep the events as JSON lines
  std::map<std::string, std::string, std::less<>> chosen{};
};

struct run_outcome {
  verdict judged{};
  std::string events{};  // JSON lines (ARCHITECTURE.md, 6), if they were to be kept
};

struct protocol {
  std::string name{};
  std::string help{};                   // in one line
  std::vector<std::string> promises{};  // the claims, as verdicts name them
  std::uint32_t members_min = 1;
  std::uint32_t members_max = 1000;
  std::uint32_t members_usual = 5;
  duration calm = std::chrono::seconds{60};
  std::vector<choice> choices{};
  std::function<menu(duration length)> swarm{};  // what it promises to outlive
  std::function<run_outcome(const plan&, const settings&)> run{};

  // What was chosen of this, or its usual value.
  const std::string& chosen(const settings& how, std::string_view choice_name) const;
  // Why the plan or the settings are none for this protocol, as a sentence; empty: they are.
  std::string refusal(const plan& p, const settings& how) const;
};

template <class World>
run_outcome outcome_of(const World& w, verdict judged) {
  return {std::move(judged), w.log().text()};
}
}  // namespace troupe::simulation

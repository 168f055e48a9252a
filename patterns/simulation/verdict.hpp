// What became of a run, and how much of its plan is needed for the same to happen.
// Source: A. Zeller, R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE TSE
//   2002 (ddmin, section 3). Beyond the paper: members go as well as faults, time is cut, faults
//   become shorter and weaker, until nothing more can go or `runs_max` is reached.
//   Promises  the shrunken plan breaks the same claim, and is what `run` was given last for it
//             1-minimal where `exhausted` is false: no single fault or member can be left out
//   Costs     O(n log n) runs for n faults at best, O(n^2) at worst
#pragma once
#include "patterns/simulation/fault.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>
namespace troupe::simulation {
struct verdict {
  std::string claim{};  // the one that broke; empty: all hold
  std::string what{};   // is wrong
  instant at{};
  std::uint64_t digest = 0;  // of all that happened
  std::uint64_t steps = 0;
  bool failed() const { return !claim.empty(); }
};
TROUPE_MESSAGE(verdict, claim, what, at, digest, steps)

using runner = std::function<verdict(const plan&)>;

struct failure {
  plan drawn{};     // as the seed gave it
  plan shortest{};  // that still breaks the claim
  verdict found{};  // of the shortest
  unsigned runs = 0;
  bool exhausted = false;  // runs_max came first
};
failure shrink(const plan& p, const verdict& found, const runner& run, unsigned runs_max = 2000);

// The first seed of a campaign that fails, shrunken; none: all claims held.
struct campaign_result {
  std::optional<failure> found{};
  std::uint64_t seeds = 0;  // that were run, the failing one included
  std::uint64_t steps = 0;
};
campaign_result campaign(const std::vector<std::uint64_t>& seeds,
                         const std::function<plan(std::uint64_t)>& drawing, const runner& run,
                         unsigned runs_max = 2000);

// For a person: the seed, the claim that broke, and the shortest plan as a timeline.
std::string story(const failure& f);
}  // namespace troupe::simulation

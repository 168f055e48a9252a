#include "cluster/simulation_campaign.hpp"

#include <algorithm>
namespace troupe::laboratory {
namespace sim = troupe::simulation;
namespace {
constexpr std::size_t last_lines = 12;

struct run_of {
  sim::verdict verdict;
  std::string recent;
  std::string events;
};

run_of run_once(const campaign_options& how, const plan& p, const trial& once, bool verbose) {
  auto options = how.how;
  options.keep_events = verbose;
  options.keep_steps = verbose;
  simulation world{p.seed, options};
  once(world, p);
  return {world.judged(), verbose ? world.recent(last_lines) : std::string{},
          verbose ? world.events() : std::string{}};
}

// The first line in which the two differ.
std::string difference(const std::string& one, const std::string& other) {
  const auto at = std::mismatch(one.begin(), one.end(), other.begin(), other.end());
  const auto line_of = [](const std::string& all, std::size_t where) {
    if (where >= all.size()) return std::string{"the end of the run"};
    const auto begin = all.rfind('\n', where);
    const auto from = begin == std::string::npos ? 0 : begin + 1;
    return all.substr(from, all.find('\n', where) - from);
  };
  const auto where = static_cast<std::size_t>(at.first - one.begin());
  if (where >= one.size() && where >= other.size()) return "in something that leaves no line, such as the order of packets";
  return "first where one has\n    " + line_of(one, where) + "\n  and the other\n    " + line_of(other, where);
}

// Closely: message by message, as text, and not by digests alone.
sim::verdict run_twice(const campaign_options& how, const plan& p, const trial& once, bool closely) {
  auto first = run_once(how, p, once, false).verdict;
  if (!how.twice || first.failed()) return first;
  const auto second = run_once(how, p, once, false).verdict;
  if (second.digest == first.digest && !closely) return first;
  const auto one = run_once(how, p, once, true), other = run_once(how, p, once, true);
  if (second.digest == first.digest && one.events == other.events) return first;
  first.claim = "the same seed gives the same run";
  first.what = "two runs of seed " + std::to_string(p.seed) + " differ, " + difference(one.events, other.events) +
               "\n  Does an actor look at the wall clock, draw from a generator of its own, or go by addresses in "
               "memory? Take clock(), fresh_seed, ordered containers";
  return first;
}
}  // namespace

sim::menu usual_faults(duration length) {
  auto all = sim::everything(length);
  std::erase_if(all.kinds, [](const auto& a) {
    using kind = sim::fault_kind;
    return a.what == kind::slow_disk || a.what == kind::tear || a.what == kind::rot || a.what == kind::crash_unsynced;
  });
  return all;
}

sim::verdict replay(const campaign_options& how, const plan& p, const trial& once) {
  return run_twice(how, p, once, true);
}

campaign_finding campaign(const campaign_options& how, const trial& once) {
  campaign_finding result;
  const auto faults = how.faults.kinds.empty() ? usual_faults(how.length) : how.faults;
  for (std::uint64_t seed = how.first; seed < how.first + how.seeds; ++seed) {
    const auto drawn = sim::draw(seed, how.members, how.length, how.calm, faults);
    const auto found = run_twice(how, drawn, once, seed == how.first);
    ++result.seeds;
    result.steps += found.steps;
    if (!found.failed()) continue;
    auto single = how;
    single.twice = found.claim == "the same seed gives the same run";
    auto shortest = sim::shrink(
        drawn, found,
        [&](const plan& p) {
          const auto least = how.members_min > 0 ? how.members_min : how.members;
          return p.members < least ? sim::verdict{} : run_twice(single, p, once, single.twice);
        },
        how.runs_max);
    result.failed = true;
    result.seed = seed;
    result.what = shortest.found;
    result.shortest = shortest.shortest;
    result.story = sim::story(shortest);
    const auto last = run_once(how, shortest.shortest, once, true).recent;
    if (!last.empty()) result.story += "what the actors did last:\n" + last;
    break;
  }
  return result;
}
}  // namespace troupe::laboratory

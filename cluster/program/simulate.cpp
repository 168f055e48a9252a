// troupe simulate: any protocol's cores under chosen faults, or under a swarm of them, from a seed.
#include "cluster/program/command.hpp"
#include "cluster/program/fault_flags.hpp"
#include "cluster/program/files.hpp"
#include "cluster/program/json.hpp"
#include "cluster/simulation_protocol.hpp"
#include "runtime/config/nearest.hpp"
#include "runtime/config/value.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <map>

namespace troupe::program {
namespace {
using namespace std::chrono_literals;
using simulation::plan, simulation::protocol;

struct options {
  std::string protocol;
  bool list = false, as_json = false, swarm = false;
  std::uint64_t seed = 1, seeds = 0;
  std::uint32_t nodes = 0;
  double seconds = 30;
  std::string calm;
  std::string plan_file, events_file, save_file;
  std::vector<std::string> choices;
  std::vector<std::pair<const fault_flag*, std::string>> faults;
  std::function<std::string()> beside_plan;  // an option that a plan of a file leaves no room for
};

exit_code no(const std::string& sentence) { return fail(exit_code::usage, sentence); }

std::string listed(const protocol& p) {
  std::string text = p.name + ": " + p.help + "\n  members   " + std::to_string(p.members_min) +
                     " to " + std::to_string(p.members_max) + ", usually " +
                     std::to_string(p.members_usual) + '\n';
  for (const auto& c : p.choices) {
    text += "  --set     " + c.name + "=";
    for (const auto& value : c.values) text += (&value == &c.values.front() ? "" : "|") + value;
    text += "  " + c.help + '\n';
  }
  for (const auto& promise : p.promises) text += "  promises  " + promise + '\n';
  return text;
}

nlohmann::ordered_json json_of(const protocol& p) {
  nlohmann::ordered_json out{
      {"name", p.name},
      {"help", p.help},
      {"promises", p.promises},
      {"members", {{"min", p.members_min}, {"max", p.members_max}, {"usual", p.members_usual}}},
      {"calm_ns", p.calm.count()}};
  auto& choices = out["choices"] = nlohmann::ordered_json::object();
  for (const auto& c : p.choices) choices[c.name] = c.values;
  return out;
}

exit_code list(const options& given) {
  if (given.as_json) {
    auto out = nlohmann::ordered_json::array();
    for (const auto& p : laboratory::all_protocols()) out.push_back(json_of(p));
    std::cout << one_line(out) << '\n';
    return exit_code::done;
  }
  for (const auto& p : laboratory::all_protocols()) std::cout << listed(p);
  return exit_code::done;
}

result<plan, std::string> plan_of(const options& given, const protocol& what) {
  if (!given.plan_file.empty()) {
    if (const auto beside = given.beside_plan(); !beside.empty())
      return unexpected{"a plan says all by itself: leave out " + beside + ", or --plan"};
    const auto text = bytes_of(given.plan_file);
    if (!text) return unexpected{"the file " + given.plan_file + " cannot be read"};
    return simulation::plan_from(*text).transform_error(
        [&](const std::string& why) { return given.plan_file + ", " + why; });
  }
  plan p{.seed = given.seed, .members = given.nodes == 0 ? what.members_usual : given.nodes};
  p.length = std::chrono::milliseconds{std::llround(given.seconds * 1000)};
  p.calm = what.calm;
  if (!given.calm.empty()) {
    const auto calm = config::read_duration(given.calm);
    if (!calm) return unexpected{"--calm: '" + given.calm + "' " + calm.error()};
    p.calm = *calm;
  }
  for (const auto& [flag, text] : given.faults) {
    auto f = fault_from_flag(*flag, text, p);
    if (!f) return unexpected{f.error()};
    p.faults.push_back(std::move(*f));
  }
  return p;
}

// What was asked for, and what the swarm adds.
plan with_swarm(const plan& asked, const protocol& what, std::uint64_t seed) {
  plan p =
      simulation::draw(seed, asked.members, asked.length, asked.calm, what.swarm(asked.length));
  p.faults.insert(p.faults.end(), asked.faults.begin(), asked.faults.end());
  std::stable_sort(p.faults.begin(), p.faults.end(),
                   [](const auto& a, const auto& b) { return a.at < b.at; });
  return p;
}

result<simulation::settings, std::string> settings_of(const options& given) {
  simulation::settings how{.lines = !given.events_file.empty()};
  for (const auto& text : given.choices) {
    const auto equals = text.find('=');
    if (equals == text.npos || equals == 0)
      return unexpected{"--set takes NAME=VALUE, and '" + text + "' is not of that form"};
    how.chosen[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return how;
}

struct tally {
  std::uint64_t seeds = 0, steps = 0;
  double seconds = 0;  // of processor time
  std::map<simulation::fault_kind, std::uint64_t> struck{};

  std::uint64_t pace() const {
    return static_cast<std::uint64_t>(static_cast<double>(steps) / std::max(seconds, 1e-6));
  }
};

// lose 12, cut 7; never rot, tear
std::string struck_text(const tally& all) {
  std::string often, never;
  for (const auto& e : enumerators_of<simulation::fault_kind>()) {
    const auto found = all.struck.find(e.value);
    auto& text = found == all.struck.end() ? never : often;
    text += (text.empty() ? "" : ", ") + std::string{e.name};
    if (found != all.struck.end()) text += ' ' + std::to_string(found->second);
  }
  return often + (never.empty() ? "" : "; never " + never);
}

std::string hex(std::uint64_t x) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(x));
  return text;
}

std::string replay_command(const options& given) {
  std::string text = "troupe simulate " + given.protocol;
  for (const auto& c : given.choices) text += " --set " + c;
  return text + " --plan " + (given.save_file.empty() ? "FILE" : given.save_file);
}

void print_json(const options& given, const plan& p, const simulation::verdict& v, const tally& all,
                const simulation::failure* found) {
  nlohmann::ordered_json out{{"protocol", given.protocol},
                             {"verdict", v.failed() ? "broken" : "holds"},
                             {"seed", p.seed},
                             {"seeds", all.seeds},
                             {"steps", all.steps}};
  if (all.seeds == 1) out["digest"] = hex(v.digest);
  out["steps_a_second"] = all.pace();
  auto& struck = out["struck"] = nlohmann::ordered_json::object();
  for (const auto& [kind, count] : all.struck) struck[to_string(kind)] = count;
  if (v.failed()) {
    out["claim"] = v.claim;
    out["what"] = v.what;
    out["at"] = v.at.count();
    out["plan"] = simulation::timeline(p);
    if (found != nullptr) {
      out["runs"] = found->runs;
      out["drawn"] = simulation::timeline(found->drawn);
    }
    out["replay"] = replay_command(given);
  }
  std::cout << one_line(out) << '\n';
}

void print(const options& given, const plan& p, const simulation::verdict& v, const tally& all,
           const simulation::failure* found) {
  if (given.as_json) return print_json(given, p, v, all, found);
  if (!v.failed()) {
    std::cout << given.protocol << " holds: ";
    if (all.seeds == 1)
      std::cout << "seed " << p.seed << ", " << p.members << " members, " << p.faults.size()
                << (p.faults.size() == 1 ? " fault" : " faults") << " in "
                << simulation::time_text(p.length) << ", then " << simulation::time_text(p.calm)
                << " of calm, " << all.steps << " steps, digest " << hex(v.digest) << '\n';
    else
      std::cout << all.seeds << " seeds from " << given.seed << ", " << all.steps << " steps, "
                << all.pace() << " a second\n  faults: " << struck_text(all) << '\n';
    return;
  }
  if (all.seeds > 1) std::cout << "after " << all.seeds << " seeds: ";
  std::cout << given.protocol << ", ";
  if (found != nullptr)
    std::cout << simulation::story(*found);
  else
    std::cout << "seed " << p.seed << " breaks: " << v.claim << "\n  " << v.what << "\n  at "
              << simulation::time_text(v.at) << ", after " << v.steps << " steps\n";
  std::cout << "to replay it" << (given.save_file.empty() ? ", put these lines into FILE" : "")
            << ": " << replay_command(given) << '\n';
}

exit_code cannot(const std::string& file) {
  return fail(exit_code::not_done, "the file " + file + " cannot be written");
}

exit_code conclude(const options& given, const protocol& what, const simulation::settings& how,
                   plan p, simulation::run_outcome last, const tally& all) {
  std::optional<simulation::failure> found;
  if (last.judged.failed() && given.plan_file.empty()) {  // a plan of a file runs as it is
    const auto run = [&](const plan& q) {
      if (!what.refusal(q, how).empty()) return simulation::verdict{};
      return what.run(q, {.chosen = how.chosen}).judged;
    };
    found = simulation::shrink(p, last.judged, run);
    p = found->shortest;
    if (how.lines) last = what.run(p, how);
    last.judged = found->found;
  }
  if (how.lines && !write_file(given.events_file, last.events)) return cannot(given.events_file);
  if (!given.save_file.empty() && !write_file(given.save_file, simulation::timeline(p)))
    return cannot(given.save_file);
  print(given, p, last.judged, all, found ? &*found : nullptr);
  return last.judged.failed() ? exit_code::not_done : exit_code::done;
}

exit_code simulate(const options& given) {
  if (given.list) return list(given);
  if (given.protocol.empty()) return no("name a protocol; `troupe simulate --list` lists them");
  const auto* const what = laboratory::protocol_named(given.protocol);
  if (what == nullptr) {
    std::vector<std::string> known;
    for (const auto& p : laboratory::all_protocols()) known.push_back(p.name);
    const auto meant = config::nearest(given.protocol, known);
    return no("there is no protocol '" + given.protocol + "'" +
              (meant.empty() ? "" : "; did you mean '" + meant + "'?") +
              "; `troupe simulate --list` lists them");
  }
  const auto asked = plan_of(given, *what);
  if (!asked) return no(asked.error());
  const auto how = settings_of(given);
  if (!how) return no(how.error());
  if (const auto refused = what->refusal(*asked, *how); !refused.empty()) return no(refused);

  for (const auto* file : {&given.events_file, &given.save_file})  // before a night is spent on it
    if (!file->empty() && !write_file(*file, {})) return cannot(*file);
  catch_interrupts();
  const auto began = std::clock();
  const bool swarm = given.swarm || given.seeds > 0;
  const auto last = given.seed + std::max<std::uint64_t>(given.seeds, 1) - 1;
  tally all;
  plan p;
  simulation::run_outcome got;
  for (auto seed = given.seed; !got.judged.failed() && !interrupted(); ++seed) {
    p = swarm ? with_swarm(*asked, *what, seed) : *asked;
    got = what->run(p, *how);
    ++all.seeds;
    all.steps += got.judged.steps;
    for (const auto& f : p.faults) ++all.struck[f.what];
    if (seed == last) break;
  }
  all.seconds = static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
  if (interrupted() && !got.judged.failed() && all.seeds < std::max<std::uint64_t>(given.seeds, 1))
    return fail(exit_code::unknown, "interrupted after " + std::to_string(all.seeds) +
                                        " seeds from " + std::to_string(given.seed) +
                                        ", all of which held");
  return conclude(given, *what, *how, std::move(p), std::move(got), all);
}

constexpr auto about =
    "Virtual time, one seed: the same command does the same on every machine, to the last byte of "
    "its events.\n"
    "Members are a, b, c, ... WHO is a,b or all; FROM:TO are links. Without @AT a fault begins at "
    "once, without\n"
    "+FOR it lasts to the end of the faults; a crash of +0s is for good. P is 5% or 0.05. Flags "
    "may be repeated.\n"
    "  troupe simulate --list\n"
    "  troupe simulate membership --nodes 5 --partition a,b@5s+10s --loss 1% --events "
    "events.jsonl\n"
    "  troupe simulate membership --seeds 1000\n"
    "Exit codes: 0 all claims hold; 1 one broke; 2 wrong usage; 5 interrupted.";
}  // namespace

void add_simulate(verbs& all) {
  CLI::App* verb = nullptr;
  auto given = add_verb<options>(all, "simulate", "Run a protocol under faults, in virtual time",
                                 &simulate, verb);
  verb->footer(about);
  verb->add_option("PROTOCOL", given->protocol, "which one, see --list");
  verb->add_flag("--list", given->list, "list the protocols, their promises and their choices");
  std::vector<CLI::Option*> planned;
  planned.push_back(
      verb->add_option("--seed", given->seed, "what all chance comes from")->type_name("S [1]"));
  planned.push_back(
      verb->add_option("--nodes", given->nodes, "how many members; as is usual for the protocol")
          ->type_name("N")
          ->check(CLI::Range(1U, 100'000U)));
  planned.push_back(
      verb->add_option("--seconds", given->seconds, "how long faults may happen, in virtual time")
          ->type_name("T [30]")
          ->check(CLI::Range(0.0, 1e7)));
  planned.push_back(verb->add_option("--calm", given->calm,
                                     "how long it goes on without; as the promises need it")
                        ->type_name("TIME"));
  for (const auto& flag : fault_flags()) {
    planned.push_back(verb->add_option_function<std::vector<std::string>>(
                              std::string{flag.names},
                              [given, &flag](const std::vector<std::string>& texts) {
                                for (const auto& text : texts)
                                  given->faults.emplace_back(&flag, text);
                              },
                              std::string{flag.help})
                          ->type_name(std::string{flag.form.substr(0, flag.form.find(" ..."))})
                          ->allow_extra_args(false));
  }
  planned.push_back(verb->add_flag("--swarm", given->swarm,
                                   "draw faults from the seed, all that the protocol outlives"));
  planned.push_back(verb->add_option("--seeds", given->seeds,
                                     "so many swarms, from --seed on; ends at the first that fails")
                        ->type_name("N")
                        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000'000})));
  given->beside_plan = [planned] {
    for (const auto* option : planned)
      if (option->count() > 0) return "--" + option->get_lnames().front();
    return std::string{};
  };
  verb->add_option("--set", given->choices, "a choice that the protocol leaves, see --list")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  verb->add_option("--plan", given->plan_file,
                   "run the plan in this file, as a failure prints it; - is standard input")
      ->type_name("FILE");
  verb->add_option("--save-plan", given->save_file,
                   "write the plan to this file; of a failure, the shortest")
      ->type_name("FILE");
  verb->add_option("--events", given->events_file,
                   "write the events as JSON lines; of many runs, the last one's")
      ->type_name("FILE");
  verb->add_flag("--json", given->as_json, "one JSON object");
}
}  // namespace troupe::program

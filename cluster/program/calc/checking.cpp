// Small histories judged inline, and the plans that a seed draws.
#include "cluster/program/calc/calc.hpp"
#include "patterns/checking/checks.hpp"
#include "patterns/protocols.hpp"
#include "runtime/checking_history.hpp"

namespace troupe::program::calc {
namespace {
std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const auto& c : checking::all_checks()) names.emplace_back(c.name);
  return names;
}

std::vector<std::string> protocol_names() {
  std::vector<std::string> names;
  for (const auto& p : all_protocols()) names.push_back(p.name);
  return names;
}

answer run_consistent(const json& in) {
  const auto& model = *checking::check_named(in.at("model").get<std::string>());
  std::string lines;
  for (const auto& event : in.at("history")) lines += event.dump() + '\n';
  const auto read = read_operations(lines, {}, model.events);
  if (read.faults_in_all > 0)
    return unexpected{"'history[" + std::to_string(read.faults.front().line - 1) + "]' " +
                      read.faults.front().sentence};
  if (const auto stranger = checking::first_stranger(model, read.operations))
    return unexpected{to_string(read.operations[stranger->place]) + " " + stranger->why};
  const auto r = model.judge(read.operations, {.steps = in.at("steps")});
  json out{{"verdict", std::string{to_string(r.what)}}, {"operations", r.checked}};
  if (r.what != checking::verdict::consistent) out["why"] = r.sentence;
  if (r.what == checking::verdict::violated) {
    auto& smallest = out["smallest"] = json::array();
    for (const auto& op : r.smallest)
      smallest.push_back("process " + std::to_string(op.process) + ": " + to_string(op));
  }
  return out;
}

answer run_plan(const json& in) {
  const auto& protocol = *protocol_named(in.at("protocol").get<std::string>());
  auto members = small(in, "members");
  if (members == 0) members = protocol.members_usual;
  simulation::plan p{.members = members};
  if (auto refused = protocol.refusal(p, {}); !refused.empty()) return unexpected{refused};
  const auto length = time_of(in, "length");
  if (length <= simulation::duration{})
    return unexpected{std::string{"'length' must be longer than nothing"}};
  return json{
      {"plan", simulation::timeline(simulation::draw(in.at("seed"), members, length, protocol.calm,
                                                     protocol.swarm(length)))}};
}
}  // namespace

std::vector<calculation> of_checking() {
  return {
      {"consistent",
       "whether a small history is what a model promises: linearizable and the like",
       "J. Wing, C. Gong, 1993; G. Lowe, \"Testing for Linearizability\", 2017; "
       "patterns/checking/checks.hpp",
       {{"model", type::text, "see `troupe check --help`", {}, model_names()},
        {"history", type::objects, "events, as the lines of a history file"},
        {"steps", type::count, "how long to search before giving up as unknown", 2'000'000}},
       "verdict (consistent, violated, unknown), operations, why, smallest: what still fails",
       R"({"model":"register","history":[{"process":0,"type":"invoke","f":"write","value":1},{"process":0,"type":"ok","f":"write","value":1}]})",
       run_consistent},
      {"plan",
       "the faults that a seed draws for a protocol's swarm",
       "A. Groce et al., \"Swarm Testing\", ISSTA 2012; patterns/simulation/fault.hpp",
       {{"protocol", type::text, "see `troupe simulate --list`", "membership", protocol_names()},
        {"seed", type::count, "what all chance comes from", 1},
        {"members", type::count, "0: as usual", 0},
        {"length", type::time, "how long faults may happen", 30'000}},
       "plan: its text, for `troupe simulate --plan`",
       R"({"seed":4711,"length":"10s"})",
       run_plan},
  };
}
}  // namespace troupe::program::calc

// troupe members: who is in the cluster, as one node sees it; --what-if: what each downing strategy would do.
#include "cluster/program/client.hpp"
#include "cluster/program/json.hpp"
#include "cluster/program/table.hpp"

#include <iostream>

#include <nlohmann/json.hpp>

namespace troupe::program {
namespace {
using json = nlohmann::ordered_json;
struct options {
  target to;
  bool as_json = false;
  bool what_if = false;
  std::vector<std::string> unreachable;
};

std::string joined(const std::vector<std::string>& words, const char* none) {
  std::string all;
  for (const auto& word : words) all += (all.empty() ? "" : ",") + word;
  return all.empty() ? none : all;
}

exit_code show_members(client& with, const options& given) {
  const auto got = with.members();
  if (!got) return fail(got.error());
  if (given.as_json) {
    json rows = json::array();
    for (const auto& m : got->members)
      rows.push_back({{"name", m.name},
                      {"address", m.address},
                      {"state", m.state},
                      {"incarnation", m.incarnation},
                      {"roles", m.roles},
                      {"suspicion", m.suspicion}});
    std::cout << one_line(json{{"members", rows}}) << '\n';
    return exit_code::done;
  }
  table rows{{"NAME", "ADDRESS", "STATE", "REACHABLE", "INCARNATION", "ROLES"}};
  for (const auto& m : got->members)
    rows.add({m.name, m.address, m.state,
              m.reach == "alive"     ? "yes"
              : m.reach == "suspect" ? "in doubt"
                                     : "no",
              m.incarnation.substr(0, 8), joined(m.roles, "-")});
  std::cout << rows.text();
  return exit_code::done;
}

exit_code show_what_if(client& with, const options& given) {
  const auto got = with.what_if(given.unreachable);
  if (!got) return fail(got.error());
  if (given.as_json) {
    json rows = json::array();
    for (const auto& v : got->verdicts)
      rows.push_back({{"strategy", v.strategy},
                      {"down", v.down},
                      {"reason", v.reason},
                      {"configured", v.configured}});
    std::cout << one_line(json{
                     {"node", got->node}, {"unreachable", got->unreachable}, {"verdicts", rows}})
              << '\n';
    return exit_code::done;
  }
  std::cout << "Seen from " << got->node << ", unreachable: " << joined(got->unreachable, "nobody")
            << ". If that lasted:\n";
  table rows{{"STRATEGY", "WOULD DOWN", "BECAUSE"}};
  for (const auto& v : got->verdicts)
    rows.add({v.strategy + (v.configured ? " *" : ""), joined(v.down, "nobody"), v.reason});
  std::cout << rows.text() << "* as the node is configured\n";
  return exit_code::done;
}

exit_code members(const options& given) {
  return with_client(given.to, [&](client& with) {
    return given.what_if ? show_what_if(with, given) : show_members(with, given);
  });
}
}  // namespace

void add_members(verbs& all) {
  CLI::App* verb = nullptr;
  auto given = add_verb<options>(all, "members", "Show the cluster's members as one node sees them",
                                 &members, verb);
  verb->add_flag(
      "--json", given->as_json,
      R"(one JSON object: {"members":[{"name","address","state","incarnation","roles","suspicion"}]})");
  auto* what_if = verb->add_flag("--what-if", given->what_if,
                                 "show what each downing strategy would do if the members that are "
                                 "unreachable now stayed so");
  verb->add_option("--unreachable", given->unreachable,
                   "with --what-if: suppose that these are unreachable too")
      ->delimiter(',')
      ->type_name("NAME,...")
      ->needs(what_if);
  add_target(*verb, given->to);
}
}  // namespace troupe::program

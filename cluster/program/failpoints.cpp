// troupe failpoints: the places where a test can make a node crash, wait or fail.
#include "cluster/program/command.hpp"
#include "cluster/program/json.hpp"
#include "cluster/program/table.hpp"
#include "runtime/failpoint.hpp"

#include <iostream>

namespace troupe::program {
namespace {
struct options {
  bool as_json = false;
};

exit_code list(const options& given) {
  if (given.as_json) {
    auto out = nlohmann::ordered_json::array();
    for (const auto& p : failpoints::all())
      out.push_back({{"name", std::string{p.name}},
                     {"meaning", std::string{p.meaning}},
                     {"error", std::string{p.error}}});
    std::cout << one_line(out) << '\n';
    return exit_code::done;
  }
  table rows{{"NAME", "WHEN", "ERROR"}};
  for (const auto& p : failpoints::all())
    rows.add({std::string{p.name}, std::string{p.meaning},
              p.error.empty() ? "-" : std::string{p.error}});
  std::cout << rows.text();
  return exit_code::done;
}
}  // namespace

void add_failpoints(verbs& all) {
  CLI::App* verb = nullptr;
  auto given = add_verb<options>(all, "failpoints",
                                 "List the places where a test can make a node crash", &list, verb);
  verb->footer(
      "One is switched on by `troupe node --failpoint NAME=ACTION`, or in a list of them,\n"
      "TROUPE_FAILPOINTS=NAME=ACTION,... in the environment. Actions:\n"
      "  crash       the process dies at once, as by kill -9\n"
      "  pause:TIME  the thread that comes there sleeps, 500ms or 2s\n"
      "  error       what stands under ERROR happens\n"
      "  off         nothing\n"
      "and behind it @N, the N-th time alone, or %P, with a chance of P in a hundred: crash@3, "
      "error%10.\n"
      "With TROUPE_FAILPOINTS_HIT=FILE each place that a process comes to is written there, once.");
  verb->add_flag("--json", given->as_json, "a JSON list");
}
}  // namespace troupe::program

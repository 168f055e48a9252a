// troupe metrics: what a node counts and measures, in Prometheus' text format.
#include "cluster/program/client.hpp"

#include <iostream>

namespace troupe::program {
namespace {
struct options {
  target to;
};

exit_code metrics(const options& given) {
  return with_client(given.to, [](client& with) {
    const auto got = with.stats();
    if (!got) return fail(got.error());
    std::cout << got->text;
    return exit_code::done;
  });
}
}  // namespace

void add_metrics(verbs& all) {
  CLI::App* verb = nullptr;
  auto given = add_verb<options>(all, "metrics", "Print a node's metrics", &metrics, verb);
  verb->footer(
      "In Prometheus' text format, as a scraper or the textfile collector takes it. Without --at: "
      "those of a node\nof the local cluster.");
  add_target(*verb, given->to);
}
}  // namespace troupe::program

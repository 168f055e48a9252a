// troupe config: all settings of a node, and with --show what they are here and now, and why.
#include "runtime/config.hpp"

#include "cluster/program/command.hpp"
#include "cluster/settings.hpp"

#include <iostream>

namespace troupe::program {
namespace {
struct options {
  bool show = false;
  config::sources from;
};

exit_code show(const options& given) {
  const auto all = node_options();
  if (!given.show && given.from.file.empty() && given.from.flags.empty()) {
    std::cout << config::describe(all);
    return exit_code::done;
  }
  auto from = given.from;
  from.environment = config::environment();
  const auto settings = config::load(all, from);
  if (!settings) return fail(exit_code::usage, settings.error());
  if (const auto node = node_settings_from(*settings); !node)
    return fail(exit_code::usage, node.error());
  std::cout << settings->show();
  return exit_code::done;
}
}  // namespace

void add_config(verbs& all) {
  CLI::App* verb = nullptr;
  auto given =
      add_verb<options>(all, "config", "Print the table of all settings of a node", &show, verb);
  verb->footer(
      "A setting comes from its default, then the configuration file, the environment "
      "(TROUPE_NODE_NAME) and\n"
      "flags of `troupe node` (--node.name). With --show or --config: each setting's value, and "
      "where it is from.");
  verb->add_flag("--show", given->show, "the values as a node started here would have them");
  verb->add_option("--config", given->from.file, "a configuration file to check")
      ->type_name("FILE");
  config::add_flags(*verb, node_options(), given->from, "");
}
}  // namespace troupe::program

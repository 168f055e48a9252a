// Verbs with verbs of their own: troupe kv get, troupe log add.
#pragma once
#include "cluster/program/command.hpp"

#include <memory>
namespace troupe::program {
// As add_verb (command.hpp), below a verb; with --json into `as_json`.
template <class Options>
std::shared_ptr<Options> add_subverb(verbs& all, CLI::App& parent, const char* name,
                                     const char* help, exit_code (*run)(const Options&),
                                     CLI::App*& verb) {
  auto given = std::make_shared<Options>();
  verb = parent.add_subcommand(name, help);
  verb->final_callback([&all, given, run] { all.chosen = [given, run] { return run(*given); }; });
  verb->add_flag("--json", given->as_json, "one JSON object");
  return given;
}
}  // namespace troupe::program

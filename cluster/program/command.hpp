// What the verbs of the `troupe` program have in common: how they are declared, their shared options, and how they
// end. A verb is one file with an `add_VERB`, which declares its options and sets what is to be run.
//   Exit codes  0 done; 1 certainly not done, and the sentence says why; 2 wrong usage; 3 no node reachable;
//               5 unknown: it may or may not have happened
#pragma once
#include "runtime/error.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

namespace troupe::program {
using std::chrono::milliseconds;

struct verbs {
  CLI::App& app;
  std::function<exit_code()> chosen;  // set by the verb that was given
  std::size_t behind = 0;             // words behind a bare --: the last of those that are no options
};
void add_node(verbs& all);
void add_up(verbs& all);
void add_stop(verbs& all);
void add_members(verbs& all);
void add_metrics(verbs& all);
void add_leave(verbs& all);
void add_down(verbs& all);
void add_submit(verbs& all);
void add_jobs(verbs& all);
void add_job(verbs& all);
void add_cancel(verbs& all);
void add_certificates(verbs& all);
void add_config(verbs& all);
void add_check(verbs& all);
void add_simulate(verbs& all);
void add_calc(verbs& all);
void add_failpoints(verbs& all);
void add_log(verbs& all);
void add_kv(verbs& all);
void add_elect(verbs& all);
void add_lock(verbs& all);
void add_locks(verbs& all);
void add_latch(verbs& all);
void add_barrier(verbs& all);
void add_mutex(verbs& all);
void add_journal(verbs& all);
void add_tree(verbs& all);

// Declares a verb whose options live in `Options`; `run` is called with them after the whole line was understood.
template <class Options>
std::shared_ptr<Options> add_verb(verbs& all, const std::string& name, const std::string& help,
                                  exit_code (*run)(const Options&), CLI::App*& verb) {
  auto options = std::make_shared<Options>();
  verb = all.app.add_subcommand(name, help);
  verb->final_callback(
      [&all, options, run] { all.chosen = [options, run] { return run(*options); }; });
  return options;
}

// An option that takes a time span: 500ms, 10s, 2m, 1h.
CLI::Option* add_time(CLI::App& verb, const std::string& name, milliseconds& value,
                      const std::string& help);

// Which cluster, how to prove that we belong to it, and how long to wait.
struct target {
  std::vector<std::string> at;
  std::string directory;
  std::string cluster;
  std::string secret_file;
  std::string certificate;
  std::string key;
  std::string authority;
  milliseconds timeout{10'000};
};
void add_target(CLI::App& verb, target& to);

// Prints one sentence to standard error and gives the code back.
exit_code fail(exit_code code, std::string_view sentence);
exit_code fail(const caf::error& error);

// SIGINT and SIGTERM become a question that long verbs ask between their steps.
void catch_interrupts();
bool interrupted();
int interruptions();  // how often

int run(int argc, char** argv);
}  // namespace troupe::program

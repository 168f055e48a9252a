#include "cluster/program/command.hpp"

#include "cluster/version.hpp"
#include "runtime/config/nearest.hpp"
#include "runtime/config/value.hpp"
#include "runtime/log.hpp"

#include <algorithm>
#include <csignal>
#include <exception>
#include <iostream>

namespace troupe::program {
namespace {
volatile std::sig_atomic_t interrupts = 0;

std::vector<std::string> verbs_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* verb : app.get_subcommands({})) names.push_back(verb->get_name());
  return names;
}

std::vector<std::string> options_of(const CLI::App& verb) {
  std::vector<std::string> names;
  for (const auto* option : verb.get_options())
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

exit_code wrong_usage(const std::string& place, const std::string& sentence) {
  std::cerr << place << ": " << sentence << "; see `" << place << " --help`\n";
  return exit_code::usage;
}

std::string with_nearest(std::string sentence, const std::string& given,
                         const std::vector<std::string>& known) {
  const auto meant = config::nearest(given, known);
  return meant.empty() ? sentence : sentence + "; did you mean '" + meant + "'?";
}

// What the library says, as a sentence that names the nearest valid option where one was misspelt.
std::string explained(const CLI::App& verb, const CLI::ParseError& error) {
  const auto left = verb.remaining(true);
  if (dynamic_cast<const CLI::ExtrasError*>(&error) && !left.empty()) {
    const auto given = left.front().substr(0, left.front().find('='));
    if (given.rfind('-', 0) == 0)
      return with_nearest("there is no option '" + given + "'", given, options_of(verb));
    return "'" + given + "' is one argument too many";
  }
  std::string text = error.what();
  while (!text.empty() && (text.back() == '\n' || text.back() == '.')) text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}
}  // namespace

CLI::Option* add_time(CLI::App& verb, const std::string& name, milliseconds& value,
                      const std::string& help) {
  const auto shown = value.count() % 1000 == 0 ? std::to_string(value.count() / 1000) + "s"
                                               : std::to_string(value.count()) + "ms";
  return verb
      .add_option_function<std::string>(
          name,
          [&value, name](const std::string& text) {
            const auto read = config::read_duration(text);
            if (!read) throw CLI::ValidationError{name, "'" + text + "' " + read.error()};
            value = std::chrono::duration_cast<milliseconds>(*read);
          },
          help)
      ->type_name("TIME [" + shown + "]");
}

void add_target(CLI::App& verb, target& to) {
  verb.add_option("--at", to.at,
                  "a node to ask; several may be given, and the first that answers is asked. "
                  "Without it: the local cluster")
      ->type_name("HOST:PORT");
  verb.add_option("--dir", to.directory,
                  "the directory of a local cluster, as given to `troupe up`")
      ->type_name("DIR");
  verb.add_option("--cluster", to.cluster, "the cluster's name, where it is not 'troupe'")
      ->type_name("NAME");
  verb.add_option("--secret-file", to.secret_file, "file that holds the cluster's secret")
      ->type_name("FILE");
  verb.add_option("--certificate", to.certificate, "TLS: our certificate (PEM)")->type_name("FILE");
  verb.add_option("--key", to.key, "TLS: its private key (PEM)")->type_name("FILE");
  verb.add_option("--authority", to.authority, "TLS: who signs the cluster's certificates (PEM)")
      ->type_name("FILE");
  add_time(verb, "--timeout", to.timeout, "how long to wait for an answer");
}

exit_code fail(exit_code code, std::string_view sentence) {
  std::cout.flush();
  std::cerr << "troupe: " << sentence << '\n';
  return code;
}

exit_code fail(const caf::error& error) { return fail(exit_code_of(error), sentence_of(error)); }

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupts = interrupts + 1; };
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

int interruptions() { return interrupts; }
bool interrupted() { return interrupts > 0; }

int run(int argc, char** argv) {
  CLI::App app{
      "Troupe: clusters of actors. Starts nodes, looks at their cluster, and runs jobs on it.",
      "troupe"};
  app.footer(
      "Exit codes: 0 done; 1 certainly not done, and the sentence says why; 2 wrong usage;\n"
      "3 no node reachable; 5 unknown: it may or may not have happened.\n"
      "`troupe VERB --help` explains one verb. To begin: troupe up --nodes 3; troupe members");
  app.set_version_flag("--version", std::string{"troupe "} + version);
  app.require_subcommand(0, 1);
  app.get_formatter()->column_width(34);
  verbs all{app, {}};
  if (const auto* const mark = std::find(argv, argv + argc, std::string_view{"--"}); mark != argv + argc)
    all.behind = static_cast<std::size_t>(argv + argc - mark - 1);
  for (auto add : {add_up, add_members, add_submit, add_jobs, add_job, add_cancel, add_stop,
                   add_leave, add_down, add_metrics, add_node, add_certificates, add_config,
                   add_check, add_simulate, add_calc, add_failpoints, add_log, add_kv, add_elect, add_lock, add_locks, add_latch, add_barrier, add_mutex, add_journal, add_tree})
    add(all);
  const std::string first = argc > 1 ? argv[1] : "";
  if (first.empty()) {
    std::cerr << app.help();
    return static_cast<int>(exit_code::usage);
  }
  const auto known = verbs_of(app);
  if (first.front() != '-' && std::find(known.begin(), known.end(), first) == known.end())
    return static_cast<int>(
        wrong_usage("troupe", with_nearest("there is no verb '" + first + "'", first, known)));
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // help or version
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    const auto given = app.get_subcommands();
    const auto* verb = given.empty() ? &app : given.front();
    const std::string place = given.empty() ? "troupe" : "troupe " + verb->get_name();
    return static_cast<int>(wrong_usage(place, explained(*verb, error)));
  }
  [[maybe_unused]] const auto quiet =
      log::start({.levels = "off"});  // a node starts its own; others speak in sentences
  if (!all.chosen) return static_cast<int>(wrong_usage("troupe", "a verb is missing"));
  try {
    return static_cast<int>(all.chosen());
  } catch (const std::exception& error) {  // a bug of ours: it may have happened after the request
    return static_cast<int>(fail(exit_code::unknown, std::string{"unexpected: "} + error.what()));
  }
}
}  // namespace troupe::program

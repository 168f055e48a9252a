// troupe check: whether a recorded history is consistent.
#include "cluster/program/command.hpp"
#include "cluster/program/files.hpp"
#include "patterns/checking/checks.hpp"
#include "patterns/checking/timeline.hpp"
#include "runtime/checking_history.hpp"
#include "runtime/config/nearest.hpp"

#include <fstream>
#include <iostream>

#include <nlohmann/json.hpp>

namespace troupe::program {
namespace {
struct options {
  std::string model;
  std::string file;
  std::string page;
  std::uint64_t steps = checking::limits{}.steps;
  bool as_json = false;
};

std::string models_text() {
  std::string text = "Models:\n";
  for (const auto& c : checking::all_checks()) {
    std::string name{c.name};
    name.resize(std::max<std::size_t>(name.size(), 22), ' ');
    text += "  " + name + std::string{c.help} + '\n';
  }
  return text +
         "\nA history is JSON lines in the order they happened, or with times of one clock:\n"
         "  "
         "{\"process\":0,\"type\":\"invoke\",\"f\":\"write\",\"key\":\"x\",\"value\":1,\"time\":"
         "1200}\n"
         "where an operation's invoke is followed by ok (done), fail (certainly not done) or\n"
         "info (unknown). Event logs (troupe node --events, troupe simulate --events) may stand "
         "in\n"
         "one file, behind one another: their models take the events that they know, and skip "
         "others.\n"
         "Exit codes: 0 consistent; 1 violated; 2 wrong usage; 5 unknown.";
}

exit_code unknown_model(const std::string& given) {
  std::vector<std::string> known;
  for (const auto& c : checking::all_checks()) known.emplace_back(c.name);
  const auto meant = config::nearest(given, known);
  return fail(exit_code::usage, "there is no model '" + given + "'" +
                                    (meant.empty() ? "" : "; did you mean '" + meant + "'?") +
                                    "; `troupe check --help` lists them");
}

exit_code malformed(const std::string& file, const operations_read& read) {
  for (const auto& f : read.faults)
    std::cerr << file << ':' << f.line << ": this line " << f.sentence << '\n';
  if (read.faults_in_all > read.faults.size())
    std::cerr << "and " << read.faults_in_all - read.faults.size() << " more\n";
  return fail(exit_code::usage, file + " is no history: " + std::to_string(read.faults_in_all) +
                                    (read.faults_in_all == 1 ? " line is" : " lines are") +
                                    " wrong");
}

exit_code code_of(checking::verdict v) {
  switch (v) {
    case checking::verdict::consistent:
      return exit_code::done;
    case checking::verdict::violated:
      return exit_code::not_done;
    case checking::verdict::unknown:
      break;
  }
  return exit_code::unknown;
}

std::string json_of(const options& given, const checking::report& r) {
  nlohmann::ordered_json out{{"verdict", std::string{to_string(r.what)}},
                             {"model", given.model},
                             {"operations", r.checked},
                             {"steps", r.steps}};
  if (r.what != checking::verdict::consistent) out["why"] = r.sentence;
  if (r.what == checking::verdict::violated) {
    std::string keys = "[";
    for (const auto& key : r.keys) {
      if (keys.size() > 1) keys += ',';
      append_json(keys, key);
    }
    out["keys"] = nlohmann::ordered_json::parse(keys + ']');
    auto& smallest = out["smallest"] = nlohmann::ordered_json::array();
    const auto lines = write_history(events_of(r.smallest));
    for (std::size_t at = 0, end = 0; at < lines.size(); at = end + 1) {
      end = lines.find('\n', at);
      smallest.push_back(nlohmann::ordered_json::parse(lines.substr(at, end - at)));
    }
  }
  return out.dump();
}

exit_code check(const options& given) {
  const auto* const model = checking::check_named(given.model);
  if (!model) return unknown_model(given.model);
  const auto bytes = bytes_of(given.file);
  if (!bytes) return fail(exit_code::usage, "the file " + given.file + " cannot be read");
  const auto read = read_operations(*bytes, {}, model->events);
  if (read.faults_in_all > 0) return malformed(given.file, read);
  if (const auto stranger = checking::first_stranger(*model, read.operations)) {
    const auto& op = read.operations[stranger->place];
    return fail(exit_code::usage, "what process " + std::to_string(op.process) + " did at " +
                                      std::to_string(op.from) + " ns, " + to_string(op) + ", " +
                                      stranger->why);
  }
  if (read.skipped > 0 && read.operations.empty())
    return fail(exit_code::usage,
                given.file + " is an event log, and nothing in it is for the model " + given.model +
                    (model->events.empty() ? ", which judges histories" : ""));
  const auto report = model->judge(read.operations, {.steps = given.steps});
  const bool violated = report.what == checking::verdict::violated;
  const auto count = std::to_string(report.checked) + " operations";
  if (given.as_json)
    std::cout << json_of(given, report) << '\n';
  else if (report.what == checking::verdict::consistent)
    std::cout << "consistent (" << given.model << "): " << count << '\n';
  else if (violated)
    std::cout << "violated (" << given.model << "): " << report.sentence << "\n\n"
              << "the smallest part of " << count << " that still fails:\n"
              << text_timeline(report.smallest);
  if (violated && !given.page.empty()) {
    std::ofstream page{given.page, std::ios::binary};
    page << html_timeline(report.smallest, given.file + ": violated (" + given.model + ")",
                          report.sentence);
    if (!page.flush())
      std::cerr << "troupe: the page could not be written to " << given.page << '\n';
  }
  if (report.what == checking::verdict::unknown && !given.as_json)
    return fail(exit_code::unknown, report.sentence);
  return code_of(report.what);
}
}  // namespace

void add_check(verbs& all) {
  CLI::App* verb = nullptr;
  auto given =
      add_verb<options>(all, "check", "Judge a recorded history or event log", &check, verb);
  verb->footer(models_text());
  verb->add_option("FILE", given->file,
                   "the history or event log, as JSON lines; - is standard input")
      ->required();
  verb->add_option("--model", given->model, "what it has to be, see below")
      ->required()
      ->type_name("MODEL");
  verb->add_option("--html", given->page, "write a violation's timeline to this file")
      ->type_name("FILE");
  verb->add_option("--steps", given->steps, "how long to search before giving up as unknown")
      ->type_name("N [" + std::to_string(given->steps) + "]")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000'000}));
  verb->add_flag("--json", given->as_json, "one JSON object");
}
}  // namespace troupe::program

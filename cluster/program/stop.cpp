// troupe stop: ends the nodes of a local cluster in order, and leaves none behind.
#include "cluster/program/command.hpp"
#include "cluster/program/local_cluster.hpp"

#include <algorithm>
#include <csignal>
#include <iostream>

namespace troupe::program {
namespace {
using clock = std::chrono::steady_clock;
struct options {
  std::string directory;
  milliseconds timeout{20'000};
};

milliseconds until(clock::time_point end) {
  return std::max(milliseconds{0}, std::chrono::duration_cast<milliseconds>(end - clock::now()));
}

void ask(const local_node& node) {
  send_signal(node.runs, SIGTERM);
  send_signal(node.runs, SIGCONT);  // one that is frozen could not hear it
}

// Waits for a node that was asked, and insists at the end. Says what became of it.
const char* await(const local_node& node, bool was_running, clock::time_point end) {
  if (!was_running) return "was not running any more";
  if (wait_gone({node.runs}, until(end))) return "left and stopped";
  send_signal(node.runs, SIGKILL);
  return wait_gone({node.runs}, milliseconds{5'000}) ? "did not stop in time and was killed"
                                                     : "cannot be killed";
}

// All but the eldest at once: it stays to see the others off. Nobody is waited for longer than `end`.
bool stop_nodes(const std::vector<local_node>& nodes, clock::time_point end) {
  const auto half = clock::now() + (end - clock::now()) / 2;
  std::vector<bool> ran;
  for (const auto& node : nodes) ran.push_back(alive(node.runs));
  bool all_gone = true;
  for (std::size_t i = 1; i < nodes.size(); ++i) ask(nodes[i]);
  for (std::size_t i = nodes.size(); i-- > 0;) {
    if (i == 0) ask(nodes[i]);
    std::cout << nodes[i].name << ' ' << await(nodes[i], ran[i], i == 0 ? end : half) << std::endl;
    all_gone = all_gone && !alive(nodes[i].runs);
  }
  return all_gone;
}

exit_code stop(const options& given) {
  const auto found = the_cluster(given.directory);
  if (!found) return fail(exit_code::not_done, found.error());
  const auto lock = directory_lock::take(found->directory);
  if (!lock)
    return fail(exit_code::not_done,
                "another `troupe up` or `stop` works on " + found->directory.string());
  const auto end = clock::now() + given.timeout;
  const bool all_gone = found->nodes.empty() || stop_nodes(found->nodes, end);
  if (!all_gone)
    return fail(
        exit_code::not_done,
        "a node could not be killed; its cluster stays registered in " + found->directory.string());
  leave_register(found->directory);
  const auto base = base_directory();
  const bool of_ours = base && found->directory.parent_path() == *base;
  remove_files(*found, of_ours);
  leave_register(found->directory);  // again: the base directory may have become empty
  std::cout << "the cluster is stopped"
            << (of_ours ? "" : "; its logs stay in " + found->directory.string()) << '\n';
  return exit_code::done;
}
}  // namespace

void add_stop(verbs& all) {
  CLI::App* verb = nullptr;
  auto given =
      add_verb<options>(all, "stop", "Stop a cluster that `troupe up` has started", &stop, verb);
  verb->footer(
      "All nodes leave the cluster and end, the first one last; one that does not in time is "
      "killed.");
  verb->add_option("--dir", given->directory, "its directory, where more than one cluster runs")
      ->type_name("DIR");
  add_time(*verb, "--timeout", given->timeout, "for all nodes together");
}
}  // namespace troupe::program

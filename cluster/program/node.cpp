// troupe node: one node of a cluster, until a signal or a `leave` ends it.
#include "cluster/node.hpp"

#include "cluster/program/command.hpp"
#include "runtime/failpoint.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>

namespace troupe::program {
namespace {
struct options {
  config::sources from;
  std::string address_file;
  std::vector<std::string> failpoints;
};

// Where scripts find out which port it was; whole or not there at all.
bool publish(const std::string& file, const std::string& address) {
  const auto fresh = file + ".new";
  {
    std::ofstream out{fresh, std::ios::trunc};
    out << address << '\n';
    out.close();
    if (!out) return false;
  }
  return !reached(failpoint::node_address_rename) && std::rename(fresh.c_str(), file.c_str()) == 0;
}

exit_code run_node(const options& given) {
  if (const auto on = failpoints::read_environment(); !on)
    return fail(exit_code::usage, on.error());
  for (const auto& text : given.failpoints)
    if (const auto on = failpoints::switch_on(text); !on) return fail(exit_code::usage, on.error());
  auto from = given.from;
  from.environment = config::environment();
  const auto settings = config::load(node_options(), from);
  if (!settings) return fail(exit_code::usage, settings.error());
  auto wanted = node_settings_from(*settings);
  if (!wanted) return fail(exit_code::usage, wanted.error());
  if (const auto started = log::start(wanted->log); !started)
    return fail(exit_code::not_done, started.error());
  const auto on_start = [&](node& n) {
    if (!given.address_file.empty() && !publish(given.address_file, n.address()))
      log::error("node", "cannot write the address file", {{"file", given.address_file}});
  };
  node n{std::move(*wanted), on_start};
  if (const auto started = n.start(); !started) return fail(exit_code::not_done, started.error());
  return n.run();
}

// The short names for what the configuration calls by section and key.
void add_short(CLI::App& verb, const std::string& name, const std::string& key,
               config::sources& into, const std::string& help, const std::string& type) {
  verb.add_option_function<std::string>(
          name, [&into, key](const std::string& text) { into.flags.emplace_back(key, text); }, help)
      ->type_name(type);
}
}  // namespace

void add_node(verbs& all) {
  CLI::App* verb = nullptr;
  auto given =
      add_verb<options>(all, "node", "Run one node of a cluster in this process", &run_node, verb);
  auto& from = given->from;
  verb->footer(
      "Each setting of `troupe config` is also a flag, like --membership.probe-interval 1s. "
      "SIGTERM and SIGINT\n"
      "let the node leave in order. A node without a secret or certificates listens on loopback "
      "only.\n"
      "  troupe node --name a --listen 127.0.0.1:4711\n"
      "  troupe node --name b --listen 127.0.0.1:4712 --seed 127.0.0.1:4711");
  add_short(*verb, "--name", "node.name", from, "the node's name, unique in the cluster", "N");
  verb->get_option("--name")->required();
  add_short(*verb, "--listen", "node.listen", from,
            "where it listens; port 0 takes any that is free", "HOST:PORT");
  verb->add_option_function<std::vector<std::string>>(
          "--seed",
          [&from](const std::vector<std::string>& given_seeds) {
            std::string joined;
            for (const auto& seed : given_seeds) joined += (joined.empty() ? "" : ",") + seed;
            from.flags.emplace_back("cluster.seeds", joined);
          },
          "a member to ask for joining; without any the node forms a cluster")
      ->type_name("HOST:PORT ...");
  add_short(*verb, "--cluster", "cluster.name", from, "the cluster's name", "NAME [troupe]");
  add_short(*verb, "--bootstrap-expect", "cluster.bootstrap-expect", from,
            "this node is one of so many first voters of the cluster's replicated log", "N");
  add_short(*verb, "--roles", "node.roles", from, "what the node is for", "A,B");
  add_short(*verb, "--data", "node.data", from, "a directory of this node alone", "DIR");
  verb->add_option("--config", from.file, "configuration file")->type_name("FILE");
  add_short(*verb, "--events", "node.events", from,
            "file that gets the node's events as JSON lines", "FILE");
  add_short(*verb, "--secret-file", "security.secret-file", from,
            "file whose first line is the cluster's secret", "FILE");
  verb->add_option("--address-file", given->address_file,
                   "file that gets the address once the node listens")
      ->type_name("FILE");
  verb->add_option("--failpoint", given->failpoints,
                   "for tests: what happens at a place where a crash would hurt, such as "
                   "mapreduce.commit.rename=crash@3; `troupe failpoints` lists them")
      ->type_name("NAME=ACTION")
      ->allow_extra_args(false);
  config::add_flags(*verb, node_options(), from, "");
}
}  // namespace troupe::program

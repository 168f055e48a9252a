// troupe up: a cluster of N node processes on loopback, as processes of their own that outlive this one.
#include "cluster/program/client.hpp"
#include "cluster/program/local_cluster.hpp"
#include "cluster/settings.hpp"
#include "runtime/options.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iostream>
#include <random>
#include <thread>

#include <sys/stat.h>

namespace troupe::program {
namespace {
namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;
using outcome_of_step = result<void, std::string>;

struct options {
  int nodes = 3;
  int voters = -1;  // of the replicated log; -1: three, if there are as many nodes
  std::string directory;
  std::string cluster = "troupe";
  std::string config;
  config::sources settings;  // flags for all nodes
  bool events = false;
  milliseconds timeout{30'000};
};

std::string minted_secret() {
  std::random_device source;
  std::string secret;
  static constexpr char digits[] = "0123456789abcdef";
  for (int i = 0; i < 64; ++i) secret += digits[source() & 15U];
  return secret;
}

result<fs::path, std::string> chosen_directory(const options& given) {
  if (!given.directory.empty()) return fs::absolute(given.directory).lexically_normal();
  const auto base = base_directory();
  if (!base) return unexpected{base.error()};
  return *base / given.cluster;
}

// Makes the directory fit for a new cluster, and only then.
outcome_of_step prepare(const fs::path& directory) {
  const auto shown = directory.string();
  if (const auto there = load(directory)) {
    const auto living = there->living().size();
    if (living > 0)
      return unexpected{"a cluster runs in " + shown + " already (" + std::to_string(living) +
                        " nodes): `troupe stop --dir " + shown + "` stops it"};
    remove_files(*there, true);
  }
  std::error_code failed;
  fs::create_directories(directory, failed);
  if (failed) return unexpected{"cannot make the directory " + shown + ": " + failed.message()};
  for (const auto& entry : fs::directory_iterator{directory, failed})
    if (const auto name = entry.path().filename();
        name != "lock" && name.extension() != ".log" && name.extension() != ".events")
      return unexpected{shown + " holds files that are none of ours (" + name.string() +
                        "): give an empty or a new directory"};
  if (failed) return unexpected{"cannot read the directory " + shown + ": " + failed.message()};
  fs::permissions(directory, fs::perms::owner_all, failed);
  return {};
}

outcome_of_step write_secret(const fs::path& file) {
  const auto before = ::umask(077);
  std::ofstream out{file};
  ::umask(before);
  out << minted_secret() << '\n';
  out.close();
  if (!out) return unexpected{"cannot write " + file.string() + ": " + std::strerror(errno)};
  return {};
}

// The last line a node logged, which mostly says why it ended.
std::string last_line(const fs::path& log) {
  std::ifstream file{log};
  std::string line, last;
  while (std::getline(file, line))
    if (!line.empty()) last = line;
  return last;
}

class starter {
 public:
  starter(const options& given, local_cluster& cluster)
      : given_{given}, cluster_{cluster}, end_{clock::now() + given.timeout} {}

  outcome_of_step run() {
    for (int i = 1; i <= given_.nodes; ++i) {
      const auto seed = cluster_.nodes.empty() ? std::string{} : cluster_.nodes.front().address;
      if (auto done = start_node("n" + std::to_string(i), seed); !done) return done;
      if (i == 1)  // the others need its address
        if (auto done = await_address(0); !done) return done;
    }
    for (std::size_t i = 1; i < cluster_.nodes.size(); ++i)
      if (auto done = await_address(i); !done) return done;
    if (auto done = save(cluster_); !done) return done;
    for (const auto& node : cluster_.nodes)
      if (auto done = await_members(node); !done) return done;
    return {};
  }

 private:
  outcome_of_step start_node(const std::string& name, const std::string& seed) {
    launch what{
        {own_program().string(), "node", "--name", name, "--listen", "127.0.0.1:0", "--cluster",
         cluster_.name, "--secret-file", cluster_.secret().string(), "--data",
         cluster_.data_of(name).string(), "--address-file", cluster_.address_of(name).string()},
        cluster_.log_of(name)};
    auto add = [&](const std::string& option, const std::string& value) {
      what.command.push_back(option);
      what.command.push_back(value);
    };
    if (!seed.empty()) add("--seed", seed);
    if (cluster_.nodes.size() < static_cast<std::size_t>(voters()))
      add("--bootstrap-expect", std::to_string(voters()));
    if (!given_.config.empty()) add("--config", fs::absolute(given_.config).string());
    for (const auto& [key, text] : given_.settings.flags)
      what.command.push_back("--" + key + "=" + text);
    if (given_.events) add("--events", cluster_.events_of(name).string());
    std::error_code ignored;
    fs::remove(cluster_.address_of(name), ignored);
    fs::remove(cluster_.events_of(name), ignored);  // a former cluster's
    const auto started = start(what);
    if (!started)
      return unexpected{"the system does not start another process: " +
                        std::string{std::strerror(errno)}};
    cluster_.nodes.push_back({name, *started, {}});
    return save(cluster_);
  }

  // Of the replicated log: the first three, or as many as can outvote one another.
  int voters() const { return given_.voters >= 0 ? given_.voters : given_.nodes >= 3 ? 3 : 1; }

  outcome_of_step pause(const local_node& node, const char* until) {
    if (interrupted()) return unexpected<std::string>{"interrupted"};
    for (const auto& each : cluster_.nodes)
      if (const auto how = ended(each.runs)) {
        const auto line = last_line(cluster_.log_of(each.name));
        return unexpected{"node " + each.name + " " + *how + (line.empty() ? "" : ": " + line)};
      }
    if (clock::now() >= end_)
      return unexpected{"after " + std::to_string(given_.timeout.count() / 1000) + " s node " +
                        node.name + " " + until};
    std::this_thread::sleep_for(milliseconds{10});
    return {};
  }

  outcome_of_step await_address(std::size_t index) {
    auto& node = cluster_.nodes[index];
    for (;;) {
      std::ifstream file{cluster_.address_of(node.name)};
      if (std::getline(file, node.address) && !node.address.empty()) return {};
      if (auto go_on = pause(node, "does not listen yet"); !go_on) return go_on;
    }
  }

  // Every node has to see all of them up, and nobody else.
  outcome_of_step await_members(const local_node& node) {
    target to;
    to.at = {node.address};
    to.cluster = cluster_.name;
    to.secret_file = cluster_.secret().string();
    to.timeout = milliseconds{2'000};
    std::unique_ptr<client> with;
    for (;;) {
      if (!with)
        if (auto connected = client::connect(to)) with = std::move(*connected);
      if (with) {
        const auto got = with->members();
        if (got && all_up(*got)) return {};
        if (!got) with.reset();
      }
      if (auto go_on = pause(node, "does not see all members up"); !go_on) return go_on;
    }
  }
  bool all_up(const management::members_reply& seen) const {
    const auto up = std::count_if(seen.members.begin(), seen.members.end(),
                                  [](const auto& m) { return m.state == "up"; });
    return up == given_.nodes;
  }

  const options& given_;
  local_cluster& cluster_;
  clock::time_point end_;
};

void undo(const local_cluster& cluster) {
  std::vector<process> all;
  for (const auto& node : cluster.nodes) {
    send_signal(node.runs, SIGKILL);
    all.push_back(node.runs);
  }
  wait_gone(all, milliseconds{5'000});
  leave_register(cluster.directory);
  remove_files(cluster, false);
}

// What tells one node from another, or one cluster, is up to `up`: it would be the same for all of them.
void forget_identity() {
  const auto all = node_options();
  for (const auto& [name, text] : config::environment())
    for (const auto& [key, option] : all.options())
      if (of_one_node(key) && config::environment_name(key) == name) ::unsetenv(name.c_str());
}
std::string identity_in(const config::settings& from) {
  const auto all = node_options();
  for (const auto& [key, option] : all.options())
    if (of_one_node(key) && !from.is_default(key))
      return from.source(key) + ": " + key + " is given by `troupe up` to each node: leave it out";
  return {};
}

exit_code up(const options& given) {
  if (given.nodes < 1 || given.nodes > 200)
    return fail(exit_code::usage, "--nodes takes a number from 1 to 200");
  if (given.voters > given.nodes)
    return fail(exit_code::usage, "--voters: there are no more voters than nodes");
  forget_identity();
  auto checked = given.settings;  // here, so that a mistake is told at once and not by a node's log
  checked.file = given.config;
  checked.environment = config::environment();
  const auto settings = config::load(node_options(), checked);
  if (!settings) return fail(exit_code::usage, settings.error());
  if (const auto wrong = identity_in(*settings); !wrong.empty())
    return fail(exit_code::usage, wrong);
  if (const auto sound = node_settings_from(*settings); !sound)
    return fail(exit_code::usage, sound.error());
  catch_interrupts();
  const auto began = clock::now();
  const auto directory = chosen_directory(given);
  if (!directory) return fail(exit_code::not_done, directory.error());
  std::error_code ignored;
  fs::create_directories(directory->parent_path(), ignored);
  const bool made = fs::create_directory(*directory, ignored);
  const auto lock = directory_lock::take(*directory);
  if (!lock)
    return fail(exit_code::not_done, "cannot lock " + directory->string() +
                                         ": another `troupe up` or `stop` works on it, or it is "
                                         "not writable");
  const auto refuse = [&](const std::string& why) {
    if (made) fs::remove_all(*directory, ignored);
    if (!made && !load(*directory)) fs::remove(*directory / "lock", ignored);
    return fail(exit_code::not_done, why);
  };
  if (const auto ready = prepare(*directory); !ready) return refuse(ready.error());
  local_cluster cluster{*directory, given.cluster, {}};
  if (const auto done = write_secret(cluster.secret()); !done) return refuse(done.error());
  starter work{given, cluster};
  auto done = enter_register(cluster);
  if (done) done = work.run();
  if (done)
    done = enter_register(cluster);  // again, for whoever may have taken it for dead meanwhile
  if (!done) {
    undo(cluster);
    return fail(exit_code::not_done, "the cluster did not start: " + done.error() +
                                         "; its logs are in " + directory->string());
  }
  const auto took = std::chrono::duration_cast<milliseconds>(clock::now() - began);
  for (const auto& node : cluster.nodes)
    std::cout << node.name << "  " << node.address << "  pid " << node.runs.pid << '\n';
  std::cout << given.nodes << (given.nodes == 1 ? " node is" : " nodes are") << " up after "
            << took.count() << " ms; " << directory->string() << '\n';
  return exit_code::done;
}
}  // namespace

void add_up(verbs& all) {
  CLI::App* verb = nullptr;
  auto given = add_verb<options>(all, "up", "Start a cluster of N node processes on this machine",
                                 &up, verb);
  verb->footer(
      "Returns when each node sees all of them up; the nodes run on until `troupe stop`. They "
      "listen "
      "on loopback, on free\nports, and prove themselves with a secret that is made for them. "
      "Settings of "
      "`troupe config` are flags\nfor all nodes, like --membership.downing keep-oldest, but for "
      "node.*, cluster.* and security.*, which `up`\nchooses itself, whatever the environment "
      "says.");
  verb->add_option("--nodes,-n", given->nodes, "how many")->type_name("N [3]");
  verb->add_option("--voters", given->voters,
                   "so many of them, the first, decide in the replicated log; 0: there is none")
      ->type_name("N [3]")
      ->check(CLI::Range(0, 99));
  verb->add_option("--dir", given->directory,
                   "where their logs and data go; without it a directory of yours under "
                   "$XDG_RUNTIME_DIR or /tmp")
      ->type_name("DIR");
  verb->add_option("--cluster", given->cluster, "the cluster's name")->type_name("NAME [troupe]");
  verb->add_option("--config", given->config, "configuration file of all nodes")
      ->type_name("FILE")
      ->check(CLI::ExistingFile);
  config::schema shared;
  declare_runtime_options(shared);
  declare_shared_options(shared);
  config::add_flags(*verb, shared, given->settings, "");
  verb->add_flag("--events", given->events, "each node writes its events to DIR/NODE.events");
  add_time(*verb, "--timeout", given->timeout, "how long to wait for all to be up");
}
}  // namespace troupe::program

// troupe elect NAME -- COMMAND: runs it while this process leads. By the replicated map (log) it is ended before another may
// lead; by an algorithm of the nodes' own, elect_members.cpp.
#include "actors/election/campaign.hpp"
#include "cluster/program/child.hpp"
#include "cluster/program/client.hpp"
#include "cluster/program/elect_compare.hpp"
#include "cluster/program/elect_members.hpp"
#include "cluster/program/json.hpp"
#include "runtime/codec/inspect.hpp"

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <thread>

#include <caf/all.hpp>
#include <unistd.h>

namespace troupe::program {
namespace {
using clock = std::chrono::steady_clock;
struct options {
  target to;
  std::string name, value, algorithm;
  std::vector<std::string> command, members, observers;
  milliseconds ttl{5'000}, wait{0}, patience{1'000};
  bool as_json = false, watch = false, compare = false, remove = false, keep_incumbent = false;
  comparison_options comparison;
  const CLI::Option* patience_option = nullptr;
  election_wish wish() const {
    election_wish w{name, algorithm, members, observers, std::nullopt, keep_incumbent};
    if (patience_option->count() > 0) w.patience = patience;
    return w;
  }
};

// Leads, runs, and gives up; one after the other.
class term {
 public:
  term(const options& given, client& with, caf::actor log) : given_{given}, self_{with.system()} {
    campaign_ = election::spawn_campaign(
        with.system(), std::move(log), caf::actor_cast<caf::actor>(self_),
        {.election = given.name,
         .name = with.node() + "/" + std::to_string(::getpid()),
         .bounds = {.ttl = given.ttl, .margin = given.ttl / 5},
         .prefer = with.node()});
    self_->send(campaign_, election::campaign{given.value});
  }
  int run() {
    const auto last = clock::now() + given_.wait;
    while (!over_) {
      self_->receive([&](const election::elected& e) { begin(e.token); },
                     [&](const election::lost& l) { lose(l); }, [](const election::proclaimed&) {},
                     [&](const election::declined& d) {
                       over_ = static_cast<int>(fail(exit_code::not_acquired, storage::explain(d.why)));
                     },
                     caf::after(milliseconds{10}) >> [] {});
      if (over_) break;
      if (runs_) {
        if (const auto code = runs_->ended()) give_back(*code);
        if (interrupted() && !told_) told_ = true, runs_->signal(SIGTERM);
      } else if (interrupted()) {
        give_back(static_cast<int>(exit_code::not_acquired));
      } else if (given_.wait.count() > 0 && clock::now() >= last) {
        std::cerr << "troupe: '" << given_.name << "' was not won within the time given\n";
        give_back(static_cast<int>(exit_code::not_acquired));
      }
    }
    return *over_;
  }

 private:
  void begin(std::uint64_t token) {
    if (given_.as_json)
      std::cerr << one_line({{"event", "elected"}, {"election", given_.name}, {"token", token}}) << std::endl;
    const auto number = std::to_string(token);
    runs_ = child::start(given_.command, {{"TROUPE_FENCE", number}, {"TROUPE_TERM", number}, {"TROUPE_ELECTION", given_.name}});
    if (!runs_) over_ = static_cast<int>(fail(exit_code::wrapper, "the system does not start another process"));
  }
  void lose(const election::lost& l) {
    if (given_.as_json)
      std::cerr << one_line({{"event", "lost"}, {"election", given_.name}, {"token", l.token}, {"why", to_string(l.why)}})
                << std::endl;
    if (!runs_ || ending_) return;
    runs_->end(given_.ttl / 10);  // a half of the margin
    over_ = static_cast<int>(
        fail(exit_code::lost, "leadership of '" + given_.name + "' was lost (" + to_string(l.why) + "): the command was ended"));
  }
  // The next one need not wait for the lease to run out.
  void give_back(int code) {
    ending_ = true;
    over_ = code;
    self_->monitor(campaign_);
    self_->send(campaign_, election::retire{});
    self_->receive_while([last = clock::now() + milliseconds{1'000}, this] { return !gone_ && clock::now() < last; })(
        [&](const election::lost& l) { lose(l); }, [&](const caf::down_msg&) { gone_ = true; },
        [](const election::elected&) {}, [](const election::proclaimed&) {}, [](const election::declined&) {},
        caf::after(milliseconds{50}) >> [] {});
  }

  const options& given_;
  caf::scoped_actor self_;
  caf::actor campaign_;
  std::optional<child> runs_;
  std::optional<int> over_;
  bool told_ = false, ending_ = false, gone_ = false;
};

exit_code observe(const options& given, client& with, caf::actor log) {
  caf::scoped_actor self{with.system()};
  election::spawn_observer(with.system(), std::move(log), caf::actor_cast<caf::actor>(self),
                           {.election = given.name, .prefer = with.node()});
  bool told = false;
  const auto last = clock::now() + given.to.timeout;
  while (!interrupted() && (given.watch || !told) && (told || clock::now() < last))
    self->receive(
        [&](const election::leader& l) {
          told = true;
          if (given.as_json)
            std::cout << one_line({{"leader", l.name}, {"value", l.value}, {"token", l.token}}) << std::endl;
          else
            std::cout << l.name << " leads, fence " << l.token << (l.value.empty() ? "" : ": " + l.value) << std::endl;
        },
        [&](const election::vacant&) {
          told = true;
          std::cout << (given.as_json ? "{\"leader\":null}" : "nobody leads") << std::endl;
        },
        caf::after(milliseconds{100}) >> [] {});
  if (!told && !interrupted()) return fail(exit_code::no_node, "the replicated map did not answer in time: `troupe log status` shows its leader");
  return exit_code::done;
}

// --members names nodes, and with --compare it counts them.
exit_code compare(const options& given) {
  if (!given.name.empty() || !given.command.empty())
    return fail(exit_code::usage, "--compare runs elections of its own, on a simulated network: it takes no name and no command");
  auto how = given.comparison;
  how.as_json = given.as_json;
  if (!given.members.empty()) how.members.clear();
  for (const auto& text : given.members) {
    char* rest = nullptr;
    const auto n = std::strtoul(text.c_str(), &rest, 10);
    if (*rest != '\0' || n < 3 || n > 99) return fail(exit_code::usage, "--members: with --compare numbers of members, 3 to 99, not '" + text + "'");
    how.members.push_back(static_cast<std::uint32_t>(n));
  }
  return compare_elections(how);
}

std::string wrong_in(const options& given) {
  if (given.name.empty()) return "troupe elect: NAME is required; see `troupe elect --help`";
  if (given.patience < milliseconds{100}) return "--patience: at least 100ms, or a busy machine is taken for a dead one";
  if (const auto wrong = election_name_problem(given.name); !given.algorithm.empty() && !wrong.empty()) return wrong;
  if (!given.algorithm.empty() && given.algorithm != "log" && !is_algorithm(given.algorithm))
    return "--algorithm: bully, raft, zab or log, not '" + given.algorithm + "'";
  if ((given.algorithm.empty() || given.algorithm == "log") && !(given.members.empty() && given.observers.empty()))
    return "--members and --observers go with --algorithm bully, raft or zab";
  if (given.patience_option->count() > 0 && given.algorithm == "log") return "--patience goes with --algorithm bully, raft or zab: log has --ttl";
  if (given.keep_incumbent && given.algorithm != "bully") return "--keep-incumbent goes with --algorithm bully: elsewhere who leads stays anyway";
  if (!given.command.empty() && (given.watch || given.remove)) return "troupe elect: give a COMMAND, or --watch, or --remove";
  return {};
}

exit_code serve(const options& given, client& with) {
  if (given.remove) return remove_election(with, given.name);
  const bool stands = !given.command.empty();
  const auto refused = [&](const problem& why) { return stands ? fail(exit_code::not_acquired, why.sentence) : fail(why); };
  std::string by = given.algorithm;
  std::optional<founded_election> what;
  if (by.empty()) {  // whatever it is; an election that nobody has founded is the map's
    auto found = find_election(with, given.name);
    if (!found) return refused(found.error());
    what = std::move(*found);
    const auto is = what ? what->charter : election_charter{"log", {}, {}};
    if (const auto no = contradiction(given.wish(), is)) return refused(*no);
    by = is.algorithm;
  } else {
    auto found = found_election(with, given.wish());
    if (!found) return refused(found.error());
    what = std::move(*found);
  }
  if (by != "log") {
    if (!stands) return show_election(with, given.name, given.watch, given.as_json);
    return static_cast<exit_code>(stand_in(with, *what, {given.name, given.command, given.wait, given.as_json}));
  }
  auto log = with.lasting_log();
  if (!log) return refused(log.error());
  return stands ? static_cast<exit_code>(term{given, with, std::move(*log)}.run()) : observe(given, with, std::move(*log));
}

exit_code elect(const options& given) {
  if (given.compare) return compare(given);
  if (const auto wrong = wrong_in(given); !wrong.empty()) return fail(exit_code::usage, wrong);
  catch_interrupts();
  auto connected = client::connect(given.to);
  if (!connected) return given.command.empty() ? fail(connected.error()) : fail(exit_code::not_acquired, connected.error().sentence);
  return serve(given, **connected);
}
}  // namespace

void add_elect(verbs& all) {
  CLI::App* verb = nullptr;
  auto given = add_verb<options>(all, "elect", "Run a command while this process leads", &elect, verb);
  verb->footer(
      "Whoever leads in NAME runs its COMMAND; the others wait. Without a COMMAND it shows who leads.\n"
      "The command finds in TROUPE_TERM the term that it leads in, and in TROUPE_FENCE a number that rises from leader to\n"
      "leader: let what it writes to refuse a lower one. It is ended (SIGTERM, then SIGKILL) where leadership is lost.\n"
      "  log     the replicated map's own: ended before another can win (the default)\n"
      "  raft    a majority of the members' nodes votes; at most one leader a term\n"
      "  zab     the same by ZooKeeper's votes\n"
      "  bully   the highest node that has a contender; no TROUPE_FENCE, for two may lead while nodes do not hear each other\n"
      "By raft, zab and bully COMMAND contends at the node that --at names. The first who asks founds the election.\n"
      "Exit codes: the command's own; 121 not elected, 122 lost while it ran, 125 anything else.\n"
      "  troupe elect nightly --wait 10s -- ./report.sh\n"
      "  troupe elect billing --algorithm raft --members a,b,c -- ./bill");
  verb->add_option("NAME", given->name, "the election");
  verb->add_option("COMMAND", given->command, "behind --, with its arguments")->type_name("-- COMMAND ...");
  verb->add_option("--value", given->value, "what observers are shown");
  add_time(*verb, "--ttl", given->ttl, "a leader that is not heard for so long has lost");
  add_time(*verb, "--wait", given->wait, "give up after so long; without it, never");
  verb->add_option("--algorithm", given->algorithm, "bully, raft, zab or log; without it, NAME's own, or log");
  verb->add_option("--observers", given->observers, "raft, zab: the nodes that only look on: d,e")->delimiter(',');
  given->patience_option = add_time(*verb, "--patience", given->patience, "bully, raft, zab: a leader that is not heard for so long is given up; decided by the first who asks");
  verb->add_flag("--keep-incumbent", given->keep_incumbent, "bully: who comes back takes over from nobody");
  verb->add_flag("--watch,--observe", given->watch, "show who leads, whenever that changes");
  verb->add_flag("--remove", given->remove, "end an election by algorithm: whoever leads has lost");
  verb->add_flag("--compare", given->compare, "instead: bully, raft and zab beside their formulas, on a simulated network");
  verb->add_option("--members", given->members, "the nodes with a voice: a,b,c; without it, all that are up. --compare: for these numbers of members: 3,5,9")
      ->delimiter(',');
  verb->add_flag("--unnoticed", given->comparison.unnoticed, "--compare: who dies is missed by its silence alone");
  verb->add_option("--svg", given->comparison.svg, "--compare: and draw the messages into this file");
  verb->add_flag("--json", given->as_json, "as JSON lines: who leads to standard output, a command's fate to standard error");
  add_target(*verb, given->to);
}
}  // namespace troupe::program

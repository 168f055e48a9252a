// troupe elect NAME -- COMMAND: runs it while this process leads, and ends it before another may.
#include "actors/election/campaign.hpp"
#include "cluster/program/child.hpp"
#include "cluster/program/client.hpp"
#include "cluster/program/elect_compare.hpp"
#include "cluster/program/json.hpp"
#include "runtime/codec/inspect.hpp"

#include <csignal>
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
  std::string name, value;
  std::vector<std::string> command;
  milliseconds ttl{5'000}, wait{0};
  bool as_json = false, observe = false, compare = false;
  comparison_options comparison;
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
    runs_ = child::start(given_.command, {{"TROUPE_FENCE", std::to_string(token)}, {"TROUPE_ELECTION", given_.name}});
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

int observe(const options& given, client& with, caf::actor log) {
  caf::scoped_actor self{with.system()};
  election::spawn_observer(with.system(), std::move(log), caf::actor_cast<caf::actor>(self),
                           {.election = given.name, .prefer = with.node()});
  while (!interrupted())
    self->receive(
        [&](const election::leader& l) {
          if (given.as_json)
            std::cout << one_line({{"leader", l.name}, {"value", l.value}, {"token", l.token}}) << std::endl;
          else
            std::cout << l.name << " leads, fence " << l.token << (l.value.empty() ? "" : ": " + l.value) << std::endl;
        },
        [&](const election::vacant&) {
          std::cout << (given.as_json ? "{\"leader\":null}" : "nobody leads") << std::endl;
        },
        caf::after(milliseconds{100}) >> [] {});
  return 0;
}

exit_code elect(const options& given) {
  if (given.compare) {
    auto how = given.comparison;
    how.as_json = given.as_json;
    return compare_elections(how);
  }
  if (given.name.empty()) return fail(exit_code::usage, "troupe elect: NAME is required; see `troupe elect --help`");
  if (given.command.empty() != given.observe)
    return fail(exit_code::usage, "troupe elect: give a COMMAND behind --, or --observe");
  catch_interrupts();
  auto connected = client::connect(given.to);
  if (!connected) return given.observe ? fail(connected.error()) : fail(exit_code::not_acquired, connected.error().sentence);
  auto log = (*connected)->log();
  if (!log) return fail(log.error());
  const auto code = given.observe ? observe(given, **connected, std::move(*log)) : term{given, **connected, std::move(*log)}.run();
  return static_cast<exit_code>(code);
}
}  // namespace

void add_elect(verbs& all) {
  CLI::App* verb = nullptr;
  auto given = add_verb<options>(all, "elect", "Run a command while this process leads", &elect, verb);
  verb->footer(
      "Whoever leads in NAME runs its COMMAND; the others wait. The command finds in TROUPE_FENCE a number that rises\n"
      "from leader to leader: let what it writes to refuse a lower one. Where leadership is lost the command is ended\n"
      "before another can win (SIGTERM, then SIGKILL).\n"
      "Exit codes: the command's own; 121 not acquired, 122 lost while it ran, 125 anything else.\n"
      "  troupe elect nightly --wait 10s -- ./report.sh");
  verb->add_option("NAME", given->name, "the election");
  verb->add_option("COMMAND", given->command, "behind --, with its arguments")->type_name("-- COMMAND ...");
  verb->add_option("--value", given->value, "what observers are shown");
  add_time(*verb, "--ttl", given->ttl, "a leader that is not heard for so long has lost");
  add_time(*verb, "--wait", given->wait, "give up after so long; without it, never");
  verb->add_flag("--observe", given->observe, "show who leads, whenever that changes");
  verb->add_flag("--compare", given->compare, "instead: bully, raft and zab beside their formulas, on a simulated network");
  verb->add_option("--members", given->comparison.members, "--compare: for these numbers of members: 3,5,9")
      ->delimiter(',')
      ->check(CLI::Range(3, 99));
  verb->add_flag("--unnoticed", given->comparison.unnoticed, "--compare: who dies is missed by its silence alone");
  verb->add_option("--svg", given->comparison.svg, "--compare: and draw the messages into this file");
  verb->add_flag("--json", given->as_json, "events as JSON lines: of --observe to standard output, else to standard error");
  add_target(*verb, given->to);
}
}  // namespace troupe::program

// troupe lock NAME -- COMMAND: runs it while the lock is held, and ends it before another can hold it.
#include "actors/lock/locks.hpp"
#include "cluster/program/child.hpp"
#include "cluster/program/json.hpp"
#include "cluster/program/lock_store.hpp"
#include "patterns/lock/kinds.hpp"
#include "runtime/codec/inspect.hpp"

#include <csignal>
#include <iostream>
#include <limits>
#include <optional>

#include <caf/all.hpp>

namespace troupe::program {
namespace {
using clock = std::chrono::steady_clock;
struct options {
  target to;
  std::string name, owner, store = "map";
  std::vector<std::string> command;
  milliseconds ttl{10'000}, wait{-1};
  std::uint32_t permits = 0;
  bool shared = false, as_json = false;
  lock::mode as() const {
    return permits > 0 ? lock::mode::permits : shared ? lock::mode::shared : lock::mode::exclusive;
  }
};

// An owner that is this process alone holds nothing while it waits.
milliseconds scan_of(const options& given) { return given.owner.empty() ? milliseconds{0} : lock::locks_settings{}.scan; }

// Takes, runs, and gives back.
class holding {
 public:
  holding(const options& given, lock_store& with)
      : given_{given},
        self_{with.system()},
        locks_{lock::spawn_locks(with.system(), with.actor(),
                                 {.owner = owner_or_own(given.owner),
                                  .session = {.ttl = given.ttl, .margin = given.ttl / 10},
                                  .scan = scan_of(given)})} {
    self_->send(locks_, lock::take{.name = given.name,
                                   .as = given.as(),
                                   .wait = given.wait,
                                   .count = 1,
                                   .capacity = std::max(1U, given.permits)});
  }
  int run() {
    bool told = false;
    while (!over_) {
      self_->receive([&](const lock::taken& t) { begin(t.fence); }, [&](const lock::lock_lost& l) { lose(l); },
                     [&](const caf::error& why) {
                       over_ = static_cast<int>(fail(exit_code::not_acquired, sentence_of(why)));
                     },
                     caf::after(milliseconds{10}) >> [] {});
      if (over_) break;
      if (runs_) {
        if (const auto code = runs_->ended()) over_ = *code;
        if (interrupted() && !std::exchange(told, true)) runs_->signal(SIGTERM);
      } else if (interrupted()) {
        over_ = static_cast<int>(exit_code::not_acquired);
      }
    }
    // The next one need not wait for the lease to run out.
    self_->monitor(locks_);
    self_->send(locks_, lock::retire{});
    bool gone = false;
    self_->receive_while([&, last = clock::now() + milliseconds{1'000}] { return !gone && clock::now() < last; })(
        [&](const caf::down_msg&) { gone = true; }, [](const lock::taken&) {}, [](const lock::lock_lost&) {},
        [](const caf::error&) {}, caf::after(milliseconds{50}) >> [] {});
    return *over_;
  }

 private:
  void begin(std::uint64_t fence) {
    if (given_.as_json) std::cerr << one_line({{"event", "acquired"}, {"lock", given_.name}, {"fence", fence}}) << std::endl;
    runs_ = child::start(given_.command, {{"TROUPE_FENCE", std::to_string(fence)}, {"TROUPE_LOCK", given_.name}});
    if (!runs_) over_ = static_cast<int>(fail(exit_code::wrapper, "the system does not start another process"));
  }
  void lose(const lock::lock_lost& l) {
    if (given_.as_json)
      std::cerr << one_line({{"event", "lost"}, {"lock", given_.name}, {"fence", l.fence}, {"why", l.why}}) << std::endl;
    if (runs_) runs_->end(given_.ttl / 20);  // a half of the margin
    over_ = static_cast<int>(fail(exit_code::lost, "the lock '" + given_.name + "' was lost (" + l.why + "): the command was ended"));
  }

  const options& given_;
  caf::scoped_actor self_;
  caf::actor locks_;
  std::optional<child> runs_;
  std::optional<int> over_;
};

exit_code hold(const options& given) {
  if (const auto wrong = lock::lock_name_problem(given.name)) return fail(exit_code::usage, *wrong);
  if (given.command.empty()) return fail(exit_code::usage, "troupe lock: give a COMMAND behind --");
  if (given.ttl < milliseconds{1'000}) return fail(exit_code::usage, "--ttl: at least 1s, or a slow network is taken for a death");
  if (given.shared && given.permits > 0) return fail(exit_code::usage, "--shared and --permits exclude each other");
  catch_interrupts();
  auto with = lock_store::open(given.store, given.to);
  if (!with) return fail(exit_code::not_acquired, with.error().sentence);
  return static_cast<exit_code>(holding{given, **with}.run());
}
}  // namespace

void add_lock(verbs& all) {
  CLI::App* verb = nullptr;
  auto given = add_verb<options>(all, "lock", "Run a command while a lock is held", &hold, verb);
  verb->footer(
      "Who comes first holds NAME, and runs COMMAND; the others wait in line. The command finds in TROUPE_FENCE a number\n"
      "that rises from holder to holder: let what it writes to refuse a lower one. Where the lock is lost the command is\n"
      "ended before another can hold it (SIGTERM, then SIGKILL).\n"
      "Exit codes: the command's own; 121 not acquired, 122 lost while it ran, 125 anything else.\n"
      "  troupe lock ledger --wait 5s -- ./close-the-month.sh");
  verb->add_option("NAME", given->name, "the lock")->required();
  verb->add_option("COMMAND", given->command, "behind --, with its arguments")->type_name("-- COMMAND ...");
  add_time(*verb, "--ttl", given->ttl, "who is not heard for so long has lost it");
  add_time(*verb, "--wait", given->wait, "give up after so long, 0s at once; without it, never");
  verb->add_flag("--shared", given->shared, "with others that hold it shared");
  verb->add_option("--permits", given->permits, "as one of so many holders, the same number for all")->check(CLI::Range(1U, std::numeric_limits<std::uint32_t>::max()));
  verb->add_option("--owner", given->owner, "in whose name, as `troupe locks` and deadlocks show it: one that waits for itself is a deadlock");
  verb->add_flag("--json", given->as_json, "events as JSON lines, to standard error");
  add_store(*verb, given->store);
  add_target(*verb, given->to);
}
}  // namespace troupe::program

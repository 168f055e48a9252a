// troupe barrier NAME --parties N -- COMMAND: nobody's runs before all have come, and nobody goes on before all are done.
#include "actors/lock/barrier.hpp"
#include "cluster/program/child.hpp"
#include "cluster/program/json.hpp"
#include "cluster/program/lock_store.hpp"
#include "runtime/codec/inspect.hpp"

#include <csignal>
#include <iostream>
#include <optional>
#include <utility>

#include <caf/all.hpp>

namespace troupe::program {
namespace {
using clock = std::chrono::steady_clock;
using json = nlohmann::ordered_json;
struct options {
  target to;
  std::string name, owner, store = "map";
  std::vector<std::string> command;
  milliseconds ttl{10'000}, wait{-1};
  std::uint32_t parties = 0;
  bool as_json = false;
};

// Enters, runs, and leaves.
class attendance {
 public:
  attendance(const options& given, lock_store& with)
      : given_{given},
        self_{with.system()},
        barrier_{lock::spawn_barrier(with.system(), with.actor(),
                                     {.core = {.name = given.name, .parties = given.parties, .owner = owner_or_own(given.owner)},
                                      .session = {.ttl = given.ttl, .margin = given.ttl / 10}})} {
    self_->send(barrier_, lock::enter_barrier{given.wait});
  }
  int run() {
    bool told = false;
    while (!over_) {
      self_->receive([&](const lock::entered_barrier& e) { begin(e); }, [&](const lock::left_barrier&) { over_ = code_; },
                     [&](const lock::barrier_broken& b) { broken("the barrier is broken: " + b.why); },
                     [&](const caf::error& why) { inside_ ? broken(sentence_of(why)) : refused(sentence_of(why)); },
                     caf::after(milliseconds{10}) >> [] {});
      if (over_) break;
      if (runs_) {
        if (interrupted() && !std::exchange(told, true)) runs_->signal(SIGTERM);
        if (const auto code = runs_->ended()) done(*code);
      } else if (interrupted()) {
        inside_ ? broken("interrupted before all were done") : refused("interrupted before all had come to '" + given_.name + "'");
      }
    }
    // Its place goes at once, and not with its lease: the others need not wait for it, or are told.
    self_->monitor(barrier_);
    self_->send(barrier_, lock::retire_barrier{});
    bool gone = false;
    self_->receive_while([&, last = clock::now() + milliseconds{1'000}] { return !gone && clock::now() < last; })(
        [&](const caf::down_msg&) { gone = true; }, [](const lock::entered_barrier&) {}, [](const lock::left_barrier&) {},
        [](const lock::barrier_broken&) {}, [](const caf::error&) {}, caf::after(milliseconds{50}) >> [] {});
    return *over_;
  }

 private:
  bool has_command() const { return !given_.command.empty(); }
  void refused(const std::string& why) {
    over_ = static_cast<int>(fail(has_command() ? exit_code::not_acquired : exit_code::not_done, why));
  }
  void begin(const lock::entered_barrier& e) {
    inside_ = true;
    const json is{{"event", "entered"}, {"barrier", given_.name}, {"round", e.round}, {"place", e.place}, {"parties", given_.parties}};
    if (given_.as_json)
      (has_command() ? std::cerr : std::cout) << one_line(is) << std::endl;
    else if (!has_command())
      std::cout << given_.name << ": round " << e.round << ", place " << e.place << " of " << given_.parties << std::endl;
    if (!has_command()) return leave();
    const auto round = std::to_string(e.round);
    runs_ = child::start(given_.command, {{"TROUPE_BARRIER", given_.name},
                                          {"TROUPE_ROUND", round},
                                          {"TROUPE_FENCE", round},
                                          {"TROUPE_PLACE", std::to_string(e.place)},
                                          {"TROUPE_PARTIES", std::to_string(given_.parties)}});
    if (!runs_) over_ = static_cast<int>(fail(exit_code::wrapper, "the system does not start another process"));
  }
  // One that was interrupted has not done its part: it goes without a word, as if it had died.
  void done(int code) {
    runs_.reset();
    code_ = code;
    if (interrupted())
      over_ = code_;
    else
      leave();
  }
  void leave() { self_->send(barrier_, lock::leave_barrier{}); }
  void broken(const std::string& why) {
    if (over_) return;
    if (given_.as_json) std::cerr << one_line({{"event", "broken"}, {"barrier", given_.name}, {"why", why}}) << std::endl;
    auto sentence = "'" + given_.name + "': " + why;
    if (runs_) {
      runs_->end(given_.ttl / 20);  // a half of the margin
      sentence += ", and the command was ended";
    }
    over_ = static_cast<int>(fail(has_command() ? exit_code::lost : exit_code::not_done, sentence));
  }

  const options& given_;
  caf::scoped_actor self_;
  caf::actor barrier_;
  std::optional<child> runs_;
  std::optional<int> over_;
  int code_ = 0;
  bool inside_ = false;
};

exit_code attend(const options& given) {
  if (given.ttl < milliseconds{1'000}) return fail(exit_code::usage, "--ttl: at least 1s, or a slow network is taken for a death");
  catch_interrupts();
  auto with = lock_store::open(given.store, given.to);
  if (!with) return given.command.empty() ? fail(with.error()) : fail(exit_code::not_acquired, with.error().sentence);
  return static_cast<exit_code>(attendance{given, **with}.run());
}
}  // namespace

void add_barrier(verbs& all) {
  CLI::App* verb = nullptr;
  auto given = add_verb<options>(all, "barrier", "Run a command once as many have come, and go on once all are done", &attend, verb);
  verb->footer(
      "Who comes waits until there are N of them; then the COMMANDs run, and each ends here when all of them have ended. Who\n"
      "comes too many is of the next round. Without a COMMAND all go on when N have come, and the round and one's place are\n"
      "shown. Who dies while he waits counts no more once his --ttl has passed; who dies inside, or is interrupted, breaks\n"
      "the round: the others' commands are ended (SIGTERM, then SIGKILL).\n"
      "The command finds TROUPE_ROUND (a number that rises: let what it writes to refuse a lower one), TROUPE_PLACE (0 to N-1)\n"
      "and TROUPE_PARTIES.\n"
      "Exit codes: the command's own; 121 not all came, 122 the round was broken, 125 anything else. Without a COMMAND 0, or 1\n"
      "for both.\n"
      "  troupe barrier step-1 --parties 3 --wait 10m -- ./my-part.sh");
  verb->add_option("NAME", given->name, "the barrier")->required();
  verb->add_option("COMMAND", given->command, "behind --, with its arguments")->type_name("-- COMMAND ...");
  verb->add_option("--parties", given->parties, "how many must come, the same number for all")->required()->check(CLI::Range(1U, 10'000U));
  add_time(*verb, "--ttl", given->ttl, "who is not heard for so long is taken for dead");
  add_time(*verb, "--wait", given->wait, "give up where not all have come after so long; without it, never");
  verb->add_option("--owner", given->owner, "in whose name, as `troupe locks` shows it");
  verb->add_flag("--json", given->as_json, "events as JSON lines: with a COMMAND to standard error");
  add_store(*verb, given->store);
  add_target(*verb, given->to);
}
}  // namespace troupe::program

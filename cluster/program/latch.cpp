// troupe latch set|down|wait|show|reset: count-down latches.
#include "actors/lock/latches.hpp"
#include "cluster/program/child.hpp"
#include "cluster/program/json.hpp"
#include "cluster/program/lock_store.hpp"
#include "cluster/program/subverb.hpp"
#include "patterns/hex.hpp"
#include "runtime/chance.hpp"
#include "runtime/codec/inspect.hpp"

#include <iostream>
#include <optional>

#include <caf/all.hpp>

namespace troupe::program {
namespace {
using json = nlohmann::ordered_json;
using counted = answer<lock::latch_count>;
struct options {
  target to;
  std::string name, id, store = "map";
  std::vector<std::string> command;
  milliseconds wait{-1};
  std::uint32_t count = 1;
  bool as_json = false;
};

// The latches of a store, for one verb.
class latches {
 public:
  static answer<std::unique_ptr<latches>> open(const options& given) {
    catch_interrupts();
    auto with = lock_store::open(given.store, given.to);
    if (!with) return unexpected{with.error()};
    return std::make_unique<latches>(given, std::move(*with));
  }
  latches(const options& given, std::unique_ptr<lock_store> with)
      : with_{std::move(with)}, latches_{lock::spawn_latches(with_->system(), with_->actor(), {.patience = given.to.timeout})} {}
  ~latches() { caf::anon_send_exit(latches_, caf::exit_reason::user_shutdown); }
  caf::actor_system& system() { return with_->system(); }

  template <class Wish>
  counted ask(const Wish& what) {
    caf::scoped_actor self{with_->system()};
    self->send(latches_, what);
    std::optional<counted> got;
    while (!got && !interrupted())
      self->receive([&](lock::latch_count& is) { got.emplace(std::move(is)); },
                    [&](const caf::error& why) { got.emplace(unexpected{problem{exit_code_of(why), sentence_of(why)}}); },
                    caf::after(milliseconds{10}) >> [] {});
    if (got) return std::move(*got);
    return unexpected{problem{exit_code::unknown, "it was interrupted: it may have been done"}};
  }

 private:
  std::unique_ptr<lock_store> with_;
  caf::actor latches_;
};

exit_code show(const options& given, const counted& is, bool ids = false) {
  if (!is) return fail(is.error());
  if (given.as_json) {
    json row{{"outcome", "done"}, {"latch", given.name}, {"count", is->count}, {"left", is->left}};
    if (ids) row["counted"] = is->counted;
    std::cout << one_line(row) << '\n';
    return exit_code::done;
  }
  std::cout << given.name << ": " << lock::text_of_left({.count = is->count, .left = is->left}) << '\n';
  if (ids)
    for (const auto& id : is->counted) std::cout << "counted: " << id << '\n';
  return exit_code::done;
}

// One that is used up is not taken for a new one: whoever waits for it would not wait.
exit_code set(const options& given) {
  auto with = latches::open(given);
  if (!with) return fail(with.error());
  if (const auto is = (*with)->ask(lock::latch_look{given.name}); is && is->left == 0)
    return fail(exit_code::not_done, "'" + given.name + "' has been counted down: `troupe latch reset " + given.name + "` makes room for another count");
  return show(given, (*with)->ask(lock::latch_set{given.name, given.count}));
}

exit_code down(const options& given) {
  auto with = latches::open(given);
  if (!with) return fail(with.error());
  const auto id = given.id.empty() ? owner_or_own({}) + "/" + hex(fresh_seed((*with)->system())) : given.id;
  const auto is = (*with)->ask(lock::latch_count_down{given.name, id});
  if (!is && is.error().code == exit_code::unknown)
    return fail(exit_code::unknown, is.error().sentence + "; with --id " + id + " it counts once");
  return show(given, is);
}

// Nothing: it is counted down.
std::optional<problem> wait_for(const options& given) {
  auto with = latches::open(given);
  if (!with) return with.error();
  const auto is = (*with)->ask(lock::latch_await{given.name, given.wait});
  if (interrupted() && !is) return problem{exit_code::not_done, "interrupted before '" + given.name + "' was counted down"};
  if (!is) return problem{exit_code::not_done, is.error().sentence};
  if (given.command.empty()) show(given, is);
  return std::nullopt;
}

exit_code wait(const options& given) {
  if (const auto why = wait_for(given)) return given.command.empty() ? fail(*why) : fail(exit_code::not_acquired, why->sentence);
  if (given.command.empty()) return exit_code::done;
  if (given.as_json) std::cerr << one_line({{"event", "open"}, {"latch", given.name}}) << std::endl;
  return static_cast<exit_code>(child::run(given.command, {{"TROUPE_LATCH", given.name}}));
}

exit_code look(const options& given) {
  auto with = latches::open(given);
  if (!with) return fail(with.error());
  const auto is = (*with)->ask(lock::latch_look{given.name});
  if (!is && is.error().code == exit_code::unknown) return fail(exit_code::no_node, is.error().sentence);
  return show(given, is, true);
}

exit_code reset(const options& given) {
  auto with = latches::open(given);
  if (!with) return fail(with.error());
  const auto is = (*with)->ask(lock::latch_reset{given.name});
  if (!is) return fail(is.error());
  if (given.as_json) std::cout << one_line({{"outcome", "done"}, {"latch", given.name}}) << '\n';
  return exit_code::done;
}
}  // namespace

void add_latch(verbs& all) {
  auto* const verb = all.app.add_subcommand("latch", "Count-down latches: wait until so many have said that they are done");
  verb->require_subcommand(1);
  verb->footer(
      "A latch is set once and counted down; who waits for it goes on when nothing is left, also who comes later. What was\n"
      "counted stays when who counted has ended. `troupe locks --kind latch` lists them.\n"
      "  troupe latch set loaded 3\n"
      "  troupe latch down loaded --id part-1\n"
      "  troupe latch wait loaded --wait 10m -- ./report.sh");
  const auto common = [&](CLI::App* sub, const std::shared_ptr<options>& given) {
    sub->add_option("NAME", given->name, "the latch")->required();
    add_store(*sub, given->store);
    add_target(*sub, given->to);
  };
  CLI::App* sub = nullptr;
  auto given = add_subverb(all, *verb, "set", "Set what it counts down from; the same again changes nothing", &set, sub);
  common(sub, given);
  sub->add_option("COUNT", given->count, "1 or more")->required()->check(CLI::Range(1U, 1'000'000U));

  given = add_subverb(all, *verb, "down", "Count down by one", &down, sub);
  common(sub, given);
  sub->add_option("--id", given->id, "whose count it is: the same id counts once. Without it, each call counts")->check([](const std::string& id) {
    return id.empty() ? std::string{"an id is not empty"} : std::string{};
  });

  given = add_subverb(all, *verb, "wait", "Wait until nothing is left, and run a command then", &wait, sub);
  common(sub, given);
  sub->footer(
      "Exit codes: 0 it is counted down, 1 it is not; with a COMMAND the command's own, 121 where it was not counted down,\n"
      "125 anything else. The command finds the latch in TROUPE_LATCH.");
  sub->add_option("COMMAND", given->command, "behind --, with its arguments")->type_name("-- COMMAND ...");
  add_time(*sub, "--wait", given->wait, "give up after so long, 0s at once; without it, never");

  given = add_subverb(all, *verb, "show", "What is left, and who has counted", &look, sub);
  common(sub, given);

  given = add_subverb(all, *verb, "reset", "Take it away, with all that was counted: who waits for it is told", &reset, sub);
  common(sub, given);
}
}  // namespace troupe::program

// troupe leave NAME: a member leaves in order. troupe down NAME: a member that is gone is declared dead.
#include "cluster/program/client.hpp"

#include <iostream>
#include <thread>

namespace troupe::program {
namespace {
struct options {
  target to;
  std::string name;
};

exit_code say(const answer<management::done_reply>& got) {
  if (!got) return fail(got.error());
  std::cout << got->what << '\n';
  return exit_code::done;
}

// Whether the member has gone; an answer that fails counts as gone where it is the asked node itself that leaves.
bool gone(client& with, const std::string& name) {
  const auto seen = with.members();
  if (!seen) return with.node() == name;
  for (const auto& m : seen->members)
    if (m.name == name && m.state != "down" && m.state != "removed") return false;
  return true;
}

exit_code leave(const options& given) {
  return with_client(given.to, [&](client& with) {
    if (const auto asked = with.leave(given.name); !asked) return fail(asked.error());
    const auto end = std::chrono::steady_clock::now() + given.to.timeout;
    while (!gone(with, given.name)) {
      if (std::chrono::steady_clock::now() >= end)
        return fail(exit_code::unknown,
                    given.name +
                        " was asked to leave and has not left within the time given: "
                        "`troupe members` shows how far it is");
      std::this_thread::sleep_for(milliseconds{50});
    }
    std::cout << given.name << " has left\n";
    return exit_code::done;
  });
}
exit_code down(const options& given) {
  return with_client(given.to, [&](client& with) { return say(with.down(given.name)); });
}

void declare(verbs& all, const char* name, const char* help, const char* footer,
             exit_code (*run)(const options&)) {
  CLI::App* verb = nullptr;
  auto given = add_verb<options>(all, name, help, run, verb);
  verb->footer(footer);
  verb->add_option("NAME", given->name, "the member's name, as `troupe members` shows it")
      ->required();
  add_target(*verb, given->to);
}
}  // namespace

void add_leave(verbs& all) {
  declare(all, "leave", "Let a member leave the cluster in order",
          "The member hands over, is seen as leaving, exiting and removed, and its process ends.",
          &leave);
}
void add_down(verbs& all) {
  declare(
      all, "down", "Declare a member dead that cannot be reached",
      "For a member whose machine is gone. One that still runs stops itself and comes back as a "
      "newcomer.",
      &down);
}
}  // namespace troupe::program

// troupe leave NAME: a member leaves in order. troupe down NAME: a member that is gone is declared dead.
#include "cluster/program/client.hpp"

#include <algorithm>
#include <iostream>
#include <optional>
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

using clock = std::chrono::steady_clock;
using management::member_row;

// How far a leave has come, as the asked node sees it. Its own view ends with it.
struct course {
  std::string name;
  std::string incarnation;
  std::string state{};  // last seen

  // Nothing: it goes on.
  std::optional<exit_code> look(client& with) {
    const auto seen = with.members();
    if (!seen && with.node() == name) return over("the node asked");
    if (!seen) return std::nullopt;
    bool successor = false, known = false;
    for (const auto& m : seen->members) {
      if (m.name != name) continue;
      if (m.incarnation != incarnation) {
        successor = true;
        continue;
      }
      known = true;
      if (m.state == "removed") return successor_or_left(seen->members);
      state = m.state;
    }
    if (state == "down") return declared_dead();
    if (!known) return successor ? declared_dead() : left();
    return std::nullopt;
  }

 private:
  // A process that was killed on its way is removed as well, when the next one takes its place.
  exit_code successor_or_left(const std::vector<member_row>& all) const {
    const bool successor = std::any_of(all.begin(), all.end(), [&](const member_row& m) {
      return m.name == name && m.incarnation != incarnation && m.state != "removed";
    });
    return successor && state != "exiting" ? declared_dead() : left();
  }
  exit_code over(const char* whom) const {
    if (state == "leaving" || state == "exiting" || state == "removed") return left();
    return fail(exit_code::unknown, name + " was asked to leave, and " + whom +
                                        " does not answer any more: `troupe members --at` another "
                                        "node shows what became of it");
  }
  exit_code left() const {
    std::cout << name << " has left\n";
    return exit_code::done;
  }
  exit_code declared_dead() const {
    return fail(exit_code::not_done,
                name + " did not leave in order: it was declared dead on its way");
  }
};

exit_code leave(const options& given) {
  const auto end = clock::now() + given.to.timeout;
  const auto left = [&] { return std::chrono::duration_cast<milliseconds>(end - clock::now()); };
  return with_client(given.to, [&](client& with) {
    with.patience(left());
    const auto before = with.members();
    if (!before) return fail(before.error());
    course of{given.name, {}};
    for (const auto& m : before->members)
      if (m.name == given.name && m.state != "down" && m.state != "removed")
        of.incarnation = m.incarnation;
    with.patience(left());
    if (const auto asked = with.leave(given.name); !asked) return fail(asked.error());
    for (;;) {
      if (left().count() <= 0)
        return fail(exit_code::unknown,
                    given.name +
                        " was asked to leave and has not left within the time given: "
                        "`troupe members` shows how far it is");
      with.patience(left());
      if (const auto ended = of.look(with)) return *ended;
      std::this_thread::sleep_for(milliseconds{50});
    }
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

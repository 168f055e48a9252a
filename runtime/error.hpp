// Errors of everything that stands on CAF: one of few codes, and a sentence that says what was
// refused, why, and what to do about it.
//   return make_error(errc::not_found, "no member is named 'd': `troupe members` lists them");
//   if (code_of(error) == errc::overloaded) retry_later();
// Outcomes are three. A caller who is told "failed" when it may have happened cannot be correct, so
// `unknown` is the answer for every error of which nobody can tell; a code below belongs to
// `not_done` only if its giver is certain.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <caf/error.hpp>
#include <caf/fwd.hpp>
namespace troupe {
enum class errc : std::uint8_t {
  invalid_argument = 1,  // what was asked makes no sense: asking again will not help
  not_found,
  already_exists,
  refused,          // understood, and the present state or a rule forbids it
  unauthorized,     // not proven who asks, or not allowed to
  unsupported,      // this node or this version cannot do it
  not_ready,        // not yet: no leader, still starting, shutting down
  overloaded,       // a bounded queue or window is full: try again later
  unreachable,      // there was no way to the receiver: nothing has left
  cancelled,        // given up by whoever had asked, before anything was done
  failed,           // tried, and undone or without effect
  corrupted,        // data that does not hold what its checksum says
  timeout,          // sent, and no answer in time: outcome unknown
  unknown_outcome,  // sent, and the way or the receiver broke before the answer: outcome unknown
};
std::string_view to_string(errc code);

caf::error make_error(errc code, std::string sentence);
caf::error make_error(errc code);

// None for an error that is not ours; see outcome_of for those.
std::optional<errc> code_of(const caf::error& error);
inline bool operator==(const caf::error& error, errc code) { return code_of(error) == code; }

// The sentence a person reads, also for CAF's own errors and exit reasons. Never empty.
std::string sentence_of(const caf::error& error);

enum class outcome : std::uint8_t { done, not_done, unknown };  // in histories: ok, fail, info
std::string_view to_string(outcome o);
outcome outcome_of(const caf::error& error);

// Exit codes of the `troupe` program.
enum class exit_code : int {
  done = 0,
  not_done = 1,  // certainly, and the sentence says why
  usage = 2,
  no_node = 3,  // none reachable
  unknown = 5,
  // of a verb that wraps a command, since 0 to 120 are the command's own
  not_acquired = 121,
  lost = 122,
  wrapper = 125,
};
exit_code exit_code_of(const caf::error& error);

// Teaches CAF to render our category.
void register_errors(caf::actor_system_config& config);
}  // namespace troupe

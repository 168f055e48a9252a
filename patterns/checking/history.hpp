// Histories: what clients of a service saw, as events in the order they happened, and as operations,
// each from its invocation to its end.
// Source: the form is Jepsen's (https://github.com/jepsen-io/jepsen), whose ends are our outcomes:
//   ok    done; the completion's value is the result
//   fail  certainly not done: it never takes effect
//   info  unknown: it takes effect at any later time, once, or never. So does what has no completion
//   Order     by time; of events with the same time (or none), as they are listed. One process does
//             one thing after the other; after an `info` it may go on, as a client does after a
//             time-out, or be replaced by a process of another number
//   Beware    times must come from one clock. Lists of several recorders, put behind one another,
//             are ordered by time alone: two events of one nanosecond may then stand in the wrong
//             order
#pragma once
#include "patterns/checking/value.hpp"
#include "patterns/result.hpp"

#include <limits>
#include <optional>
namespace troupe::checking {
enum class event_type : std::uint8_t { invoke, ok, fail, info };
std::string_view to_string(event_type type);
std::optional<event_type> event_type_of(std::string_view name);

struct event {
  std::int64_t process = 0;
  event_type type = event_type::invoke;
  std::string f{};        // read, write, cas, ...: what it means is the model's affair
  value key{};            // which object; nothing where there is but one
  value content{};        // "value" in JSON: what is asked, then what is answered
  std::int64_t time = 0;  // ns since any fixed origin
  bool operator==(const event&) const = default;
};
using history = std::vector<event>;

enum class outcome : std::uint8_t { ok, fail, info };
std::string_view to_string(outcome end);

// The place of an event in its history; that of a completion which never came is after all others.
using place = std::uint64_t;
constexpr place never = std::numeric_limits<place>::max();

struct operation {
  std::int64_t process = 0;
  std::string f{};
  value key{};
  value in{};   // what was asked: the invocation's value
  value out{};  // what was answered: the completion's, if it is ok
  outcome end = outcome::info;
  place invoked = 0;
  place returned = never;  // of an `info` too: it is never known to be over
  std::int64_t from = 0;   // ns
  std::int64_t to = 0;     // ns: of the completion, whatever it was; of none: the invocation's
  bool ok() const { return end == outcome::ok; }
  // It has happened. One whose result is known, and that was still running when its history was cut
  // (linearizability.hpp), may have.
  bool certain() const { return ok() && returned != never; }
  bool operator==(const operation&) const = default;
};
using operations = std::vector<operation>;   // by `invoked`
std::string to_string(const operation& op);  // read() -> 7, write(7) ?

enum class flaw : std::uint8_t {
  already_running,  // a second invocation before the first one's completion
  not_running,      // a completion without an invocation
  other_operation,  // the completion's `f` or `key` is not the invocation's
  time_goes_back,   // of one process
};
std::string_view to_string(flaw f);  // the end of a sentence that begins with the event
struct refused {
  std::size_t place = 0;  // of the event, in the list as it was given
  flaw why{};
  bool operator==(const refused&) const = default;
};
result<operations, refused> operations_of(const history& events);
// The same operations as events, in their order.
history events_of(const operations& ops);
}  // namespace troupe::checking

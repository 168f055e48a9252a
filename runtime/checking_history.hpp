// Histories as JSON lines, for the checkers of patterns/checking:
//   {"process":0,"type":"invoke","f":"write","key":"x","value":1,"time":1200}
//   {"process":0,"type":"ok","f":"write","key":"x","value":1,"time":3400}
// `process`, `type` (invoke, ok, fail, info) and `f` are needed; `key`, `value` (null, booleans,
// numbers, strings and lists of those) and `time` (whole nanoseconds) may be missing; other fields
// are left to others. Empty lines are skipped.
// Lines of an event log (runtime/event_log.hpp) have "event" and "node" instead. Those of the named
// events become operations that begin and end at once, others are skipped:
//   "leader","group":"g","term":4            leader(4) -> "a" of key "g"; a process is a node
//   "entered","lock":"l","token":7           acquire() -> 7 of key "l"; a process is one life of a
//   "left","lock":"l","token":7              release(7) of key "l"      node, up to "started"
//   "member_up","member":"b","incarnation":3 member_up("3") of key "b", and so for all of member_...
//   Bounded   a line of `line_bytes_max`, a value of `value_depth_max` lists, `events_max` events
#pragma once
#include "patterns/checking/history.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>
namespace troupe {
struct history_limits {
  std::size_t line_bytes_max = 1 << 20;
  std::size_t value_depth_max = 16;
  std::size_t events_max = 10'000'000;
  std::size_t faults_max = 20;  // told in full; the rest is counted
};

struct history_fault {
  std::size_t line = 0;    // from 1
  std::string sentence{};  // "is no JSON", the end of a sentence that begins with the line
  bool operator==(const history_fault&) const = default;
};

struct history_read {
  checking::history events{};
  std::vector<std::size_t> lines{};  // of each event
  std::vector<history_fault> faults{};
  std::size_t faults_in_all = 0;
  std::size_t skipped = 0;  // lines of an event log that became no operation
};
using event_names = std::vector<std::string_view>;
history_read read_history(std::string_view text, const history_limits& within = {},
                          const event_names& events = {"leader"});

// What was read, as operations, or every fault found so far and the first of the whole.
struct operations_read {
  checking::operations operations{};
  std::vector<history_fault> faults{};
  std::size_t faults_in_all = 0;
  std::size_t skipped = 0;
};
operations_read read_operations(std::string_view text, const history_limits& within = {},
                                const event_names& events = {"leader"});

std::string write_history(const checking::history& events);
void append_json(std::string& out, const checking::value& x);
}  // namespace troupe

// Histories as JSON lines, for the checkers of patterns/checking:
//   {"process":0,"type":"invoke","f":"write","key":"x","value":1,"time":1200}
//   {"process":0,"type":"ok","f":"write","key":"x","value":1,"time":3400}
// `process`, `type` (invoke, ok, fail, info) and `f` are needed; `key`, `value` (null, booleans,
// numbers, strings and lists of those) and `time` (whole nanoseconds) may be missing; other fields
// are left to others. Empty lines are skipped.
// Lines of an event log (runtime/event_log.hpp) have "event" and "node" instead: of these,
//   {"time":ns,"node":"a","event":"leader","group":"g","term":4}
// becomes the operation leader(4) -> "a" of key "g", one process a node; others are skipped.
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
};
history_read read_history(std::string_view text, const history_limits& within = {});

// What was read, as operations, or every fault found so far and the first of the whole.
struct operations_read {
  checking::operations operations{};
  std::vector<history_fault> faults{};
  std::size_t faults_in_all = 0;
};
operations_read read_operations(std::string_view text, const history_limits& within = {});

std::string write_history(const checking::history& events);
void append_json(std::string& out, const checking::value& x);
}  // namespace troupe

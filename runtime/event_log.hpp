// The protocol events of a node as JSON lines, for checkers and for people (`--events FILE`, and
// the simulator):
//   {"time":1700000000000000000,"node":"a","event":"member_up","member":"b","incarnation":3}
//   auto log = event_log::open("events.jsonl", "a", wall_clock);
//   log->write(events::member_up{.member = "b", .incarnation = 3});
// The events and their fields stand in runtime/events.hpp; any described struct can be one.
//   Promises  callable from any thread; a line reaches the kernel whole before `write` returns, so
//   that SIGKILL loses
//             none that was written; a log that cannot be written (full disk) is logged and
//             counted, and holds nobody up
//   Beware    lines of one file are in order of writing; the clock is the caller's, so times need
//   not be
#pragma once
#include "patterns/result.hpp"
#include "runtime/events.hpp"
#include "runtime/json.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
namespace troupe {
class event_log {
 public:
  using clock = std::function<std::int64_t()>;  // nanoseconds since whatever origin suits
  using sink = std::function<void(std::string_view line)>;  // the line with its newline

  static result<std::shared_ptr<event_log>, std::string> open(const std::string& file,
                                                              std::string node,
                                                              clock now = wall_clock);
  // Into memory or a test; called under the log's lock.
  static std::shared_ptr<event_log> into(sink to, std::string node, clock now);
  // Drops everything: for a node without --events.
  static std::shared_ptr<event_log> none();
  static std::int64_t wall_clock();

  event_log(sink to, std::string node, clock now);
  event_log(const event_log&) = delete;
  event_log& operator=(const event_log&) = delete;

  template <described Event>
  void write(const Event& event) {
    if (!sink_) return;
    std::string fields;
    json::append_fields(fields, event);
    write_line(name_of<Event>(), fields);
  }
  bool enabled() const { return static_cast<bool>(sink_); }

 private:
  void write_line(std::string_view event, std::string_view fields);
  std::mutex mutex_;
  sink sink_;
  std::string node_;
  clock now_;
};
using event_log_ptr = std::shared_ptr<event_log>;
}  // namespace troupe

// A supervisor's decisions: which children to stop and to start, in which order, when one of them ends.
// Source: Erlang/OTP, supervisor behaviour (stdlib reference manual; "Supervision Principles"). Its words are used here:
// permanent, transient, temporary; intensity and period; significant children and automatic shutdown.
// Beyond OTP: restarts may be delayed by an exponential backoff with jitter; who does not even die when killed is
// abandoned after `kill_limit`, since nothing in C++ can stop a handler that never returns.
//   Promises  children start in the order of the list and stop in the reverse, one after the other; a child that ends
//             is restarted as its kind and the strategy say; more than `intensity` restarts within `period` end the
//             supervisor, its children first; what happens during a restart is dealt with after it, in order
//   Under     any order and number of endings, failed starts and commands; stale reports (an older run's) are ignored
//   Assumes   the host carries out `act` and reports `started` or `start_failed` for each launch, and each ending
//   Beware    an intensity whose period is shorter than the backoff's delays never gives up; two runs of one child
//             overlap when the first was abandoned: keep fencing where that hurts
//   Costs     each step is linear in the number of children
//   an ending of  | permanent | transient         | temporary
//   normal        | restart   | stays ended       | forgotten
//   shutdown      | restart   | stays ended       | forgotten
//   abnormal      | restart   | restart           | forgotten
//   a restart of  | stops, then starts
//   one_for_one   | the child
//   one_for_all   | all children; temporary ones are stopped and forgotten; ended transient ones start again
//   rest_for_one  | the same, of the child and those started after it
#pragma once
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <variant>
#include <vector>
namespace troupe::supervisor {
using instant = std::chrono::nanoseconds;  // since any fixed origin
using std::chrono::nanoseconds;

enum class restart { permanent, transient, temporary };
enum class strategy { one_for_one, one_for_all, rest_for_one };
enum class auto_shutdown { never, any_significant, all_significant };
enum class ending { normal, shutdown, abnormal };

struct child_spec {
  std::string id{};
  restart kind = restart::permanent;
  // how long it may take to stop before it is killed; zero: killed at once; none: as long as it takes (supervisors)
  std::optional<nanoseconds> shutdown = std::chrono::seconds{5};
  bool significant = false;  // its ending may end the supervisor: see auto_shutdown
};
// The n-th restart in a row waits least * factor^(n-1), at most `most`, less a random part of up to `jitter` of it.
struct backoff {
  nanoseconds least{};  // zero: restart at once, as OTP does
  nanoseconds most = std::chrono::seconds{30};
  double factor = 2;
  double jitter = 0.5;
  nanoseconds reset_after =
      std::chrono::seconds{30};  // a child that has run this long has recovered
};
struct settings {
  strategy how = strategy::one_for_one;
  std::uint32_t intensity = 1;
  nanoseconds period = std::chrono::seconds{5};
  backoff delay{};
  auto_shutdown when = auto_shutdown::never;
  nanoseconds kill_limit = std::chrono::seconds{5};
};

// From the host. A run is the number of a launch, and no two are the same.
struct start {};
struct started {
  std::string id{};
  std::uint64_t run = 0;
};
struct start_failed {
  std::string id{};
  std::uint64_t run = 0;
};
struct exited {
  std::string id{};
  std::uint64_t run = 0;
  ending how = ending::abnormal;
};
struct tick {};
struct shut_down {};
// From a client: a ticket names the reply.
struct add_child {
  std::uint64_t ticket = 0;
  child_spec child{};
};
struct stop_child {  // OTP's terminate_child: stays stopped until restart_child
  std::uint64_t ticket = 0;
  std::string id{};
};
struct restart_child {
  std::uint64_t ticket = 0;
  std::string id{};
};
struct delete_child {
  std::uint64_t ticket = 0;
  std::string id{};
};
using command = std::variant<add_child, stop_child, restart_child, delete_child>;
using input = std::variant<start, started, start_failed, exited, tick, shut_down, command>;

enum class refusal {
  already_exists,
  not_found,
  running,
  restarting,
  invalid,
  start_failed,
  stopping
};
enum class verb { launch, ask_to_stop, kill };
struct action {
  verb what = verb::launch;
  std::string id{};
  std::uint64_t run = 0;
  bool operator==(const action&) const = default;
};
struct reply {
  std::uint64_t ticket = 0;
  std::optional<refusal> refused{};
  bool operator==(const reply&) const = default;
};
enum class note { restarting, abandoned, gave_up };
struct event {  // for logs and counters
  note what = note::restarting;
  std::string id{};
  nanoseconds delay{};  // of a restart
  bool operator==(const event&) const = default;
};
enum class end { shut_down, auto_shut_down, escalated, start_failed };

struct output {
  std::vector<action> act{};  // in this order
  std::vector<reply> replies{};
  std::vector<event> events{};
  std::optional<end> ended{};  // all children are gone, and so is the supervisor
  std::optional<instant>
      wake{};  // give a tick then, if nothing else comes before; replaces the last one
  bool operator==(const output&) const = default;
};

enum class phase { idle, waiting, starting, running, stopping, killing };
struct child {
  child_spec spec{};
  phase at = phase::idle;
  std::uint64_t run = 0;
  std::uint64_t restarts = 0;  // in all
  std::uint32_t failures = 0;  // in a row
  instant since{};             // when it was last started
  instant due{};  // while waiting: when it starts; while stopping or killing: when patience ends
  bool patient = true;  // while stopping: there is such an end
  bool failed = false;  // ended by itself, and not yet dealt with
};

// What makes a list of children and settings unusable, or nothing: see refusal.
std::optional<refusal> check(const settings& how, const std::vector<child_spec>& children);

class core {
 public:
  // The children must have passed `check`.
  core(settings how, const std::vector<child_spec>& children, std::uint64_t seed);
  void step(const input& in, instant now, output& out);
  const std::vector<child>& children() const { return children_; }

 private:
  enum class purpose { nothing, first_start, restart, command, ending };
  struct failure {
    std::string id{};
    std::uint64_t run = 0;
    ending how = ending::abnormal;
    bool at_start = false;
  };
  using task = std::variant<failure, command>;

  void on(const start&, instant now, output& out);
  void on(const started&, instant now, output& out);
  void on(const start_failed&, instant now, output& out);
  void on(const exited&, instant now, output& out);
  void on(const tick&, instant now, output& out);
  void on(const shut_down&, instant now, output& out);
  void on(const command&, instant now, output& out);

  // Goes on with the plan, then with the tasks, then with what is due, until something must be waited for.
  void advance(instant now, output& out);
  bool advance_stops(instant now, output& out);   // false: wait
  bool advance_starts(instant now, output& out);  // false: wait
  void complete(output& out);
  bool begin_due(instant now);

  void begin(const failure& f, instant now, output& out);
  void begin(const command& c, instant now, output& out);
  void begin_command(const add_child& c, output& out);
  void begin_command(const stop_child& c, output& out);
  void begin_command(const restart_child& c, output& out);
  void begin_command(const delete_child& c, output& out);
  void restart_after(child& c, instant now, output& out);
  void finish(end why, output& out);
  void ended_for_good(const child& c, output& out);

  child* find(std::string_view id);
  void forget(std::string_view id);
  nanoseconds delay_of(child& c, instant now);
  bool too_many(instant now);
  std::optional<instant> next_wake() const;

  settings settings_;
  std::vector<child> children_;  // in the order of starting
  std::mt19937_64 chance_;
  std::deque<instant> restarts_;  // at most intensity + 1
  std::deque<task> tasks_;
  purpose why_ = purpose::nothing;
  std::uint64_t ticket_ = 0;  // of the command under way
  bool adding_ = false;       // that command is add_child
  std::uint64_t runs_ = 0;    // of all children, so that a stale report matches nothing
  std::deque<std::string> to_stop_, to_start_;
  instant start_at_{};
  bool begun_ = false;
  std::optional<end> finish_;
  bool ended_ = false;
};
}  // namespace troupe::supervisor

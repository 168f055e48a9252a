// The master of one MapReduce job: which task runs where, and what to do when that goes wrong.
// Source: Dean & Ghemawat 2004, 3 (execution, fault tolerance, backup tasks), 4.6 (bad records);
//         backups are chosen by estimated time left, after M. Zaharia et al., "Improving MapReduce
//         Performance in Heterogeneous Environments" (LATE), OSDI 2008
// Departures: workers offer free slots instead of being told, since several masters share them; the
//         master renames finished parts itself, so that an attempt that was taken for dead and wakes
//         up cannot; a finished map is re-run only while some reducer still needs its output
//   Promises  each partition's part is committed exactly once, and no second attempt is ever told
//             so; each map's output reaches each reducer's result once; counters are those of the
//             winning attempts alone; the job ends: succeeded, or failed with the user's error
//             a master that restores what an earlier one recorded goes on: its parts stay, and its
//             finished maps count for as long as their workers hold the outputs (job_record.cpp)
//   Under     workers that die, freeze, come back, lose outputs, and report late or twice
//   Assumes   the master lives, or another is made from its facts, and orders of the former one are
//             refused from then on; a worker that is gone is reported down in the end; one that lives
//             offers its free slots while wants() holds, and one that comes up again has stopped
//             what it ran before; map and reduce are functions of their input (else a result may mix
//             attempts, as the paper says in 3.3)
//   Bounds    attempts_max failures of a task by itself (the user's error, silence), twice as many
//             outputs of it that cannot be fetched, deaths_max of workers under it; skipped_max
//             records; one backup a task and backups for a tenth of what runs; masters_max
//   task       | offer         | done               | failed, silent | its worker is down
//   waiting    | running       | -                  | -              | -
//   running    | backup if it  | map: done          | waiting, or    | waiting, if no other
//              | is a straggler| reduce: committing | the job fails  | attempt runs
//   committing | -             | late: ignored      | waiting (the rename failed)    | -
//   done       | -             | late: ignored      | -              | map: waiting, if needed
#pragma once
#include "patterns/mapreduce/messages.hpp"
#include "patterns/mapreduce/record.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>
namespace troupe::mapreduce {
struct worker_up {
  std::string worker;
};
struct worker_leaving {  // it gets nothing new
  std::string worker;
};
struct worker_down {
  std::string worker;
};
struct held {  // what a worker has of this job, told to a master that took it over
  std::string worker;
  std::vector<map_done> maps;
  std::vector<attempt_id> running;
};
struct offer {  // the worker has a free slot: at most one attempt is assigned to it
  std::string worker;
  task_kind kind = task_kind::map;
};
struct part_committed {  // the host's answer to `commits`
  std::uint32_t partition = 0;
  std::string error;  // empty: the file has its final name
};
struct job_finished {  // the host's answer to `finish`
  std::string error;
};
struct host_failed {  // the host can do nothing more for this job
  std::string error;
};
struct yield_reducers {  // another job is below its share of the slots, and this one above its own
  std::uint32_t count = 0;
};
struct cancel {};
struct tick {};
using input = std::variant<worker_up, worker_leaving, worker_down, held, offer, map_done, reduce_done,
                           task_failed, task_killed, task_progress, shuffle_done, fetch_failed,
                           part_committed, job_finished, host_failed, yield_reducers, cancel, tick>;

struct map_assignment {
  std::string worker;
  map_task task;
};
TROUPE_MESSAGE(map_assignment, worker, task)
struct reduce_assignment {
  std::string worker;
  reduce_task task;
  std::vector<output_location> outputs;  // of the maps that are done; the others are located later
};
TROUPE_MESSAGE(reduce_assignment, worker, task, outputs)
struct kill_order {
  std::string worker;
  attempt_id id;
};
TROUPE_MESSAGE(kill_order, worker, id)
struct location_news {
  std::string worker;
  attempt_id reducer;
  output_location where;  // replaces what was said before of this map
};
TROUPE_MESSAGE(location_news, worker, reducer, where)
struct commit_order {
  std::uint32_t partition = 0;
  attempt_id id;
  std::string file;
};
TROUPE_MESSAGE(commit_order, partition, id, file)
enum class refusal : std::uint8_t { too_late };  // to cancel

struct output {
  std::vector<map_assignment> maps{};
  std::vector<reduce_assignment> reduces{};
  std::vector<kill_order> kills{};
  std::vector<location_news> locations{};
  std::vector<fact> facts{};            // to be recorded, where masters can be replaced
  // Once the facts so far are recorded: rename, then answer with part_committed.
  std::vector<commit_order> commits{};
  bool finish = false;                  // all parts stand: mark success, answer with job_finished
  bool abort = false;                   // failed or cancelled: take away what there is
  std::vector<job_event> events{};
  std::vector<refusal> refused{};
  bool operator==(const output&) const = default;
};

class job {
 public:
  // At least one reducer.
  job(job_spec spec, std::vector<split> splits, instant now);
  // First of all: goes on where earlier masters of the same spec and splits were.
  void restore(const job_record& before, instant now, output& out);
  void step(const input& in, instant now, output& out);

  // Whether an offer of the right worker would be taken.
  bool wants(task_kind kind, instant now) const;
  std::uint32_t running(task_kind kind) const { return running_[index(kind)]; }
  std::uint32_t waiting(task_kind kind) const {
    return static_cast<std::uint32_t>(waiting_[index(kind)].size());
  }
  job_state state() const { return state_; }
  const job_spec& spec() const { return spec_; }
  job_status status(instant now) const;

  static constexpr std::uint32_t fetch_reports_max = 3;    // then a map's output counts as lost
  static constexpr std::uint32_t fetch_failures_max = 12;  // then it may be the reducer's fault
  static constexpr std::uint32_t worker_failures_max = 3;  // then it gets no more of this job
  static constexpr instant backup_after{1000};             // younger attempts are no stragglers
  static constexpr instant held_within{10'000};  // a recorded map's worker: then it runs again
  static constexpr std::uint32_t attempts_per_master = 100'000;  // numbers: 100001 is the second's
  static constexpr std::uint32_t masters_max = 8;  // more have died of it, as it seems

 private:
  struct attempt {
    std::uint32_t number = 0;
    std::string worker{};
    instant started{};
    instant moved{};  // when its progress last changed
    std::uint32_t done = 0;
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
    bool backup = false;
    bool shuffled = false;
    std::uint32_t fetch_failures = 0;
    std::set<std::string> unreached{};  // workers from which it could not fetch
  };
  enum class phase { open, committing, done };
  struct task {
    phase where = phase::open;  // open without attempts: waiting
    std::vector<attempt> live{};
    std::uint32_t given = 0;  // attempt numbers
    std::uint32_t failures = 0;
    std::uint32_t deaths = 0;
    std::set<std::string> failed_on{};
    counters_map counters{};  // of the winner
    std::uint32_t winner = 0;
    std::string holder{};  // the winner's worker
    // of maps
    map_output output{};
    std::uint32_t fetch_reports = 0;
    std::uint32_t losses = 0;  // outputs that reducers could not get
    std::map<record_position, std::uint32_t> crashes{};
    std::vector<record_position> skip{};
  };
  struct worker {
    bool leaving = false;
    std::uint32_t failures = 0;
  };
  static constexpr std::size_t index(task_kind kind) { return kind == task_kind::map ? 0 : 1; }

  void on(const worker_up& in, instant now, output& out);
  void on(const worker_leaving& in, instant now, output& out);
  void on(const worker_down& in, instant now, output& out);
  void on(const held& in, instant now, output& out);
  void on(const offer& in, instant now, output& out);
  void on(const map_done& in, instant now, output& out);
  void on(const reduce_done& in, instant now, output& out);
  void on(const task_failed& in, instant now, output& out);
  void on(const task_killed& in, instant now, output& out);
  void on(const task_progress& in, instant now, output& out);
  void on(const shuffle_done& in, instant now, output& out);
  void on(const fetch_failed& in, instant now, output& out);
  void on(const part_committed& in, instant now, output& out);
  void on(const job_finished& in, instant now, output& out);
  void on(const host_failed& in, instant now, output& out);
  void on(const yield_reducers& in, instant now, output& out);
  void on(const cancel& in, instant now, output& out);
  void on(const tick& in, instant now, output& out);

  // job_tasks.cpp: attempts and tasks
  std::vector<task>& tasks(task_kind kind) { return tasks_[index(kind)]; }
  const std::vector<task>& tasks(task_kind kind) const { return tasks_[index(kind)]; }
  task& at(const attempt_id& id) { return tasks(id.kind)[id.task]; }
  attempt* find(const attempt_id& id);
  attempt_id name(task_kind kind, std::uint32_t number, const attempt& a) const;
  std::optional<attempt> take(const attempt_id& id);  // it ends
  void wait(task_kind kind, std::uint32_t number);
  void kill_others(task_kind kind, std::uint32_t number, output& out);
  void kill_all(output& out);
  void failed(const attempt_id& id, const attempt& a, const task_failed& why, output& out);
  void charge(const std::string& name, output& out);
  bool forgive(const attempt_id& id, task& t, const task_failed& why, output& out);
  void lose_output(std::uint32_t map, bool gone, output& out);
  bool reaches_nobody(const attempt& reducer) const;
  bool outputs_needed() const;
  void restore_outputs(output& out);
  output_location location(std::uint32_t map, std::uint32_t partition) const;
  void end(job_state state, std::string error, output& out);
  void note(job_event_kind what, const attempt_id& id, const std::string& name, output& out,
            std::string reason = {}) const;

  // job_record.cpp: what outlives a master
  void recall(const map_finished& f);
  void recall(const part_written& f);
  void recall(const part_named& f);
  void recall(const task_trouble& f);
  void take_up(const map_done& has, const std::string& name, instant now, output& out);
  void adopt(const attempt_id& id, const std::string& name, instant now, output& out);
  void map_done_by(const attempt_id& id, const std::string& name, const map_output& has,
                   const counters_map& counters, instant now, output& out);
  void record_trouble(task_kind kind, std::uint32_t number, output& out) const;

  // job_schedule.cpp: who gets what
  bool listed(const worker& w) const;
  bool eligible(const std::string& name) const;
  bool may_run(const task& t, const std::string& name) const;
  bool startable(task_kind kind) const;
  std::optional<std::uint32_t> next_waiting(task_kind kind, const std::string& name) const;
  std::optional<std::uint32_t> straggler(task_kind kind, instant now,
                                         const std::string* name) const;
  void start(task_kind kind, std::uint32_t number, const std::string& name, bool backup,
             instant now, output& out);
  phase_status status_of(task_kind kind) const;

  job_spec spec_;
  std::vector<split> splits_;
  job_state state_ = job_state::running;
  std::string error_;
  instant started_;
  instant ended_{};
  instant maps_complete_{};  // when the last map was done
  std::map<std::string, worker> workers_;
  std::array<std::vector<task>, 2> tasks_;
  std::array<std::set<std::pair<bool, std::uint32_t>>, 2> waiting_;  // runs again (false) or first
  std::array<std::uint32_t, 2> done_{};
  std::array<std::uint32_t, 2> running_{};   // attempts
  std::array<std::uint32_t, 2> backups_{};   // of them
  std::array<std::uint64_t, 2> duration_{};  // milliseconds, of all winners
  std::array<std::uint32_t, 2> winners_{};
  std::set<std::uint32_t> lost_;  // maps that are done, and whose output nobody has
  std::set<std::uint32_t> awaited_;  // of them: those whose worker has yet to say that it does
  instant awaited_until_{};
  std::uint32_t earlier_ = 0;  // numbers up to here were earlier masters' attempts
  std::uint32_t skipped_ = 0;
  job_status totals_;  // the counts of status()
};
}  // namespace troupe::mapreduce

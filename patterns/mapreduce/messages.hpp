// What master, workers and users of a MapReduce job tell each other, as plain values. Handles are
// no part of it: workers are named by the ids under which they were announced.
// Source: J. Dean, S. Ghemawat, "MapReduce: Simplified Data Processing on Large Clusters", OSDI
// 2004
//   Units  offsets, lengths and memory in bytes; progress in thousandths; times in milliseconds
//          since any fixed origin (`instant`)
//   Paths  of inputs and output belong to a file system that all nodes see; those of map outputs
//          to their worker
#pragma once
#include "patterns/message.hpp"

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>
namespace troupe::mapreduce {
using instant = std::chrono::milliseconds;

// ---- the input

struct input_file {
  std::string path;
  std::uint64_t size = 0;
  std::int64_t changed = 0;  // nanoseconds since 1970; 0: not known
};
TROUPE_MESSAGE(input_file, path, size, changed)

// A part of a file. Which records belong to it, splits.hpp says: those that start in it.
struct piece {
  std::string path;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::uint64_t size = 0;  // of the file as the master saw it; 0: not known
  std::int64_t changed = 0;
};
TROUPE_MESSAGE(piece, path, offset, length, size, changed)

struct split {  // what one map task reads: a part of one large file, or many small files whole
  std::vector<piece> pieces;
  std::uint64_t bytes = 0;
};
TROUPE_MESSAGE(split, pieces, bytes)

// Where a record is: the file and the offset of its first byte.
struct record_position {
  std::string path;
  std::uint64_t offset = 0;
};
TROUPE_MESSAGE(record_position, path, offset)
inline std::strong_ordering operator<=>(const record_position& a, const record_position& b) {
  if (const auto order = a.path <=> b.path; order != 0) return order;
  return a.offset <=> b.offset;
}

// ---- the job

using settings_map = std::map<std::string, std::string>;
// The user's by their names, ours as "troupe.NAME".
using counters_map = std::map<std::string, std::int64_t>;

struct job_spec {
  std::string id;                   // unique in the cluster; the tracker mints it
  std::string name;                 // the job's class, as it was registered
  std::string library;              // the shared library that has it; empty: compiled in
  std::vector<std::string> inputs;  // files and directories; workers get the job without them
  std::string output;               // a directory that must not hold anything yet
  std::uint32_t reducers = 0;       // 0: the tracker fills in the cluster's reduce slots
  settings_map settings;            // the user's --set key=value
  std::uint32_t weight = 1;         // its share of the slots beside other jobs
  std::uint64_t split_bytes = 0;    // 0: chosen by the size of the input and the number of slots
  std::uint64_t memory_bytes = 64 << 20;  // bound on what one task keeps in memory
  std::uint32_t attempts_max = 4;         // attempts of one task that may fail by themselves
  // workers that may die under one task: a record can kill a node. 2 for jobs from a library
  std::uint32_t deaths_max = 8;
  bool skip_bad_records = false;    // pass over and count a record that crashes its mapper twice
  std::uint32_t skipped_max = 100;  // records that may be passed over in the whole job
  bool speculative = true;          // backup attempts for stragglers
  std::uint32_t slow_start = 50;    // thousandths of the maps to be done before reduces start
  std::uint32_t silence = 600'000;  // milliseconds without progress until an attempt is given up
  std::string token;  // the marker file's content: whoever reads it sees our file system
  std::vector<std::string> cuts;  // the range partitioner's cut points, from samples of the input
  std::uint64_t library_sum = 0;  // checksum of the library as the master saw it
  std::uint64_t fence = 0;  // the master's token, higher than that of any before; 0: it has no log
};
TROUPE_MESSAGE(job_spec, id, name, library, inputs, output, reducers, settings, weight, split_bytes,
               memory_bytes, attempts_max, deaths_max, skip_bad_records, skipped_max, speculative,
               slow_start, silence, token, cuts, library_sum, fence)

// What looking at the input gave, before the first task.
struct job_plan {
  std::vector<split> splits;
  std::vector<std::string> cuts;
  std::string token;
  bool skip_bad_records = false;  // the job's class allows it, whatever the submission says
  std::string name{};             // of the class: a submission may leave it to the library
  std::uint64_t library_sum = 0;  // 0: it is compiled in
};
TROUPE_MESSAGE(job_plan, splits, cuts, token, skip_bad_records, name, library_sum)

// ---- tasks and their attempts

enum class task_kind : std::uint8_t { map, reduce };
inline std::string to_string(task_kind kind) { return kind == task_kind::map ? "map" : "reduce"; }

struct attempt_id {
  std::string job;
  task_kind kind = task_kind::map;
  std::uint32_t task = 0;     // a reduce task's number is its partition's
  std::uint32_t attempt = 0;  // from 1, never given twice
};
TROUPE_MESSAGE(attempt_id, job, kind, task, attempt)
inline std::strong_ordering operator<=>(const attempt_id& a, const attempt_id& b) {
  if (const auto order = a.job <=> b.job; order != 0) return order;
  if (a.kind != b.kind) return a.kind <=> b.kind;
  if (a.task != b.task) return a.task <=> b.task;
  return a.attempt <=> b.attempt;
}

struct map_task {
  attempt_id id;
  split input;
  std::vector<record_position> skip;  // records that crashed earlier attempts
};
TROUPE_MESSAGE(map_task, id, input, skip)

struct reduce_task {
  attempt_id id;
  std::uint32_t maps = 0;  // so many map outputs are to be fetched, whatever their order
};
TROUPE_MESSAGE(reduce_task, id, maps)

// ---- map outputs

// One partition's part of a map output. An empty one (no bytes) is not fetched at all.
struct segment {
  std::uint64_t offset = 0;  // in the map output's file
  std::uint64_t bytes = 0;
  std::uint64_t records = 0;
  std::uint64_t checksum = 0;  // checksum.hpp, over the bytes as stored
};
TROUPE_MESSAGE(segment, offset, bytes, records, checksum)

// One finished map's output on its worker's disk: the partitions one behind the other in one file.
struct map_output {
  std::string file;  // local to the worker
  std::vector<segment> segments;
};
TROUPE_MESSAGE(map_output, file, segments)

// What a reducer learns about one map: who has it.
struct output_location {
  std::uint32_t map = 0;
  std::uint32_t attempt = 0;
  std::string worker;
  std::string file;  // of use to reducers on that very worker alone
  segment part;      // of this reducer's partition
};
TROUPE_MESSAGE(output_location, map, attempt, worker, file, part)

struct fetch {  // reducer to the worker that has the output: its segment, please, by this channel
  std::string job;
  std::uint32_t map = 0;
  std::uint32_t attempt = 0;
  std::uint32_t partition = 0;
  std::uint64_t channel = 0;
};
TROUPE_MESSAGE(fetch, job, map, attempt, partition, channel)

// ---- reports of attempts to their master

struct map_done {
  attempt_id id;
  map_output output;
  counters_map counters;
};
TROUPE_MESSAGE(map_done, id, output, counters)

// A reduce attempt wrote its part under a temporary name; the master alone renames, one attempt's
// file a partition.
struct reduce_done {
  attempt_id id;
  std::string file;  // on the file system that all see
  std::uint64_t bytes = 0;
  std::uint64_t records = 0;
  counters_map counters;
};
TROUPE_MESSAGE(reduce_done, id, file, bytes, records, counters)

struct task_failed {  // by itself: the user's error, a full disk, a file that cannot be read
  attempt_id id;
  std::string reason;  // a sentence
  std::vector<record_position>
      bad_record{};  // at most one: the record at which the user's map threw
};
TROUPE_MESSAGE(task_failed, id, reason, bad_record)

struct task_killed {  // ended because the master had asked for it, or because its worker is leaving
  attempt_id id;
};
TROUPE_MESSAGE(task_killed, id)

struct task_progress {
  attempt_id id;
  std::uint32_t done = 0;  // thousandths
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;  // read, sorted and merged: it grows as long as the attempt works
};
TROUPE_MESSAGE(task_progress, id, done, records, bytes)

struct fetch_failed {  // from a reduce attempt: it could not get one map's output
  attempt_id id;       // the reducer
  std::uint32_t map = 0;
  std::uint32_t attempt = 0;  // of the map
  std::string worker;         // that should have it
  bool gone = false;          // the worker answered that it does not have it, or not whole
};
TROUPE_MESSAGE(fetch_failed, id, map, attempt, worker, gone)

struct shuffle_done {  // the reduce attempt has all map outputs, and needs no mapper any more
  attempt_id id;
};
TROUPE_MESSAGE(shuffle_done, id)

// ---- what a user sees

enum class job_state : std::uint8_t { preparing, running, finishing, succeeded, failed, cancelled };
inline bool over(job_state state) { return state >= job_state::succeeded; }
inline std::string to_string(job_state state) {
  switch (state) {
    case job_state::preparing:
      return "preparing";
    case job_state::running:
      return "running";
    case job_state::finishing:
      return "finishing";
    case job_state::succeeded:
      return "succeeded";
    case job_state::failed:
      return "failed";
    case job_state::cancelled:
      return "cancelled";
  }
  return "unknown";
}

struct phase_status {
  std::uint32_t total = 0;
  std::uint32_t running = 0;  // tasks with at least one attempt
  std::uint32_t done = 0;
  std::uint32_t progress = 0;  // thousandths
};
TROUPE_MESSAGE(phase_status, total, running, done, progress)

struct job_status {
  std::string id;
  std::string name;
  job_state state = job_state::preparing;
  phase_status maps;
  phase_status reduces;
  std::uint32_t attempts_started = 0;
  std::uint32_t attempts_failed = 0;  // by themselves
  std::uint32_t attempts_killed = 0;  // with their worker, or because another attempt won
  std::uint32_t backups = 0;          // attempts started beside a straggler
  std::uint32_t maps_lost = 0;        // finished maps that had to run again
  std::vector<std::string> workers_lost;
  std::uint64_t input_bytes = 0;
  counters_map counters;
  std::string error;  // why it failed, a sentence
  std::string output;
  std::uint64_t elapsed_ms = 0;
  std::string master;  // the node whose tracker runs it
  std::uint32_t masters = 0;  // that it has had; 0: it ends with its master
};
TROUPE_MESSAGE(job_status, id, name, state, maps, reduces, attempts_started, attempts_failed,
               attempts_killed, backups, maps_lost, workers_lost, input_bytes, counters, error,
               output, elapsed_ms, master, masters)

enum class job_event_kind : std::uint8_t {
  attempt_started,
  backup_started,
  attempt_done,
  attempt_failed,
  attempt_killed,
  record_skipped,
  map_lost,  // a finished map has to run again
  part_committed,
  worker_lost,
  worker_listed,  // it failed too many tasks of this job and gets no more
  job_started,
  job_over,
};
inline std::string to_string(job_event_kind what) {
  switch (what) {
    case job_event_kind::attempt_started:
      return "attempt_started";
    case job_event_kind::backup_started:
      return "backup_started";
    case job_event_kind::attempt_done:
      return "attempt_done";
    case job_event_kind::attempt_failed:
      return "attempt_failed";
    case job_event_kind::attempt_killed:
      return "attempt_killed";
    case job_event_kind::record_skipped:
      return "record_skipped";
    case job_event_kind::map_lost:
      return "map_lost";
    case job_event_kind::part_committed:
      return "part_committed";
    case job_event_kind::worker_lost:
      return "worker_lost";
    case job_event_kind::worker_listed:
      return "worker_listed";
    case job_event_kind::job_started:
      return "job_started";
    case job_event_kind::job_over:
      return "job_over";
  }
  return "unknown";
}

struct job_event {
  std::string job{};
  job_event_kind what = job_event_kind::attempt_started;
  task_kind kind = task_kind::map;
  std::uint32_t task = 0;
  std::uint32_t attempt = 0;  // 0: the event is not an attempt's
  std::string worker{};
  std::string reason{};
};
TROUPE_MESSAGE(job_event, job, what, kind, task, attempt, worker, reason)

// Names of counters that we keep ourselves.
inline constexpr auto map_input_records = "troupe.map_input_records";
inline constexpr auto map_input_bytes = "troupe.map_input_bytes";
inline constexpr auto map_output_records = "troupe.map_output_records";
inline constexpr auto map_output_bytes = "troupe.map_output_bytes";
inline constexpr auto combine_output_records = "troupe.combine_output_records";
inline constexpr auto spilled_records = "troupe.spilled_records";
inline constexpr auto skipped_records = "troupe.skipped_records";
inline constexpr auto shuffle_bytes = "troupe.shuffle_bytes";
inline constexpr auto reduce_input_groups = "troupe.reduce_input_groups";
inline constexpr auto reduce_input_records = "troupe.reduce_input_records";
inline constexpr auto reduce_output_records = "troupe.reduce_output_records";
inline constexpr auto reduce_output_bytes = "troupe.reduce_output_bytes";
}  // namespace troupe::mapreduce

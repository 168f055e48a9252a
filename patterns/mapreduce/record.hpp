// What is written down of a job, so that another master can go on with it.
//   Key      each fact replaces the one of the same key; what was not written may be done once more
//   Order    the facts of one master are written in the order in which the core gave them; a part is
//            renamed only once its part_written is down: so every part that has its name is known,
//            with the counters of the attempt that wrote it
//   Not here map outputs: they are at their workers, who tell a new master what they hold
//   Beware   fields are only ever added at the end: logs hold them
#pragma once
#include "patterns/mapreduce/messages.hpp"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>
namespace troupe::mapreduce {
struct map_finished {
  std::uint32_t map = 0;
  std::uint32_t attempt = 0;
  std::string worker{};
  counters_map counters{};
};
TROUPE_MESSAGE(map_finished, map, attempt, worker, counters)
struct part_written {  // a reduce attempt's file, which from now on may get the part's name
  std::uint32_t partition = 0;
  std::uint32_t attempt = 0;
  std::string worker{};
  std::string file{};
  counters_map counters{};
};
TROUPE_MESSAGE(part_written, partition, attempt, worker, file, counters)
struct part_named {
  std::uint32_t partition = 0;
};
TROUPE_MESSAGE(part_named, partition)
struct task_trouble {  // what bounds a task's repetition
  task_kind kind = task_kind::map;
  std::uint32_t task = 0;
  std::uint32_t failures = 0;
  std::uint32_t deaths = 0;
  std::uint32_t losses = 0;
  std::vector<record_position> skip{};
};
TROUPE_MESSAGE(task_trouble, kind, task, failures, deaths, losses, skip)
using fact = std::variant<map_finished, part_written, part_named, task_trouble>;

// Short, and without a slash: "map-7", "part-0", "named-0", "trouble-map-7".
inline std::string key_of(const fact& what) {
  struct {
    std::string operator()(const map_finished& f) { return "map-" + std::to_string(f.map); }
    std::string operator()(const part_written& f) { return "part-" + std::to_string(f.partition); }
    std::string operator()(const part_named& f) { return "named-" + std::to_string(f.partition); }
    std::string operator()(const task_trouble& f) {
      return "trouble-" + to_string(f.kind) + '-' + std::to_string(f.task);
    }
  } name;
  return std::visit(name, what);
}

struct job_record {
  std::uint32_t masters = 0;  // that it has had
  std::vector<fact> facts{};  // at most one of each key, in any order
};
TROUPE_MESSAGE(job_record, masters, facts)
}  // namespace troupe::mapreduce

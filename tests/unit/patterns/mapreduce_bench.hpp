// A job's master, and the sentences in which its tests speak of it.
#pragma once
#include "patterns/mapreduce/job.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
namespace mapreduce_bench {
using namespace troupe::mapreduce;
using namespace std::chrono_literals;

inline constexpr auto map = task_kind::map;
inline constexpr auto reduce = task_kind::reduce;

struct bench {
  job core;
  instant now = 0ms;
  output out{};

  static job_spec spec(std::uint32_t reducers) {
    job_spec s;
    s.id = "j";
    s.reducers = reducers;
    return s;
  }
  explicit bench(std::uint32_t maps, std::uint32_t reducers, job_spec s)
      : core{std::move(s), std::vector<split>(maps, split{{{"f", 0, 10}}, 10}), 0ms} {
    core.step(worker_up{"a"}, now, out);
    core.step(worker_up{"b"}, now, out);
    (void)reducers;
  }
  explicit bench(std::uint32_t maps, std::uint32_t reducers = 1)
      : bench{maps, reducers, spec(reducers)} {}

  const output& step(const input& in) {
    out = {};
    core.step(in, now, out);
    return out;
  }
  // What the worker's free slot gets: "m0.1" is map 0's first attempt, "" nothing.
  std::string free(const std::string& worker, task_kind kind) {
    step(offer{worker, kind});
    if (!out.maps.empty()) return name(out.maps[0].task.id);
    if (!out.reduces.empty()) return name(out.reduces[0].task.id);
    return "";
  }
  static std::string name(const attempt_id& id) {
    return (id.kind == map ? "m" : "r") + std::to_string(id.task) + "." +
           std::to_string(id.attempt);
  }
  static attempt_id id(const std::string& name) {
    const auto dot = name.find('.');
    return {"j", name[0] == 'm' ? map : reduce,
            static_cast<std::uint32_t>(std::stoul(name.substr(1, dot - 1))),
            static_cast<std::uint32_t>(std::stoul(name.substr(dot + 1)))};
  }
  const output& done(const std::string& name, counters_map counters = {}) {
    const auto attempt = id(name);
    if (attempt.kind == reduce)
      return step(reduce_done{attempt, "tmp/" + name, 1, 1, std::move(counters)});
    return step(map_done{
        attempt, {"out/" + name, std::vector<segment>(core.spec().reducers)}, std::move(counters)});
  }
  const output& fail(const std::string& name, std::vector<record_position> record = {}) {
    return step(task_failed{id(name), "it broke", std::move(record)});
  }
  std::string kills() const {
    std::string all;
    for (const auto& k : out.kills) all += (all.empty() ? "" : " ") + k.worker + ":" + name(k.id);
    return all;
  }
  std::string commits() const {
    std::string all;
    for (const auto& c : out.commits)
      all += (all.empty() ? "" : " ") + std::to_string(c.partition) + "<" + c.file;
    return all;
  }
  job_status status() const { return core.status(now); }
};

inline job_spec with(std::uint32_t reducers, void (*change)(job_spec&)) {
  auto s = bench::spec(reducers);
  change(s);
  return s;
}
}  // namespace mapreduce_bench

// What outlives a master: how another one goes on from what was recorded (record.hpp), and from what
// the workers say that they hold.
//   recorded     | then                        | held says so | its worker lacks it, or is not heard
//   map finished | done, its output is awaited | as before    | runs again, if a reducer needs it
//   part written | committing: named once more |              |
//   part named   | done                        |              |
#include "patterns/mapreduce/job.hpp"

#include <algorithm>
#include <cassert>
namespace troupe::mapreduce {
void job::restore(const job_record& before, instant now, output& out) {
  assert(totals_.attempts_started == 0);
  earlier_ = before.masters * attempts_per_master;
  for (auto kind : {task_kind::map, task_kind::reduce})
    for (auto& t : tasks(kind)) t.given = earlier_;
  for (const auto& f : before.facts) std::visit([this](const auto& what) { recall(what); }, f);
  awaited_until_ = now + held_within;
  if (done_[0] == splits_.size()) maps_complete_ = now;
  if (before.masters >= masters_max)
    return end(job_state::failed,
               std::to_string(before.masters) +
                   " masters of it died; its input may hold a record that kills them",
               out);
  for (std::uint32_t p = 0; p < spec_.reducers; ++p) {
    const auto& t = tasks(task_kind::reduce)[p];
    if (t.where == phase::committing)
      out.commits.push_back({p, {spec_.id, task_kind::reduce, p, t.winner}, t.output.file});
  }
  if (done_[1] < spec_.reducers) return;
  state_ = job_state::finishing;
  kill_all(out);
  out.finish = true;
}

void job::recall(const map_finished& f) {
  if (f.map >= splits_.size()) return;
  auto& t = tasks(task_kind::map)[f.map];
  t.where = phase::done;
  t.winner = f.attempt;
  t.holder = f.worker;
  t.counters = f.counters;
  waiting_[0].erase({true, f.map});
  ++done_[0];
  lost_.insert(f.map);
  awaited_.insert(f.map);
}

void job::recall(const part_written& f) {
  if (f.partition >= spec_.reducers) return;
  auto& t = tasks(task_kind::reduce)[f.partition];
  if (t.where != phase::done) t.where = phase::committing;
  t.winner = f.attempt;
  t.holder = f.worker;
  t.counters = f.counters;
  t.output.file = f.file;
  waiting_[1].erase({true, f.partition});
}

void job::recall(const part_named& f) {
  if (f.partition >= spec_.reducers) return;
  tasks(task_kind::reduce)[f.partition].where = phase::done;
  waiting_[1].erase({true, f.partition});
  ++done_[1];
}

void job::recall(const task_trouble& f) {
  if (f.task >= tasks(f.kind).size()) return;
  auto& t = tasks(f.kind)[f.task];
  t.failures = f.failures;
  t.deaths = f.deaths;
  t.losses = f.losses;
  t.skip = f.skip;
  skipped_ += static_cast<std::uint32_t>(f.skip.size());
}

void job::on(const held& in, instant now, output& out) {
  if (state_ != job_state::running || !workers_.contains(in.worker)) return;
  for (const auto& has : in.maps) take_up(has, in.worker, now, out);
  std::erase_if(awaited_, [&](auto map) { return tasks(task_kind::map)[map].holder == in.worker; });
  for (const auto& id : in.running) adopt(id, in.worker, now, out);
}

// Whoever has a map's output may have it for all, unless another's was recorded and may be there yet.
void job::take_up(const map_done& has, const std::string& name, instant now, output& out) {
  const auto& id = has.id;
  if (id.job != spec_.id || id.kind != task_kind::map || id.task >= splits_.size() ||
      has.output.segments.size() != spec_.reducers)
    return;
  auto& t = at(id);
  const bool recorded = t.winner == id.attempt && t.holder == name;
  if (t.where == phase::done && (!lost_.contains(id.task) ||
                                 (awaited_.contains(id.task) && !recorded)))
    return;
  map_done_by(id, name, has.output, has.counters, now, out);
}

// A map that runs may end; a reducer was told by its former master where the outputs are, and writes
// where that one looked for its part.
void job::adopt(const attempt_id& id, const std::string& name, instant now, output& out) {
  const bool sound = id.job == spec_.id && id.kind == task_kind::map && id.task < splits_.size() &&
                     id.attempt <= earlier_;
  if (!sound || at(id).where != phase::open || !at(id).live.empty()) {
    if (!find(id)) out.kills.push_back({name, id});
    return;
  }
  waiting_[0].erase({true, id.task});
  waiting_[0].erase({false, id.task});
  at(id).live.push_back({.number = id.attempt, .worker = name, .started = now, .moved = now});
  ++running_[0];
}

void job::record_trouble(task_kind kind, std::uint32_t number, output& out) const {
  const auto& t = tasks(kind)[number];
  out.facts.emplace_back(task_trouble{kind, number, t.failures, t.deaths, t.losses, t.skip});
}
}  // namespace troupe::mapreduce

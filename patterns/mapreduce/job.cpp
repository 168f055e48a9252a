// What each input does; the tasks' own bookkeeping is in job_tasks.cpp, the choice of what an offer
// gets in job_schedule.cpp.
#include "patterns/mapreduce/job.hpp"

#include <algorithm>
#include <cassert>
namespace troupe::mapreduce {
job::job(job_spec spec, std::vector<split> splits, instant now)
    : spec_{std::move(spec)},
      splits_{std::move(splits)},
      started_{now},
      maps_complete_{now},
      tasks_{std::vector<task>(splits_.size()), std::vector<task>(spec_.reducers)} {
  assert(spec_.reducers > 0);
  for (auto kind : {task_kind::map, task_kind::reduce})
    for (std::uint32_t i = 0; i < tasks(kind).size(); ++i) waiting_[index(kind)].emplace(true, i);
  for (const auto& s : splits_) totals_.input_bytes += s.bytes;
}

void job::step(const input& in, instant now, output& out) {
  std::visit([&](const auto& event) { on(event, now, out); }, in);
  if (state_ == job_state::running) restore_outputs(out);
  if (over(state_) && ended_ == instant{}) ended_ = now;
}

void job::on(const worker_up& in, instant, output&) { workers_[in.worker].leaving = false; }

void job::on(const worker_leaving& in, instant, output&) {
  if (auto found = workers_.find(in.worker); found != workers_.end()) found->second.leaving = true;
}

void job::on(const worker_down& in, instant, output& out) {
  if (workers_.erase(in.worker) == 0 || over(state_)) return;
  bool concerned = false;
  for (auto kind : {task_kind::map, task_kind::reduce}) {
    for (std::uint32_t number = 0; number < tasks(kind).size(); ++number) {
      auto& t = tasks(kind)[number];
      for (const auto& a : std::vector<attempt>{t.live}) {
        if (a.worker != in.worker) continue;
        const auto id = name(kind, number, a);
        concerned = true;
        take(id);
        ++totals_.attempts_killed;
        note(job_event_kind::attempt_killed, id, in.worker, out, "its worker is gone");
        ++t.deaths;
        record_trouble(kind, number, out);
        if (t.deaths >= spec_.deaths_max && state_ == job_state::running)
          return end(job_state::failed,
                     to_string(kind) + " task " + std::to_string(number) + " ran on " +
                         std::to_string(t.deaths) +
                         " workers when they died; its input may hold a record that kills them",
                     out);
      }
      if (kind == task_kind::map && t.where == phase::done && t.holder == in.worker) {
        awaited_.erase(number);
        if (lost_.insert(number).second) concerned = true;
      }
    }
  }
  if (!concerned) return;
  totals_.workers_lost.push_back(in.worker);
  out.events.push_back({.job = spec_.id,
                        .what = job_event_kind::worker_lost,
                        .worker = in.worker,
                        .reason = "it went down"});
}

void job::on(const map_done& in, instant now, output& out) {
  if (!find(in.id)) return;  // late
  if (in.output.segments.size() != spec_.reducers)
    return on(task_failed{in.id, "its output has " + std::to_string(in.output.segments.size()) +
                                     " partitions instead of " + std::to_string(spec_.reducers)},
              now, out);
  const auto a = *take(in.id);
  duration_[0] += static_cast<std::uint64_t>((now - a.started).count());
  ++winners_[0];
  note(job_event_kind::attempt_done, in.id, a.worker, out);
  map_done_by(in.id, a.worker, in.output, in.counters, now, out);
}

// An attempt's, taken already, or one of which a new master hears.
void job::map_done_by(const attempt_id& id, const std::string& name, const map_output& has,
                      const counters_map& counters, instant now, output& out) {
  auto& t = at(id);
  kill_others(task_kind::map, id.task, out);
  waiting_[0].erase({true, id.task});
  waiting_[0].erase({false, id.task});
  lost_.erase(id.task);
  awaited_.erase(id.task);
  if (std::exchange(t.where, phase::done) != phase::done && ++done_[0] == splits_.size())
    maps_complete_ = now;
  t.winner = id.attempt;
  t.holder = name;
  t.output = has;
  t.counters = counters;
  t.fetch_reports = 0;
  out.facts.emplace_back(map_finished{id.task, id.attempt, name, counters});
  for (std::uint32_t partition = 0; partition < spec_.reducers; ++partition)
    for (const auto& reducer : tasks(task_kind::reduce)[partition].live)
      if (!reducer.shuffled)
        out.locations.push_back({reducer.worker, this->name(task_kind::reduce, partition, reducer),
                                 location(id.task, partition)});
}

void job::on(const reduce_done& in, instant now, output& out) {
  if (!find(in.id)) return;  // late, or another attempt was first
  const auto a = *take(in.id);
  auto& t = at(in.id);
  kill_others(task_kind::reduce, in.id.task, out);
  waiting_[1].erase({true, in.id.task});
  waiting_[1].erase({false, in.id.task});
  t.where = phase::committing;
  t.winner = a.number;
  t.holder = a.worker;
  t.counters = in.counters;
  duration_[1] += static_cast<std::uint64_t>((now - std::max(a.started, maps_complete_)).count());
  ++winners_[1];
  note(job_event_kind::attempt_done, in.id, a.worker, out);
  out.facts.emplace_back(part_written{in.id.task, a.number, a.worker, in.file, in.counters});
  out.commits.push_back({in.id.task, in.id, in.file});
}

void job::on(const part_committed& in, instant, output& out) {
  if (state_ != job_state::running || in.partition >= spec_.reducers) return;
  auto& t = tasks(task_kind::reduce)[in.partition];
  if (t.where != phase::committing) return;
  const attempt_id id{spec_.id, task_kind::reduce, in.partition, t.winner};
  if (!in.error.empty()) {
    t.where = phase::open;
    t.counters.clear();
    wait(task_kind::reduce, in.partition);
    attempt winner;
    winner.number = t.winner;
    winner.worker = t.holder;
    return failed(id, winner, {id, in.error}, out);
  }
  t.where = phase::done;
  out.facts.emplace_back(part_named{in.partition});
  note(job_event_kind::part_committed, id, t.holder, out);
  if (++done_[1] < spec_.reducers) return;
  state_ = job_state::finishing;
  kill_all(out);  // maps that were to run again for reducers that needed them no more
  out.finish = true;
}

void job::on(const job_finished& in, instant, output& out) {
  if (state_ != job_state::finishing) return;
  end(in.error.empty() ? job_state::succeeded : job_state::failed, in.error, out);
}

void job::on(const host_failed& in, instant, output& out) {
  if (!over(state_)) end(job_state::failed, in.error, out);
}

void job::on(const task_failed& in, instant, output& out) {
  if (!find(in.id)) return;
  const auto a = *take(in.id);
  failed(in.id, a, in, out);
}

void job::on(const task_killed& in, instant, output& out) {
  const auto a = take(in.id);
  if (!a) return;
  ++totals_.attempts_killed;
  note(job_event_kind::attempt_killed, in.id, a->worker, out, "its worker gave it back");
}

void job::on(const task_progress& in, instant now, output&) {
  auto* a = find(in.id);
  if (!a || (a->done == in.done && a->records == in.records && a->bytes == in.bytes)) return;
  a->done = std::min(in.done, 1000u);
  a->records = in.records;
  a->bytes = in.bytes;
  a->moved = now;
}

void job::on(const shuffle_done& in, instant now, output&) {
  auto* a = find(in.id);
  if (!a) return;
  a->shuffled = true;
  a->moved = now;
}

void job::on(const fetch_failed& in, instant, output& out) {
  auto* reducer = find(in.id);
  if (!reducer || in.id.kind != task_kind::reduce || in.map >= splits_.size()) return;
  ++reducer->fetch_failures;
  if (!in.gone) reducer->unreached.insert(in.worker);
  const bool isolated = reaches_nobody(*reducer);
  auto& t = tasks(task_kind::map)[in.map];
  if (!isolated && t.where == phase::done && t.winner == in.attempt && !lost_.contains(in.map)) {
    t.fetch_reports += in.gone ? fetch_reports_max : 1;
    if (t.fetch_reports >= fetch_reports_max) return lose_output(in.map, in.gone, out);
  }
  if (!isolated) return;
  const auto a = *take(in.id);
  out.kills.push_back({a.worker, in.id});
  failed(in.id, a,
         {in.id, "worker " + a.worker + " could not fetch map outputs, the last time from worker " +
                     in.worker},
         out);
}

// Only what would wait for maps anyway: it loses the bytes that it has fetched, and no more. The
// youngest go first.
void job::on(const yield_reducers& in, instant, output& out) {
  if (state_ != job_state::running || done_[0] == splits_.size()) return;
  std::vector<std::pair<instant, attempt_id>> idle;
  for (std::uint32_t number = 0; number < spec_.reducers; ++number)
    for (const auto& a : tasks(task_kind::reduce)[number].live)
      if (!a.shuffled) idle.emplace_back(a.started, name(task_kind::reduce, number, a));
  std::sort(idle.begin(), idle.end(), [](const auto& a, const auto& b) { return b < a; });
  if (idle.size() > in.count) idle.resize(in.count);
  for (const auto& [started, id] : idle) {
    const auto a = *take(id);
    out.kills.push_back({a.worker, id});
    ++totals_.attempts_killed;
    note(job_event_kind::attempt_killed, id, a.worker, out, "its slot is another job's share");
  }
}

void job::on(const cancel&, instant, output& out) {
  if (state_ != job_state::running) return out.refused.push_back(refusal::too_late);
  end(job_state::cancelled, "it was cancelled", out);
}

void job::on(const tick&, instant now, output& out) {
  if (now >= awaited_until_) awaited_.clear();
  const instant silence{spec_.silence};
  for (auto kind : {task_kind::map, task_kind::reduce}) {
    const bool waits = done_[0] < splits_.size();  // reducers have nothing to do but wait for maps
    if (kind == task_kind::reduce && waits) continue;
    const auto since = kind == task_kind::reduce ? maps_complete_ : started_;
    for (std::uint32_t number = 0; number < tasks(kind).size(); ++number) {
      for (const auto& a : std::vector<attempt>{tasks(kind)[number].live}) {
        if (state_ != job_state::running) return;
        if (now - std::max(a.moved, since) < silence) continue;
        const auto id = name(kind, number, a);
        if (!take(id)) continue;
        out.kills.push_back({a.worker, id});
        failed(id, a,
               {id, "it reported no progress for " + std::to_string(spec_.silence / 1000) +
                        " s on worker " + a.worker},
               out);
      }
    }
  }
}
}  // namespace troupe::mapreduce

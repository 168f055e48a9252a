// Attempts that start and end, and the outputs they leave.
#include "patterns/mapreduce/job.hpp"

#include <algorithm>
namespace troupe::mapreduce {
job::attempt* job::find(const attempt_id& id) {
  if (state_ != job_state::running || id.job != spec_.id || id.task >= tasks(id.kind).size())
    return nullptr;
  auto& live = at(id).live;
  const auto found =
      std::find_if(live.begin(), live.end(), [&](const auto& a) { return a.number == id.attempt; });
  return found == live.end() ? nullptr : &*found;
}

attempt_id job::name(task_kind kind, std::uint32_t number, const attempt& a) const {
  return {spec_.id, kind, number, a.number};
}

std::optional<job::attempt> job::take(const attempt_id& id) {
  auto* found = find(id);
  if (!found) return std::nullopt;
  auto taken = std::move(*found);
  auto& t = at(id);
  t.live.erase(t.live.begin() + (found - t.live.data()));
  --running_[index(id.kind)];
  if (taken.backup) --backups_[index(id.kind)];
  if (t.live.empty() && t.where == phase::open) wait(id.kind, id.task);
  return taken;
}

void job::wait(task_kind kind, std::uint32_t number) {
  waiting_[index(kind)].emplace(false, number);
}

void job::kill_others(task_kind kind, std::uint32_t number, output& out) {
  auto& t = tasks(kind)[number];
  for (const auto& a : t.live) {
    const auto id = name(kind, number, a);
    out.kills.push_back({a.worker, id});
    ++totals_.attempts_killed;
    --running_[index(kind)];
    if (a.backup) --backups_[index(kind)];
    note(job_event_kind::attempt_killed, id, a.worker, out, "another attempt was first");
  }
  t.live.clear();
}

void job::kill_all(output& out) {
  for (auto kind : {task_kind::map, task_kind::reduce}) {
    for (std::uint32_t number = 0; number < tasks(kind).size(); ++number) {
      for (const auto& a : tasks(kind)[number].live) {
        out.kills.push_back({a.worker, name(kind, number, a)});
        ++totals_.attempts_killed;
      }
      tasks(kind)[number].live.clear();
    }
    waiting_[index(kind)].clear();
    running_[index(kind)] = backups_[index(kind)] = 0;
  }
}

// An attempt, taken already, failed by itself.
void job::failed(const attempt_id& id, const attempt& a, const task_failed& why, output& out) {
  auto& t = at(id);
  ++totals_.attempts_failed;
  note(job_event_kind::attempt_failed, id, a.worker, out, why.reason);
  t.failed_on.insert(a.worker);
  const bool forgiven = forgive(id, t, why, out);
  if (!forgiven) ++t.failures;
  record_trouble(id.kind, id.task, out);
  if (forgiven || over(state_)) return;
  if (t.failures >= spec_.attempts_max)
    return end(job_state::failed,
               to_string(id.kind) + " task " + std::to_string(id.task) + " failed " +
                   std::to_string(t.failures) + " times, the last time on worker " + a.worker +
                   ": " + why.reason,
               out);
  // a record that may yet be passed over is no worker's fault
  if (!spec_.skip_bad_records || why.bad_record.empty()) charge(a.worker, out);
}

void job::charge(const std::string& name, output& out) {
  const auto found = workers_.find(name);
  if (found == workers_.end()) return;
  if (++found->second.failures == worker_failures_max)
    out.events.push_back({.job = spec_.id,
                          .what = job_event_kind::worker_listed,
                          .worker = name,
                          .reason = std::to_string(worker_failures_max) + " tasks failed on it"});
}

// True where the failure does not count: its record crashed the mapper for the second time, and will
// be passed over. The first crash is forgotten too.
bool job::forgive(const attempt_id& id, task& t, const task_failed& why, output& out) {
  if (!spec_.skip_bad_records || why.bad_record.empty() || id.kind != task_kind::map) return false;
  const auto& record = why.bad_record.front();
  if (++t.crashes[record] != 2) return false;
  if (++skipped_ > spec_.skipped_max) {
    end(job_state::failed,
        "more than " + std::to_string(spec_.skipped_max) +
            " records crash their mapper, the last in " + record.path + " at byte " +
            std::to_string(record.offset) + ": " + why.reason,
        out);
    return true;
  }
  if (t.failures > 0) --t.failures;
  t.skip.push_back(record);
  t.failed_on.clear();  // it was not the workers' fault
  out.events.push_back(
      {.job = spec_.id,
       .what = job_event_kind::record_skipped,
       .task = id.task,
       .attempt = id.attempt,
       .reason = record.path + " at byte " + std::to_string(record.offset) + ": " + why.reason});
  return true;
}

// Reducers cannot get it, though its worker seems to live.
void job::lose_output(std::uint32_t map, bool gone, output& out) {
  auto& t = tasks(task_kind::map)[map];
  lost_.insert(map);
  t.failed_on.insert(t.holder);
  if (gone) charge(t.holder, out);
  ++t.losses;
  record_trouble(task_kind::map, map, out);
  if (t.losses < 2 * spec_.attempts_max) return;
  end(job_state::failed,
      "the output of map task " + std::to_string(map) + " could not be fetched " +
          std::to_string(t.losses) + " times, the last time from worker " + t.holder,
      out);
}

// It failed often, and with most of the workers that have outputs: then they are not to blame.
bool job::reaches_nobody(const attempt& reducer) const {
  if (reducer.fetch_failures < fetch_failures_max || reducer.unreached.size() < 2) return false;
  std::set<std::string> holders;
  for (const auto& t : tasks(task_kind::map))
    if (t.where == phase::done) holders.insert(t.holder);
  holders.erase(reducer.worker);
  return 2 * reducer.unreached.size() > holders.size();
}

// Some partition's result still depends on what mappers have.
bool job::outputs_needed() const {
  const auto needs = [](const task& t) {
    return t.where == phase::open &&
           std::none_of(t.live.begin(), t.live.end(), [](const auto& a) { return a.shuffled; });
  };
  const auto& reduces = tasks(task_kind::reduce);
  return std::any_of(reduces.begin(), reduces.end(), needs);
}

void job::restore_outputs(output& out) {
  if (lost_.size() == awaited_.size() || !outputs_needed()) return;
  for (auto map : lost_) {
    if (awaited_.contains(map)) continue;
    auto& t = tasks(task_kind::map)[map];
    t.where = phase::open;
    --done_[0];
    ++totals_.maps_lost;
    wait(task_kind::map, map);
    out.events.push_back({.job = spec_.id,
                          .what = job_event_kind::map_lost,
                          .task = map,
                          .attempt = t.winner,
                          .worker = t.holder,
                          .reason = "its output is gone, and reducers need it"});
  }
  lost_ = awaited_;
}

output_location job::location(std::uint32_t map, std::uint32_t partition) const {
  const auto& t = tasks(task_kind::map)[map];
  return {map, t.winner, t.holder, t.output.file, t.output.segments[partition]};
}

void job::end(job_state state, std::string error, output& out) {
  kill_all(out);
  state_ = state;
  error_ = std::move(error);
  out.abort = state != job_state::succeeded;
  out.finish = false;
  out.events.push_back({.job = spec_.id,
                        .what = job_event_kind::job_over,
                        .reason = error_.empty() ? to_string(state) : error_});
}

void job::note(job_event_kind what, const attempt_id& id, const std::string& name, output& out,
               std::string reason) const {
  out.events.push_back({id.job, what, id.kind, id.task, id.attempt, name, std::move(reason)});
}
}  // namespace troupe::mapreduce

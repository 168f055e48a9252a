// What a free slot gets, and what a user sees of it all.
#include "patterns/mapreduce/job.hpp"

#include <algorithm>
namespace troupe::mapreduce {
// Too many failures; but when that is said of most workers, it is the job's fault and not theirs.
bool job::listed(const worker& w) const {
  if (w.failures < worker_failures_max) return false;
  const auto bad = std::count_if(workers_.begin(), workers_.end(), [](const auto& entry) {
    return entry.second.failures >= worker_failures_max;
  });
  return static_cast<std::size_t>(bad) * 2 <= workers_.size();
}

bool job::eligible(const std::string& name) const {
  const auto found = workers_.find(name);
  return found != workers_.end() && !found->second.leaving && !listed(found->second);
}

// Not where it failed before, unless there is nobody else.
bool job::may_run(const task& t, const std::string& name) const {
  if (!t.failed_on.contains(name)) return true;
  return std::none_of(workers_.begin(), workers_.end(), [&](const auto& entry) {
    return !t.failed_on.contains(entry.first) && eligible(entry.first);
  });
}

bool job::startable(task_kind kind) const {
  if (state_ != job_state::running) return false;
  return kind == task_kind::map ||
         std::uint64_t{done_[0]} * 1000 >= std::uint64_t{spec_.slow_start} * splits_.size();
}

bool job::wants(task_kind kind, instant now) const {
  return startable(kind) && (!waiting_[index(kind)].empty() || straggler(kind, now, nullptr));
}

std::optional<std::uint32_t> job::next_waiting(task_kind kind, const std::string& name) const {
  for (auto [first_time, number] : waiting_[index(kind)])
    if (may_run(tasks(kind)[number], name)) return number;
  return std::nullopt;
}

// The running task that will take longest, if it is at less than half the usual pace.
std::optional<std::uint32_t> job::straggler(task_kind kind, instant now,
                                            const std::string* name) const {
  const auto k = index(kind);
  if (!spec_.speculative || winners_[k] == 0 || running_[k] == 0) return std::nullopt;
  if (kind == task_kind::reduce && (done_[0] < splits_.size() || !lost_.empty()))
    return std::nullopt;
  if (backups_[k] >= std::max(1u, running_[k] / 10)) return std::nullopt;
  const auto usual = std::max<std::uint64_t>(duration_[k] / winners_[k], 1);
  std::optional<std::uint32_t> slowest;
  std::uint64_t longest = 0;
  for (std::uint32_t number = 0; number < tasks(kind).size(); ++number) {
    const auto& t = tasks(kind)[number];
    if (t.live.size() != 1 || (name && (t.live[0].worker == *name || !may_run(t, *name)))) continue;
    const auto& a = t.live[0];
    const auto since = kind == task_kind::reduce ? std::max(a.started, maps_complete_) : a.started;
    if (now - since < backup_after) continue;
    const auto elapsed = static_cast<std::uint64_t>((now - since).count());
    // before half the usual time a pace says little, and nothing done yet is no pace at all
    if (2 * elapsed < (a.done == 0 ? 3 * usual : usual)) continue;
    const auto whole = elapsed * 1000 / std::max(a.done, 1u);  // at its own pace
    if (whole < 2 * usual) continue;
    const auto left = whole - std::min(whole, elapsed);
    if (slowest && left <= longest) continue;
    slowest = number;
    longest = left;
  }
  return slowest;
}

void job::on(const offer& in, instant now, output& out) {
  if (!startable(in.kind) || !eligible(in.worker)) return;
  if (const auto number = next_waiting(in.kind, in.worker))
    return start(in.kind, *number, in.worker, false, now, out);
  if (const auto number = straggler(in.kind, now, &in.worker))
    start(in.kind, *number, in.worker, true, now, out);
}

void job::start(task_kind kind, std::uint32_t number, const std::string& name, bool backup,
                instant now, output& out) {
  auto& t = tasks(kind)[number];
  waiting_[index(kind)].erase({true, number});
  waiting_[index(kind)].erase({false, number});
  t.live.push_back(
      {.number = ++t.given, .worker = name, .started = now, .moved = now, .backup = backup});
  ++running_[index(kind)];
  ++totals_.attempts_started;
  if (backup) {
    ++backups_[index(kind)];
    ++totals_.backups;
  }
  const attempt_id id{spec_.id, kind, number, t.given};
  note(backup ? job_event_kind::backup_started : job_event_kind::attempt_started, id, name, out);
  if (kind == task_kind::map) return out.maps.push_back({name, {id, splits_[number], t.skip}});
  const auto maps = static_cast<std::uint32_t>(splits_.size());
  reduce_assignment assignment{name, {id, maps}, {}};
  for (std::uint32_t map = 0; map < maps; ++map)
    if (tasks(task_kind::map)[map].where == phase::done && !lost_.contains(map))
      assignment.outputs.push_back(location(map, number));
  out.reduces.push_back(std::move(assignment));
}

phase_status job::status_of(task_kind kind) const {
  phase_status status;
  std::uint64_t sum = 0;
  for (const auto& t : tasks(kind)) {
    ++status.total;
    if (t.where != phase::open) {
      status.done += t.where == phase::done ? 1 : 0;
      sum += 1000;
      continue;
    }
    status.running += t.live.empty() ? 0 : 1;
    std::uint32_t best = 0;
    for (const auto& a : t.live) best = std::max(best, a.done);
    sum += best;
  }
  status.progress = status.total ? static_cast<std::uint32_t>(sum / status.total) : 1000;
  return status;
}

job_status job::status(instant now) const {
  auto status = totals_;
  status.id = spec_.id;
  status.name = spec_.name;
  status.state = state_;
  status.maps = status_of(task_kind::map);
  status.reduces = status_of(task_kind::reduce);
  for (const auto& of_kind : tasks_)
    for (const auto& t : of_kind)
      for (const auto& [name, count] : t.counters) status.counters[name] += count;
  status.error = error_;
  status.output = spec_.output;
  status.elapsed_ms =
      static_cast<std::uint64_t>(((over(state_) ? ended_ : now) - started_).count());
  return status;
}
}  // namespace troupe::mapreduce

#include "actors/mapreduce/job_log.hpp"

#include "runtime/log.hpp"
#include "runtime/metrics.hpp"

#include <string>
namespace troupe::mapreduce {
namespace {
std::string task_name(const job_event& e) {
  return to_string(e.kind) + "-" + std::to_string(e.task);
}
}  // namespace

void write_submitted(const event_log_ptr& events, const job_spec& job) {
  log::info("mapreduce", "job submitted",
            {{"job", job.id}, {"name", job.name}, {"reducers", job.reducers}});
  events->write(events::job_submitted{job.id, job.name});
}

void write_planned(const event_log_ptr& events, const job_spec& job, std::size_t maps) {
  log::info("mapreduce", "job planned",
            {{"job", job.id}, {"maps", maps}, {"reduces", job.reducers}});
  events->write(events::job_planned{job.id, maps, job.reducers});
}

void write_event(const event_log_ptr& events, const job_event& e) {
  const auto task = task_name(e);
  switch (e.what) {
    case job_event_kind::attempt_started:
    case job_event_kind::backup_started:
      log::debug("mapreduce",
                 e.what == job_event_kind::backup_started ? "backup started" : "started",
                 {{"job", e.job}, {"task", task}, {"attempt", e.attempt}, {"worker", e.worker}});
      events->write(events::task_started{e.job, task, e.attempt, e.worker});
      return;
    case job_event_kind::attempt_done:
      events->write(events::task_finished{e.job, task, e.attempt, e.worker});
      return;
    case job_event_kind::attempt_failed:
      log::warn("mapreduce", "attempt failed",
                {{"job", e.job},
                 {"task", task},
                 {"attempt", e.attempt},
                 {"worker", e.worker},
                 {"reason", e.reason}});
      events->write(events::task_failed{e.job, task, e.attempt, e.worker, e.reason});
      return;
    case job_event_kind::map_lost: {
      static auto& lost = metrics::counter("troupe_mapreduce_maps_lost_total",
                                           "Finished maps that had to run again.");
      lost.add();
      log::info("mapreduce", "a finished map runs again",
                {{"job", e.job}, {"task", task}, {"worker", e.worker}, {"reason", e.reason}});
      events->write(events::task_lost{e.job, task, e.attempt, e.worker});
      return;
    }
    case job_event_kind::part_committed:
      events->write(events::partition_committed{e.job, e.task, e.attempt});
      return;
    case job_event_kind::record_skipped:
      log::warn("mapreduce", "a record is skipped",
                {{"job", e.job}, {"task", task}, {"reason", e.reason}});
      return;
    case job_event_kind::worker_lost:
      log::warn("mapreduce", "worker lost", {{"job", e.job}, {"worker", e.worker}});
      return;
    case job_event_kind::worker_listed:
      log::warn("mapreduce", "worker gets no more tasks",
                {{"job", e.job}, {"worker", e.worker}, {"reason", e.reason}});
      return;
    case job_event_kind::attempt_killed:
    case job_event_kind::job_started:
    case job_event_kind::job_over:
      return;
  }
}

void write_over(const event_log_ptr& events, const job_status& status) {
  const auto outcome = status.state == job_state::succeeded ? "done" : to_string(status.state);
  metrics::counter("troupe_mapreduce_jobs_total", "Jobs that ended under this node's tracker.",
                   {{"outcome", outcome}})
      .add();
  log::info("mapreduce", "job over",
            {{"job", status.id},
             {"outcome", outcome},
             {"elapsed", std::chrono::milliseconds{status.elapsed_ms}},
             {"attempts", status.attempts_started},
             {"reason", status.error}});
  events->write(events::job_finished{status.id, outcome, status.error});
}
}  // namespace troupe::mapreduce

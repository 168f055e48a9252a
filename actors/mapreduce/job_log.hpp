// What happens to jobs, told to operators: event log, log lines and metrics.
#pragma once
#include "patterns/mapreduce/messages.hpp"
#include "runtime/event_log.hpp"
namespace troupe::mapreduce {
void write_submitted(const event_log_ptr& events, const job_spec& job);
void write_planned(const event_log_ptr& events, const job_spec& job, std::size_t maps);
void write_event(const event_log_ptr& events, const job_event& event);
void write_over(const event_log_ptr& events, const job_status& status);
}  // namespace troupe::mapreduce

#include "cluster/program/progress.hpp"

#include "cluster/program/table.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace troupe::program {
using mapreduce::job_status;
using mapreduce::phase_status;
using json = nlohmann::ordered_json;
namespace {
json as_json(const phase_status& phase) {
  return {{"total", phase.total},
          {"running", phase.running},
          {"done", phase.done},
          {"progress", phase.progress / 1000.0}};
}

std::string bar(const phase_status& phase, std::size_t width) {
  const auto filled = std::min<std::size_t>(width, width * phase.progress / 1000);
  std::string text = "[" + std::string(filled, '=') + std::string(width - filled, ' ') + "]";
  if (filled < width && phase.running > 0) text[filled + 1] = '>';
  return text;
}

std::string tasks(const phase_status& phase) {
  return std::to_string(phase.done) + "/" + std::to_string(phase.total);
}

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const auto& word : words) all += (all.empty() ? "" : ", ") + word;
  return all;
}

double rate(const job_status& job) {  // input bytes a second, over the maps' share of them
  if (job.elapsed_ms == 0) return 0;
  return static_cast<double>(job.input_bytes) * job.maps.progress /
         static_cast<double>(job.elapsed_ms);
}

std::string attempts(const job_status& job) {
  std::string text = std::to_string(job.attempts_started) + " attempts";
  if (job.attempts_failed > 0) text += ", " + std::to_string(job.attempts_failed) + " failed";
  return text;
}
}  // namespace

json as_json(const management::job_reply& job) {
  const auto& s = job.status;
  return {{"job", s.id},
          {"name", s.name},
          {"state", to_string(s.state)},
          {"master", job.master},
          {"elapsed_ms", s.elapsed_ms},
          {"maps", as_json(s.maps)},
          {"reduces", as_json(s.reduces)},
          {"attempts",
           {{"started", s.attempts_started},
            {"failed", s.attempts_failed},
            {"killed", s.attempts_killed},
            {"backups", s.backups}}},
          {"maps_lost", s.maps_lost},
          {"workers_lost", s.workers_lost},
          {"input_bytes", s.input_bytes},
          {"counters", s.counters},
          {"output", s.output},
          {"error", s.error}};
}

std::string progress_bar(const job_status& job, std::size_t width) {
  const auto tail = "  " + attempts(job) + "  " + bytes_text(rate(job)) + "/s" +
                    (job.workers_lost.empty() ? "" : "  lost: " + joined(job.workers_lost));
  const auto maps = tasks(job.maps), reduces = tasks(job.reduces);
  const auto fixed = 5 + 1 + maps.size() + 2 + 8 + 1 + reduces.size() + tail.size() + 4;
  const auto space = width > fixed + 20 ? std::min<std::size_t>(60, width - fixed) : 20;
  auto text = "maps " + bar(job.maps, space * 2 / 3) + " " + maps + "  reduces " +
              bar(job.reduces, space / 3) + " " + reduces + tail;
  if (text.size() >= width && width > 1)
    text.resize(width - 1);  // a wrapped line cannot be redrawn
  return text;
}

std::string progress_line(const job_status& job) {
  return time_text(job.elapsed_ms) + ": " + to_string(job.state) + ", maps " + tasks(job.maps) +
         " (" + std::to_string(job.maps.progress / 10) + " %), reduces " + tasks(job.reduces) +
         " (" + std::to_string(job.reduces.progress / 10) + " %), " + attempts(job) + ", " +
         bytes_text(rate(job)) + "/s";
}

std::string news(const job_status& before, const job_status& now) {
  std::string text;
  for (const auto& worker : now.workers_lost)
    if (std::count(before.workers_lost.begin(), before.workers_lost.end(), worker) == 0)
      text += (text.empty() ? "lost node " : ", lost node ") + worker;
  if (now.maps_lost > before.maps_lost)
    text += (text.empty() ? "" : ": ") + std::to_string(now.maps_lost - before.maps_lost) +
            " finished maps were lost and run again";
  if (now.attempts_failed > before.attempts_failed)
    text += (text.empty() ? "" : "; ") +
            std::to_string(now.attempts_failed - before.attempts_failed) + " more attempts failed";
  return text;
}

std::string conclusion(const job_status& job) {
  const auto head = job.name + " " + to_string(job.state) + " after " + time_text(job.elapsed_ms);
  if (job.state == mapreduce::job_state::failed)
    return head + ": " + (job.error.empty() ? "no reason was given" : job.error);
  if (job.state != mapreduce::job_state::succeeded) return head;
  std::string text = head + ": " + bytes_text(static_cast<double>(job.input_bytes)) + ", " +
                     std::to_string(job.maps.total) + " maps, " +
                     std::to_string(job.reduces.total) + " reduces, " + attempts(job);
  if (!job.workers_lost.empty()) text += ", lost nodes: " + joined(job.workers_lost);
  return text + "; output in " + job.output;
}

std::string details(const management::job_reply& job) {
  const auto& s = job.status;
  table rows{{"job", s.id}};
  rows.add({"name", s.name});
  rows.add({"state", to_string(s.state)});
  if (!s.error.empty()) rows.add({"error", s.error});
  rows.add({"master", job.master});
  rows.add({"time", time_text(s.elapsed_ms)});
  rows.add({"input", bytes_text(static_cast<double>(s.input_bytes))});
  rows.add({"output", s.output});
  rows.add({"maps", tasks(s.maps) + " done, " + std::to_string(s.maps.running) + " running, " +
                        std::to_string(s.maps_lost) + " lost and run again"});
  rows.add(
      {"reduces", tasks(s.reduces) + " done, " + std::to_string(s.reduces.running) + " running"});
  rows.add({"attempts", std::to_string(s.attempts_started) + " started, " +
                            std::to_string(s.attempts_failed) + " failed, " +
                            std::to_string(s.attempts_killed) + " killed, " +
                            std::to_string(s.backups) + " backups"});
  if (!s.workers_lost.empty()) rows.add({"lost nodes", joined(s.workers_lost)});
  for (const auto& [name, value] : s.counters) rows.add({name, std::to_string(value)});
  return rows.text();
}
}  // namespace troupe::program

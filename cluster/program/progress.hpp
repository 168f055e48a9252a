// How a job's progress is shown: a bar on a terminal, a line elsewhere, an object for machines.
#pragma once
#include "cluster/management.hpp"

#include <cstddef>
#include <string>

#include <nlohmann/json_fwd.hpp>
namespace troupe::program {
// {"job","name","state","master","elapsed_ms","maps":{"total","running","done","progress"},"reduces":{...},
//  "attempts":{"started","failed","killed","backups"},"maps_lost","workers_lost":[...],"input_bytes","counters":{...},
//  "output","error"}; progress is a share from 0 to 1.
nlohmann::ordered_json as_json(const management::job_reply& job);

// One line that fits the width: bars of maps and reduces, attempts, the rate, lost nodes.
std::string progress_bar(const mapreduce::job_status& job, std::size_t width);
std::string progress_line(const mapreduce::job_status& job);

// What became worth a line of its own since `before`: lost nodes, maps that run again, failed attempts. May be empty.
std::string news(const mapreduce::job_status& before, const mapreduce::job_status& now);

// The end: "succeeded after 12.3 s: 130 MB, 14322 files..., output in DIR", or why it failed.
std::string conclusion(const mapreduce::job_status& job);

// Several lines with all that is known.
std::string details(const management::job_reply& job);
}  // namespace troupe::program

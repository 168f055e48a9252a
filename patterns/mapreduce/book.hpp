// Where the jobs of a cluster stand in its replicated map, and how they are put there and read.
//   masters/JOB           the node of its master; under that one's lease. Its create_revision is the
//                         master's fence: higher than that of any master before
//   open/JOB              there, and empty, until the job has ended
//   jobs/JOB/spec         as it was accepted
//   jobs/JOB/masters      how many it has had
//   jobs/JOB/plan         once it is planned; the splits, in jobs/JOB/splits-0000..., come before it
//   jobs/JOB/fact/KEY     record.hpp
//   jobs/JOB/ending       how it is to end: what it made may be taken away from now on
//   ended/JOB             its last status, of the last ones that ended
// Bounds  a value stays below page_bytes, but for a single split or spec that is larger
#pragma once
#include "patterns/mapreduce/record.hpp"
#include "patterns/result.hpp"
#include "patterns/storage/map_messages.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>
namespace troupe::mapreduce {
namespace book {
inline constexpr std::size_t page_bytes = 128 << 10;
using entry = std::pair<std::string, std::string>;

std::string masters();  // the prefixes
std::string open();
std::string ended();
std::string job(const std::string& id);
inline std::string master_of(const std::string& id) { return masters() + id; }

struct ending {
  job_status last{};
  bool remove = false;  // what the job made
};
TROUPE_MESSAGE(ending, last, remove)

entry spec(const job_spec& of);
entry count(const std::string& id, std::uint32_t masters);
std::uint32_t counted(const std::string& value);  // 0: it makes no sense
std::vector<entry> plan(const std::string& id, const job_plan& made);
entry recorded(const std::string& id, const fact& what);
entry end(const std::string& id, const ending& how);

// All of one job.
struct file {
  job_spec spec{};
  std::optional<job_plan> plan{};  // nothing: it was not put down whole
  job_record record{};
  std::optional<ending> end{};
};
TROUPE_MESSAGE(file, spec, plan, record, end)
// Of the keys below job(id), in their order. An error says what cannot be read.
result<file, std::string> read(const std::string& id, const std::vector<storage::key_value>& all);
}  // namespace book
}  // namespace troupe::mapreduce

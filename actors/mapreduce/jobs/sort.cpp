// sort: the lines of the input in byte order, part after part: all of one part comes before all of
// the next. A last line without a newline gets one.
#include "actors/mapreduce/job.hpp"
namespace troupe::mapreduce {
namespace {
struct sort : job_of<std::string, nothing> {
  static constexpr auto parts = partitioning::range;

  void map(const record& line, auto& emit) { emit(line.text); }
  void reduce(const std::string& line, auto& values, auto& output) {
    for ([[maybe_unused]] auto value : values) output.line(line);
  }
};
TROUPE_JOB(sort, "sort", "the lines in byte order, over all parts")
}  // namespace
}  // namespace troupe::mapreduce

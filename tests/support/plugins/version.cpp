// Built twice, with another answer each time.
#include "actors/mapreduce/job.hpp"

struct answer : troupe::mapreduce::job_of<std::uint32_t, std::uint32_t> {
  void map(const troupe::mapreduce::record&, auto& emit) { emit(ANSWER, 1); }
  void combine(std::uint32_t& into, std::uint32_t more) { into += more; }
};
TROUPE_JOB(answer, "answer")

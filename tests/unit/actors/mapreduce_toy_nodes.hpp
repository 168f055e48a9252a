// Nodes whose jobs are the toy executor's.
#pragma once
#include "mapreduce_nodes.hpp"
#include "mapreduce_toy.hpp"

#include <algorithm>
#include <random>
namespace mapreduce_toy {
// Nodes with the toy executor.
class toy_nodes : public mapreduce_nodes::nodes {
 public:
  explicit toy_nodes(int count, std::shared_ptr<stage> s = std::make_shared<stage>())
      : nodes{count, [s](auto& name) { return std::make_shared<toy_executor>(name, s); }}, on{s} {}
  ~toy_nodes() { on->release(); }
  job_spec spec(std::uint32_t reducers, std::uint64_t split_bytes = 2000) {
    job_spec job;
    job.name = "words";
    job.inputs = {(files / "in").string()};
    job.output = (files / ("out" + std::to_string(++outputs))).string();
    job.reducers = reducers;
    job.split_bytes = split_bytes;
    return job;
  }
  // Files of words, and their count.
  counts make_input(int count, int words_each) {
    fs::create_directories(files / "in");
    std::mt19937_64 chance{7};
    counts expected;
    for (int i = 0; i < count; ++i) {
      std::string text;
      for (int w = 0; w < words_each; ++w)
        text += "w" + std::to_string(chance() % 200) + (chance() % 5 == 0 ? '\n' : ' ');
      troupe::test::write_file(files / "in" / ("f" + std::to_string(i)), text);
      count_words(text, expected);
      lines += std::count(text.begin(), text.end(), '\n');
    }
    return expected;
  }
  counts read_output(const job_spec& job) {
    counts sum;
    for (std::uint32_t i = 0; i < job.reducers; ++i)
      add_lines(troupe::test::read_file(job.output + "/part-" + std::to_string(i)), sum);
    return sum;
  }

  std::shared_ptr<stage> on;
  int outputs = 0;
  std::int64_t lines = 0;  // of the input
};

inline const auto no_attempt_of = [](task_kind kind) {
  return [kind](const attempt_id& id, const std::string&) { return id.kind == kind; };
};
}  // namespace mapreduce_toy

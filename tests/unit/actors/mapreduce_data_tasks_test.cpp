#include "actors/mapreduce/data_executor.hpp"
#include "actors/mapreduce/job.hpp"
#include "file_limit.hpp"
#include "local_job.hpp"

#include <atomic>
#include <thread>
namespace {
using namespace troupe;
using namespace troupe::mapreduce;
using namespace troupe::test;
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// line length -> how many, without a combine
struct lengths : job_of<std::int32_t, std::string> {
  void map(const record& line, auto& emit) {
    emit(static_cast<std::int32_t>(line.text.size()) - 3, line.text);
  }
  void reduce(std::int32_t length, auto& values, auto& output) {
    std::string all;
    for (auto line : values) all += std::string{line} + ",";
    output(length, all);
  }
};
TROUPE_JOB(lengths, "test-lengths")

struct stumbling : job_of<std::string, std::uint64_t> {
  static constexpr job_setting settings[] = {{"how", "block, swallow or nothing"}};
  void map(const record& line, auto& emit) {
    if (line.text.find("bad") != std::string_view::npos)
      throw std::runtime_error{"I cannot read this"};
    emit(line.text, 1);
  }
  void combine(std::uint64_t& sum, std::uint64_t more) { sum += more; }
};
TROUPE_JOB(stumbling, "test-stumbling")
struct stumbling_over_blocks : stumbling {
  static constexpr auto input_format = records::blocks;
  void map(const record& text, auto& emit) {
    for (const auto& line : lines_of(std::string{text.text}))
      stumbling::map({line, text.file, text.offset}, emit);
  }
};
TROUPE_JOB(stumbling_over_blocks, "test-stumbling-blocks")

struct misplaced : job_of<std::string, nothing> {
  void map(const record& line, auto& emit) { emit(line.text); }
  void reduce(const std::string& line, auto&, auto& output) { output.line(line); }
  std::uint32_t partition(const std::string&, std::uint32_t parts) { return parts; }
};
TROUPE_JOB(misplaced, "test-misplaced")

struct bad_reduce : job_of<std::string, nothing> {
  void map(const record& line, auto& emit) { emit(line.text); }
  void reduce(const std::string&, auto&, auto&) { throw 42; }
};
TROUPE_JOB(bad_reduce, "test-bad-reduce")

std::atomic<bool> stop{false};
struct cancelling : job_of<std::string, std::string> {
  static constexpr job_setting settings[] = {{"in", "map or reduce"}};
  void map(const record& line, auto& emit) {
    emit(line.text, std::string(1000, 'x'));
    if (setting("in") == "map" && ++records_ == 500) stop = true;
  }
  void reduce(const std::string& key, auto& values, auto& output) {
    for (auto v : values) output(key, v);
    if (setting("in") == "reduce" && ++records_ == 20) stop = true;
  }
  int records_ = 0;
};
TROUPE_JOB(cancelling, "test-cancelling")

// One key with values that are far more than the memory bound.
struct one_key : job_of<std::string, std::string> {
  void map(const record& line, auto& emit) { emit("key", std::string(500, line.text.front())); }
  void reduce(const std::string& key, auto& values, auto& output) {
    std::uint64_t n = 0, bytes = 0;
    char last = 0;
    bool rising = true;
    for (auto v : values) {
      ++n;
      bytes += v.size();
      rising = rising && v.front() >= last;
      last = v.front();
    }
    output(key, std::make_tuple(n, bytes, rising));
  }
};
TROUPE_JOB(one_key, "test-one-key")

// Catches what is not its own to catch.
struct greedy : job_of<std::string, std::string> {
  void map(const record& line, auto& emit) {
    try {
      emit(line.text, std::string(5000, 'x'));
    } catch (...) {
    }
  }
  void reduce(const std::string& key, auto& values, auto& output) {
    for (auto v : values) {
      try {
        output(key, v);
        output(key, v);
      } catch (...) {
      }
    }
  }
};
TROUPE_JOB(greedy, "test-greedy")

std::string many_lines(int n) {
  std::string text;
  for (int i = 0; i < n; ++i) text += "line " + std::to_string(i) + "\n";
  return text;
}
}  // namespace

TEST_CASE("tasks: keys are ordered as numbers, values keep the order of the input") {
  local_job job{"test-lengths"};
  job.input("a", "1234567890\n\nab\n12345\nba\n").input("b", "xy\n");
  job.spec.split_bytes = 5;
  job.run();
  CHECK(job.lines() ==
        std::vector<std::string>{"-3\t,", "-1\tab,ba,xy,", "2\t12345,", "7\t1234567890,"});
}

TEST_CASE("tasks: empty input gives empty parts") {
  local_job job{"wordcount", 3};
  job.input("empty", "");
  job.run();
  CHECK(job.lines().empty());
}

TEST_CASE("tasks: a bad record fails the job, or is skipped and counted where that is allowed") {
  for (const char* name : {"test-stumbling", "test-stumbling-blocks"}) {
    local_job job{name};
    job.input("a", "one\nbad 1\ntwo\nthree\nbad 2\none\n");
    const auto why = job.failure();
    CHECK(has(why, "map 0 failed 4 times: the job's map failed at " + job.path("a") + ", offset "));
    CHECK(has(why, ": I cannot read this"));
    job.spec.skip_bad_records = true;
    const auto counters = job.run();
    CHECK(job.sorted_lines() == std::vector<std::string>{"one\t2", "three\t1", "two\t1"});
    CHECK(counters.at("troupe.skipped_records") == 2);
  }
}

TEST_CASE("tasks: a user's errors come back as sentences, and leave nothing") {
  local_job misplaced{"test-misplaced", 3};
  misplaced.input("a", "x\n");
  CHECK(has(misplaced.failure(), "partition() returned 3 of 3 parts; it must stay below"));
  local_job reduce{"test-bad-reduce"};
  reduce.input("a", "the\tkey\n");
  CHECK(has(reduce.failure(),
            "reduce 0 failed 4 times: the job's reduce failed at the key the.key: it threw what is "
            "no std::exception"));
  local_job nowhere{"wordcount"};
  nowhere.spec.inputs = {nowhere.path("nowhere")};
  CHECK(has(nowhere.failure(), "does not exist"));
  nowhere.spec.inputs = {"/dev/null"};
  CHECK(has(nowhere.failure(), "is neither a file nor a directory"));
  nowhere.spec.inputs = {};
  CHECK(has(nowhere.failure(), "has no input"));
  local_job setting{"wordcount"};
  setting.input("a", "x\n");
  setting.spec.settings = {{"troupe.record_bytes_max", "many"}};
  CHECK(has(setting.failure(), "must be a number of bytes above 0"));
}

TEST_CASE("tasks: an output directory that holds something is left as it is") {
  local_job job{"wordcount"};
  job.input("a", "x\n");
  std::filesystem::create_directories(job.directory / "out");
  write_file(job.directory / "out" / "mine", "precious");
  auto done = run_local(job.spec, job.options);
  REQUIRE(!done);
  CHECK(has(done.error(), "holds files already: remove them, or name another"));
  CHECK(read_file(job.directory / "out" / "mine") == "precious");
}

TEST_CASE("tasks: values of one key that are many times the memory bound") {
  local_job job{"test-one-key"};
  std::string text;
  for (char c = 'a'; c <= 'z'; ++c)
    for (int i = 0; i < 200; ++i) text += std::string(1, c) + "\n";
  job.input("a", text);
  job.spec.memory_bytes = 200'000;  // of 2.6 million
  job.spec.split_bytes = 900;
  const auto counters = job.run();
  CHECK(job.lines() == std::vector<std::string>{"key\t5200\t2600000\t1"});
  CHECK(counters.at("troupe.spilled_records") > 0);
}

TEST_CASE("tasks: a cancelled job leaves no file, wherever it was") {
  for (const char* where : {"map", "reduce"}) {
    CAPTURE(where);
    local_job job{"test-cancelling", 2};
    for (int i = 0; i < 20; ++i) job.input(std::to_string(i), many_lines(200));
    job.spec.settings = {{"in", where}};
    job.spec.memory_bytes = 50'000;
    job.options.cancel = &stop;
    stop = false;
    CHECK(has(job.failure(), "cancelled"));
    stop = false;
  }
}

TEST_CASE("tasks: a disk that is full is named, and nothing half is left") {
  for (const char* name : {"test-greedy", "sort"}) {
    local_job job{name};
    job.input("a", many_lines(3000));
    job.spec.memory_bytes = 100'000;
    std::string why;
    {
      const file_limit full{20'000};
      why = job.failure();
    }
    CHECK(has(why, "cannot write " + job.directory.path().string()));
    CHECK(has(why, "File too large"));
  }
  local_job reduce{"test-greedy"};  // the map output is small enough, the part is not
  reduce.input("a", many_lines(100));
  {
    const file_limit full{600'000};
    CHECK(has(reduce.failure(), "cannot write " + reduce.spec.output + "/_temporary/"));
  }
}

TEST_CASE("executor: a node that does not see the output directory refuses the job") {
  local_job job{"wordcount", 2};
  job.input("a", "x\n");
  const auto here = make_data_executor();
  const std::atomic<bool> never{false};
  auto plan = here->prepare(job.spec, 1, never);
  REQUIRE(plan);
  auto elsewhere = job.spec;
  elsewhere.token = "of another master";
  auto opened = here->open(elsewhere, job.options.directory);
  REQUIRE(!opened);
  CHECK(has(opened.error(), "must lie on a file system that all nodes see"));
  job.spec.token = plan->token;
  CHECK(here->open(job.spec, job.options.directory));
  here->abort(job.spec);
  CHECK(!std::filesystem::exists(job.spec.output));
  CHECK(!here->open(job.spec, job.options.directory));
}

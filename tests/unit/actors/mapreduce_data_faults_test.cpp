// What goes wrong in and around a job's code, and whom it is blamed on.
#include "actors/mapreduce/data_executor.hpp"
#include "actors/mapreduce/job.hpp"
#include "actors/mapreduce/job_input.hpp"
#include "actors/mapreduce/job_library.hpp"
#include "actors/mapreduce/map_buffer.hpp"
#include "actors/mapreduce/reduce_input.hpp"
#include "file_limit.hpp"
#include "local_job.hpp"

#include <atomic>
#include <fstream>
#include <set>

#include <malloc.h>
namespace {
using namespace troupe;
using namespace troupe::mapreduce;
using namespace troupe::test;
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::atomic<int> mapped{0}, reduced{0};
struct counted : job_of<std::string, std::string> {
  void map(const record& line, auto& emit) {
    ++mapped;
    emit(line.text, "");
  }
  void reduce(const std::string& key, auto&, auto& output) {
    ++reduced;
    output.line(key);
  }
};
TROUPE_JOB(counted, "test-counted")

struct no_numbers : job_of<std::string, nothing> {
  static constexpr auto parts = partitioning::range;
  void map(const record& line, auto& emit) {
    if (line.text == "number 7") throw 7;
    if (line.text.starts_with("poison")) throw std::runtime_error{"it is poisoned"};
    emit(line.text);
  }
  void reduce(const std::string& key, auto&, auto& output) { output.line(key); }
};
TROUPE_JOB(no_numbers, "test-no-numbers")

struct bad_combine : job_of<std::string, std::string> {
  void map(const record& line, auto& emit) { emit("key", line.text); }
  void combine(std::string&, const std::string&) { throw std::runtime_error{"these do not fit"}; }
};
TROUPE_JOB(bad_combine, "test-bad-combine")
struct bad_sum : job_of<std::string, std::uint64_t> {
  void map(const record&, auto& emit) { emit("key", 1); }
  void combine(std::uint64_t&, std::uint64_t) { throw std::runtime_error{"these do not fit"}; }
};
TROUPE_JOB(bad_sum, "test-bad-sum")

struct many_counters : job_of<std::string, nothing> {
  static constexpr job_setting settings[] = {{"name", "of one counter"}};
  void map(const record& line, auto& emit) {
    if (has_setting("name")) count(setting("name"));
    count(std::string{line.text});
    emit(line.text);
  }
  void reduce(const std::string&, auto&, auto&) {}
};
TROUPE_JOB(many_counters, "test-many-counters")

struct refusing : job_of<std::string, nothing> {
  void setup() { throw 7; }
  void map(const record&, auto&) {}
  void reduce(const std::string&, auto&, auto&) {}
};
TROUPE_JOB(refusing, "test-refusing")

struct sums : job_of<std::string, std::uint64_t> {
  void map(const record&, auto&) {}
  void combine(std::uint64_t& into, std::uint64_t more) { into += more; }
};

std::string many_lines(int n, const std::string& first = "line ") {
  std::string text;
  for (int i = 0; i < n; ++i) text += first + std::to_string(10'000 + i) + "\n";
  return text;
}

struct watching final : attempt_context {
  bool cancelled() const override { return stop && stop(); }
  void progress(std::uint32_t thousandths, std::uint64_t, std::uint64_t b) override {
    seen.insert(thousandths);
    bytes.insert(b);
  }
  std::function<bool()> stop{};
  std::set<std::uint32_t> seen{};
  std::set<std::uint64_t> bytes{};
};

// A job, prepared and opened as on a worker.
struct opened {
  explicit opened(local_job& job) : job_{job} {
    auto plan = code->prepare(job.spec, 1, never);
    REQUIRE_MESSAGE(plan, plan.error());
    splits = plan->splits;
    job.spec.token = plan->token;
    job.spec.cuts = plan->cuts;
    job.spec.library_sum = plan->library_sum;
    auto made = code->open(job.spec, job.options.directory);
    REQUIRE_MESSAGE(made, made.error());
    runner = *made;
  }
  ~opened() { code->abort(job_.spec); }
  result<map_done, task_failed> map(attempt_context& context) {
    return runner->map(
        {.id = {"job", task_kind::map, 0, ++attempts}, .input = splits.at(0), .skip = {}}, context);
  }
  local_job& job_;
  std::unique_ptr<executor> code = make_data_executor();
  std::atomic<bool> never{false};
  std::vector<split> splits{};
  std::shared_ptr<job_runner> runner{};
  std::uint32_t attempts = 0;
};

// One local segment.
struct one_local final : shuffle {
  explicit one_local(const map_output& from) : from_{from} {}
  shuffle_event next() override {
    if (std::exchange(given_, true)) return {.what = shuffle_event::kind::finished};
    return {.what = shuffle_event::kind::local, .part = from_.segments.at(0), .file = from_.file};
  }
  void unreadable(std::uint32_t, std::uint32_t) override { ++lost; }
  int lost = 0;

 private:
  const map_output& from_;
  bool given_ = false;
};
}  // namespace

TEST_CASE("tasks: cancel and progress are looked at between records, not between blocks") {
  local_job job{"test-counted"};
  job.input("a", many_lines(2000));  // one block
  opened on{job};
  watching calm;
  auto done = on.map(calm);
  REQUIRE(done);
  CHECK(calm.seen.size() > 10);
  CHECK(calm.seen.count(1000) == 1);
  mapped = 0;
  watching stopped;
  stopped.stop = [] { return mapped >= 500; };
  CHECK_FALSE(on.map(stopped));
  CHECK(mapped < 600);
  CHECK(stopped.seen.count(1000) == 0);

  // groups of one value each
  reduced = 0;
  watching reducing;
  reducing.stop = [] { return reduced >= 500; };
  one_local segment{done->output};
  CHECK_FALSE(
      on.runner->reduce({.id = {"job", task_kind::reduce, 0, 1}, .maps = 1}, segment, reducing));
  CHECK(reduced < 600);
  CHECK(reducing.bytes.size() > 5);  // it works: each look shows more of them
}

TEST_CASE("tasks: a spill and its merge are progress too") {
  local_job job{"test-counted"};
  job.input("a", many_lines(40'000));
  job.spec.memory_bytes = 200'000;
  opened on{job};
  watching calm;
  REQUIRE(on.map(calm));
  std::uint64_t input = 0;
  for (const auto& p : on.splits.at(0).pieces) input += p.length;
  CHECK(*calm.bytes.rbegin() > input + input / 2);  // read, sorted, and merged
}

TEST_CASE("tasks: a record that throws ends the sample of its window alone") {
  local_job job{"test-no-numbers", 3};
  job.spec.skip_bad_records = true;
  job.input("a", "poison 1\nnumber 7\n" + many_lines(60'000));
  const auto found = job_named(job.spec.name, "");
  REQUIRE(found);
  const std::atomic<bool> never{false};
  const auto files = list_inputs(job.spec.inputs, never);
  CHECK(sample_keys(**found, job.spec, files, never).size() > 1000);

  local_job poisoned{"test-no-numbers", 3};
  poisoned.input("a", "number 7\n");
  CHECK(has(poisoned.failure(), "failed on a sample of the input: it threw something that is no"));
  poisoned.spec.reducers = 1;  // no sample is needed: it is for the map task to say
  CHECK(has(poisoned.failure(), "map 0 failed 4 times"));
}

TEST_CASE("tasks: a sample keeps to the longest record that is read") {
  local_job job{"sort", 2};
  job.input("a", std::string(400'000, 'x') + "\n");
  job.spec.settings = {{"troupe.record_bytes_max", "300000"}};
  const auto found = job_named("sort", "");
  const std::atomic<bool> never{false};
  CHECK_THROWS_WITH_AS(sample_keys(**found, job.spec, list_inputs(job.spec.inputs, never), never),
                       doctest::Contains("is longer than 300000 bytes"), task_error);
}

TEST_CASE("tasks: what combine throws is no record's fault") {
  for (const char* name : {"test-bad-combine", "test-bad-sum"}) {
    CAPTURE(name);
    local_job job{name};
    job.input("a", many_lines(100));
    job.spec.skip_bad_records = true;
    opened on{job};
    watching context;
    const auto done = on.map(context);
    REQUIRE_FALSE(done);
    CHECK(done.error().reason == "the job's combine failed: these do not fit");
    CHECK(done.error().bad_record.empty());
  }
}

TEST_CASE("tasks: a file that is not what the master saw fails the task, and says so") {
  local_job job{"wordcount"};
  job.input("a", many_lines(100));
  opened on{job};
  watching context;
  CHECK(on.map(context));
  std::ofstream{job.path("a"), std::ios::app} << "more\n";
  const auto done = on.map(context);
  REQUIRE_FALSE(done);
  CHECK(has(done.error().reason, "all nodes must see the same files"));

  local_job same_size{"wordcount"};
  same_size.input("a", many_lines(100));
  opened again{same_size};
  std::filesystem::last_write_time(
      same_size.path("a"), std::filesystem::file_time_type::clock::now() + std::chrono::hours{1});
  CHECK_FALSE(again.map(context));
}

TEST_CASE("tasks: this node's own trouble is no lost map output") {
  local_job job{"test-counted"};
  job.input("a", many_lines(100));
  opened on{job};
  watching context;
  auto done = on.map(context);
  REQUIRE(done);
  const auto path = (job.directory / "local" / "spill").string();
  one_local ours{done->output};
  {
    reduce_input input{{.maps = 1, .path = path}};
    const descriptor_limit none;
    CHECK_THROWS_WITH_AS(input.fetch(ours), doctest::Contains("Too many open files"), task_error);
  }
  CHECK(ours.lost == 0);
  std::filesystem::remove(done->output.file);
  one_local gone{done->output};
  reduce_input input{{.maps = 1, .path = path}};
  input.fetch(gone);
  CHECK(gone.lost == 1);
}

TEST_CASE("tasks: a job's counters are bounded") {
  local_job job{"test-many-counters"};
  job.input("a", many_lines(1000));
  CHECK(job.run().at("line 10999") == 1);
  std::filesystem::remove_all(job.directory / "out");
  job.spec.settings = {{"name", "one more"}};
  CHECK(has(job.failure(), "at most 1000 counters of its own"));
  job.spec.settings = {{"name", std::string(201, 'x')}};
  CHECK(has(job.failure(), "names of at most 200 bytes"));
}

TEST_CASE("tasks: settings at which a job throws anything are refused") {
  local_job job{"test-refusing"};
  job.input("a", "x\n");
  CHECK(has(job.failure(), "refuses its settings: it threw something that is no std::exception"));
}

TEST_CASE("tasks: a file that is named twice counts once") {
  local_job job{"wordcount"};
  job.input("a", "word\n");
  job.spec.inputs = {job.path("a"), (job.directory / "in").string(), job.path("a")};
  job.run();
  CHECK(job.lines() == std::vector<std::string>{"word\t1"});
}

TEST_CASE("map buffer: the combining table stays within its bound, its index and arena with it") {
  temp_directory directory;
  const auto job = describe_job<sums>("sums", "");
  const auto code = job.make({});
  const auto in_use = [] {
    const auto all = ::mallinfo2();
    return all.uordblks + all.hblkhd;
  };
  const std::size_t memory = 1 << 20;
  const auto before = in_use();
  std::size_t most = before;
  map_buffer buffer{job,
                    *code,
                    {.memory = memory,
                     .path = (directory / "map").string(),
                     .check = [&](std::uint64_t) { most = std::max(most, in_use()); }}};
  for (int i = 0; i < 50'000; ++i)
    buffer.combine(hashed_key{std::string(80, 'k') + std::to_string(i)}, 1,
                   [](std::uint64_t& n) { ++n; });
  buffer.finish();
  CHECK(most - before < memory + 3 * run_block_bytes);
}

TEST_CASE("job library: another one under its name is not mixed in") {
  local_job job{"answer"};
  job.spec.library = (job.directory / "job.so").string();
  job.input("a", "line\n");
  const auto plugin = [](const char* version) {
    return std::string{TROUPE_BINARY_DIR} + "/lib/job-version-" + version + ".so";
  };
  std::filesystem::copy_file(plugin("1"), job.spec.library);
  opened on{job};
  std::filesystem::copy_file(plugin("2"), job.spec.library,
                             std::filesystem::copy_options::overwrite_existing);
  const auto late = on.code->open(job.spec, job.options.directory);
  REQUIRE_FALSE(late);
  CHECK(has(late.error(), "changed since the job was submitted"));
}

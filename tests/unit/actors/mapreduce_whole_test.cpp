// The delivered jobs over several nodes with the executor on real data, against the same job run in
// one thread: the same part files, byte for byte.
#include "actors/mapreduce/data_executor.hpp"
#include "actors/mapreduce/job.hpp"
#include "actors/mapreduce/local_runner.hpp"
#include "mapreduce_nodes.hpp"
#include "seeds.hpp"

#include <algorithm>
#include <filesystem>
#include <random>
#include <sstream>
#include <stdexcept>
namespace {
using namespace troupe::mapreduce;
using namespace std::chrono_literals;
namespace fs = std::filesystem;
using mapreduce_nodes::nodes;

struct poisoned : job_of<std::string, std::uint64_t> {
  static constexpr bool skip_bad_records = true;
  void map(const record& line, auto& emit) {
    if (line.text == "poison") throw std::runtime_error{"it swallowed poison"};
    emit(line.text, std::uint64_t{1});
  }
  void combine(std::uint64_t& sum, std::uint64_t more) { sum += more; }
};
TROUPE_JOB(poisoned, "test-poisoned", "fails at some records")

std::shared_ptr<executor> make(const std::string&) { return make_data_executor(); }

std::string words(std::mt19937_64& chance, std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) {
    const auto n = chance() % 5000;
    text += "word" + std::to_string(n * n / 5000) + (chance() % 8 == 0 ? '\n' : ' ');
  }
  return text;
}

struct bench {
  explicit bench(int count) : n{count, make} { fs::create_directories(n.files / "in"); }
  void file(const std::string& name, const std::string& text) {
    troupe::test::write_file(n.files / "in" / name, text);
  }
  job_spec spec(const std::string& name, std::uint32_t reducers, std::uint64_t split_bytes) {
    job_spec job;
    job.name = name;
    job.inputs = {(n.files / "in").string()};
    job.output = (n.files / ("out" + std::to_string(++outputs))).string();
    job.reducers = reducers;
    job.split_bytes = split_bytes;
    return job;
  }
  // The sequential answer, in a directory beside.
  counters_map sequential(job_spec& job) {
    auto here = job;
    here.output = job.output + "-sequential";
    auto counters = run_local(here);
    REQUIRE_MESSAGE(counters, counters.error());
    return *counters;
  }
  void compare(const job_spec& job) {
    std::size_t parts = 0;
    for (const auto& entry : fs::directory_iterator(job.output + "-sequential")) {
      const auto name = entry.path().filename().string();
      CAPTURE(name);
      CHECK(fs::exists(job.output + "/" + name));
      CHECK(troupe::test::read_file(job.output + "/" + name) ==
            troupe::test::read_file(entry.path()));
      ++parts;
    }
    CHECK(parts == job.reducers + 1);  // and _SUCCESS
    std::size_t made = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator(job.output)) ++made;
    CHECK(made == parts);
  }
  // Of all inputs, in order; of all parts, one behind the other.
  std::vector<std::string> sorted_lines() {
    std::vector<std::string> lines;
    for (const auto& entry : fs::directory_iterator{n.files / "in"}) read(entry.path(), lines);
    std::sort(lines.begin(), lines.end());
    return lines;
  }
  std::vector<std::string> lines_of_output(const job_spec& job) {
    std::vector<std::string> lines;
    for (std::uint32_t p = 0; p < job.reducers; ++p)
      read(job.output + "/part-0000" + std::to_string(p), lines);
    return lines;
  }
  static void read(const fs::path& file, std::vector<std::string>& to) {
    std::istringstream in{troupe::test::read_file(file)};
    for (std::string line; std::getline(in, line);) to.push_back(line);
  }
  nodes n;
  int outputs = 0;
};
}  // namespace

TEST_CASE("mapreduce whole: the delivered jobs over three nodes, as in one thread") {
  bench b{3};
  std::mt19937_64 chance{5};
  for (int i = 0; i < 60; ++i) b.file("small" + std::to_string(i), words(chance, chance() % 9000));
  b.file("large", words(chance, 1'500'000));
  b.file("empty", "");
  for (auto [name, memory] : {std::pair{"wordcount", 64ull << 20},
                              {"wordcount", 64ull << 10},
                              {"sort", 64ull << 20},
                              {"sort", 256ull << 10},
                              {"grep", 64ull << 20},
                              {"inverted-index", 64ull << 10}}) {
    const auto& shown = name;  // no binding, for clang 14
    CAPTURE(shown);
    const auto& bytes = memory;  // no binding, for clang 14
    CAPTURE(bytes);
    auto job = b.spec(name, 3, 100'000);
    job.memory_bytes = memory;
    if (name == std::string{"grep"}) job.settings = {{"pattern", "word1+ "}};
    const auto id = b.n.submit_to("a", job);
    const auto last = b.n.finish("a", id);
    CHECK(last.error == "");
    REQUIRE(last.state == job_state::succeeded);
    const auto counters = b.sequential(job);
    b.compare(job);
    if (name == std::string{"sort"}) CHECK(b.lines_of_output(job) == b.sorted_lines());
    CHECK(last.counters.at(map_input_records) == counters.at(map_input_records));
    CHECK(last.counters.at(reduce_output_records) == counters.at(reduce_output_records));
  }
}

TEST_CASE("mapreduce whole: workers killed at random moments change no byte") {
  bench b{4};
  std::mt19937_64 chance{6};
  for (int i = 0; i < 40; ++i) b.file("f" + std::to_string(i), words(chance, 30'000));
  auto reference = b.spec("wordcount", 3, 40'000);
  reference.memory_bytes = 64 << 10;
  const auto counters = b.sequential(reference);
  std::uint32_t hit = 0;
  for (auto seed : troupe::test::seeds()) {
    if (seed > 8) break;
    CAPTURE(seed);
    auto job = reference;
    job.output = (b.n.files / ("killed" + std::to_string(seed))).string();
    job.deaths_max = 1000;
    const auto id = b.n.submit_to("a", job);
    std::uint32_t seen = 0;
    for (int kills = 0; kills < 4; ++kills) {
      // some more progress, then one of the three that are no master dies
      const auto wait_for = seen + chance() % 12;
      troupe::test::wait_until(
          [&] {
            const auto s = b.n.status("a", id);
            seen = s.maps.done + s.reduces.done;
            return seen > wait_for || over(s.state);
          },
          3s);
      b.n.restart(std::string(1, static_cast<char>('b' + chance() % 3)));
    }
    const auto last = b.n.finish("a", id);
    REQUIRE(last.error == "");
    CHECK(last.attempts_failed == 0);
    hit += last.attempts_killed + last.maps_lost;
    CHECK(last.counters.at(map_input_records) == counters.at(map_input_records));
    fs::rename(reference.output + "-sequential", job.output + "-sequential");
    b.compare(job);
    fs::rename(job.output + "-sequential", reference.output + "-sequential");
  }
  CHECK(hit > 0);
}

TEST_CASE("mapreduce whole: records that crash their mapper are skipped and counted") {
  bench b{2};
  std::string text;
  for (int i = 0; i < 3000; ++i) text += i % 1000 == 500 ? "poison\n" : "good\n";
  b.file("f", text);
  const auto job = b.spec("test-poisoned", 1, 4000);
  const auto last = b.n.finish("a", b.n.submit_to("a", job));
  CHECK(last.error == "");
  CHECK(last.counters.at(skipped_records) == 3);
  CHECK(last.attempts_failed == 6);
  CHECK(troupe::test::read_file(job.output + "/part-00000") == "good\t2997\n");
}

TEST_CASE("mapreduce whole: refusals reach the user as they are") {
  bench b{1};
  b.file("f", "a b c\n");
  auto job = b.spec("wordcnt", 1, 0);
  auto last = b.n.finish("a", b.n.submit_to("a", job));
  CHECK(last.state == job_state::failed);
  CHECK(last.error.find("wordcount") != std::string::npos);  // the nearest that there is
  job = b.spec("wordcount", 1, 0);
  job.inputs = {(b.n.files / "missing").string()};
  last = b.n.finish("a", b.n.submit_to("a", job));
  CHECK(last.error.find("missing") != std::string::npos);
  // an output directory that holds something is left as it is
  job = b.spec("wordcount", 1, 0);
  fs::create_directories(job.output);
  troupe::test::write_file(job.output + "/part-00000", "yesterday's");
  last = b.n.finish("a", b.n.submit_to("a", job));
  CHECK(last.state == job_state::failed);
  CHECK(troupe::test::read_file(job.output + "/part-00000") == "yesterday's");
}

TEST_CASE("mapreduce whole: a library's only job needs no name") {
  bench b{2};
  b.file("log", "192.0.2.7 - - [22/Nov/2026:23:37:00 +0000] \"GET / HTTP/1.1\" 200 5120\n");
  auto job = b.spec("", 1, 0);
  job.library = std::string{TROUPE_BINARY_DIR} + "/lib/job-traffic.so";
  const auto id = b.n.submit_to("a", job);
  const auto last = b.n.finish("a", id);
  CHECK(last.error == "");
  CHECK(last.name == "traffic");
  CHECK(troupe::test::read_file(job.output + "/part-00000") == "192.0.2.7\t1\t5120\n");
}

TEST_CASE(
    "mapreduce whole: a cancelled job leaves its output to the next, though attempts run on") {
  bench b{2};
  std::mt19937_64 chance{7};
  b.file("large", words(chance, 3'000'000));
  auto job = b.spec("wordcount", 3, 60'000);
  job.memory_bytes = 64 << 10;
  for (int round = 0; round < 5; ++round) {
    const auto first = b.n.submit_to("a", job);
    troupe::test::wait_until([&] {
      const auto s = b.n.status("a", first);
      return s.reduces.running > 0 || over(s.state);
    });
    REQUIRE(b.n.ask<job_status>(b.n.all.at("b").tracker, cancel_job{first}));
    CHECK(troupe::test::wait_until([&] { return !fs::exists(job.output); }));
    const auto last = b.n.finish("b", b.n.submit_to("b", job));  // another master, the same output
    CHECK(last.error == "");
    REQUIRE(last.state == job_state::succeeded);
    if (round == 0) b.sequential(job);
    b.compare(job);
    fs::remove_all(job.output);
  }
}

// The master of a job, input by input.
#include "patterns/mapreduce/job.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>
namespace {
using namespace troupe::mapreduce;
using namespace std::chrono_literals;

constexpr auto map = task_kind::map;
constexpr auto reduce = task_kind::reduce;

// A job and the sentences in which a test speaks of it.
struct bench {
  job core;
  instant now = 0ms;
  output out{};

  static job_spec spec(std::uint32_t reducers) {
    job_spec s;
    s.id = "j";
    s.reducers = reducers;
    return s;
  }
  explicit bench(std::uint32_t maps, std::uint32_t reducers, job_spec s)
      : core{std::move(s), std::vector<split>(maps, split{{{"f", 0, 10}}, 10}), 0ms} {
    core.step(worker_up{"a"}, now, out);
    core.step(worker_up{"b"}, now, out);
    (void)reducers;
  }
  explicit bench(std::uint32_t maps, std::uint32_t reducers = 1)
      : bench{maps, reducers, spec(reducers)} {}

  const output& step(const input& in) {
    out = {};
    core.step(in, now, out);
    return out;
  }
  // What the worker's free slot gets: "m0.1" is map 0's first attempt, "" nothing.
  std::string free(const std::string& worker, task_kind kind) {
    step(offer{worker, kind});
    if (!out.maps.empty()) return name(out.maps[0].task.id);
    if (!out.reduces.empty()) return name(out.reduces[0].task.id);
    return "";
  }
  static std::string name(const attempt_id& id) {
    return (id.kind == map ? "m" : "r") + std::to_string(id.task) + "." +
           std::to_string(id.attempt);
  }
  static attempt_id id(const std::string& name) {
    const auto dot = name.find('.');
    return {"j", name[0] == 'm' ? map : reduce,
            static_cast<std::uint32_t>(std::stoul(name.substr(1, dot - 1))),
            static_cast<std::uint32_t>(std::stoul(name.substr(dot + 1)))};
  }
  const output& done(const std::string& name, counters_map counters = {}) {
    const auto attempt = id(name);
    if (attempt.kind == reduce)
      return step(reduce_done{attempt, "tmp/" + name, 1, 1, std::move(counters)});
    return step(map_done{
        attempt, {"out/" + name, std::vector<segment>(core.spec().reducers)}, std::move(counters)});
  }
  const output& fail(const std::string& name, std::vector<record_position> record = {}) {
    return step(task_failed{id(name), "it broke", std::move(record)});
  }
  std::string kills() const {
    std::string all;
    for (const auto& k : out.kills) all += (all.empty() ? "" : " ") + k.worker + ":" + name(k.id);
    return all;
  }
  std::string commits() const {
    std::string all;
    for (const auto& c : out.commits)
      all += (all.empty() ? "" : " ") + std::to_string(c.partition) + "<" + c.file;
    return all;
  }
  job_status status() const { return core.status(now); }
};

job_spec with(std::uint32_t reducers, void (*change)(job_spec&)) {
  auto s = bench::spec(reducers);
  change(s);
  return s;
}
}  // namespace

TEST_CASE("mapreduce job: from the first split to success") {
  bench b{2};
  CHECK(b.free("a", reduce) == "");  // reduces start when some maps are done
  CHECK(b.free("a", map) == "m0.1");
  CHECK(b.free("b", map) == "m1.1");
  CHECK(b.free("b", map) == "");
  b.done("m0.1", {{"n", 1}});
  CHECK(b.free("b", reduce) == "r0.1");
  REQUIRE(b.out.reduces[0].outputs.size() == 1);
  CHECK(b.out.reduces[0].outputs[0].file == "out/m0.1");
  b.done("m1.1", {{"n", 2}});
  REQUIRE(b.out.locations.size() == 1);  // the reducer that runs learns of it
  CHECK(b.out.locations[0].worker == "b");
  CHECK(b.out.locations[0].where.map == 1);
  b.done("r0.1", {{"n", 4}});
  CHECK(b.commits() == "0<tmp/r0.1");
  CHECK(b.status().state == job_state::running);
  CHECK(b.step(part_committed{0, ""}).finish);
  CHECK(b.status().state == job_state::finishing);
  CHECK(b.step(cancel{}).refused == std::vector{refusal::too_late});
  CHECK_FALSE(b.step(job_finished{""}).abort);
  CHECK(b.status().state == job_state::succeeded);
  CHECK(b.status().counters == counters_map{{"n", 7}});
  CHECK(b.step(part_committed{0, ""}) == output{});
  CHECK(b.step(job_finished{""}) == output{});
}

TEST_CASE("mapreduce job: an input of no bytes still gives its parts") {
  bench b{0, 2};
  CHECK(b.free("a", map) == "");
  CHECK(b.free("a", reduce) == "r0.1");
  CHECK(b.free("a", reduce) == "r1.1");
  b.done("r0.1");
  b.step(part_committed{0, ""});
  b.done("r1.1");
  CHECK(b.step(part_committed{1, ""}).finish);
}

TEST_CASE(
    "mapreduce job: a worker's death re-runs what ran, and finished maps only it held (3.3)") {
  bench b{3};
  b.free("a", map);
  b.free("a", map);
  b.done("m0.1");
  b.free("b", reduce);
  b.step(worker_down{"a"});
  CHECK(b.status().maps_lost == 1);
  CHECK(b.status().attempts_failed == 0);
  CHECK(b.status().workers_lost == std::vector<std::string>{"a"});
  CHECK(b.free("b", map) == "m0.2");  // what ran before comes first
  CHECK(b.free("b", map) == "m1.2");
  CHECK(b.free("b", map) == "m2.1");
  CHECK(b.done("m0.1") == output{});  // late, from one taken for dead
  b.done("m0.2");
  CHECK(b.out.locations.at(0).where.attempt == 2);
  CHECK(b.free("a", map) == "");  // nobody knows it any more
}

TEST_CASE(
    "mapreduce job: outputs that every reducer has are not made again, until one needs them") {
  bench b{1, 2};
  b.free("a", map);
  b.done("m0.1", {{"n", 5}});
  b.free("b", reduce);
  b.free("b", reduce);
  b.step(shuffle_done{bench::id("r0.1")});
  b.step(shuffle_done{bench::id("r1.1")});
  b.step(worker_down{"a"});
  CHECK(b.status().maps_lost == 0);
  CHECK(b.free("b", map) == "");
  b.done("r0.1");
  b.step(part_committed{0, ""});
  b.fail("r1.1");  // the next attempt has to fetch again
  CHECK(b.status().maps_lost == 1);
  CHECK(b.status().counters.at("n") == 5);  // counted once, before and after
  CHECK(b.free("b", map) == "m0.2");
  b.done("m0.2", {{"n", 5}});
  CHECK(b.status().counters.at("n") == 5);
}

TEST_CASE("mapreduce job: after four failures of a task the job fails with the user's error") {
  bench b{2};
  b.step(worker_up{"c"});
  CHECK(b.free("a", map) == "m0.1");
  CHECK(b.free("b", map) == "m1.1");
  b.fail("m0.1");
  CHECK(b.free("a", map) == "");  // another worker first
  CHECK(b.free("b", map) == "m0.2");
  b.fail("m0.2");
  CHECK(b.free("c", map) == "m0.3");
  b.fail("m0.3");
  CHECK(b.free("a", map) == "m0.4");  // all have failed
  b.fail("m0.4");
  CHECK(b.out.abort);
  CHECK(b.kills() == "b:m1.1");
  CHECK(b.status().state == job_state::failed);
  CHECK(b.status().error == "map task 0 failed 4 times, the last time on worker a: it broke");
  CHECK(b.done("m1.1") == output{});
  CHECK(b.free("a", map) == "");
}

TEST_CASE(
    "mapreduce job: deaths are no failures, but a task that outlives too many workers ends it") {
  bench b{1, 1, with(1, [](job_spec& s) { s.deaths_max = 6; })};
  for (int i = 1; i <= 6; ++i) {
    b.step(worker_up{"w"});
    CHECK(b.status().state == job_state::running);
    CHECK(b.free("w", map) == "m0." + std::to_string(i));
    b.step(worker_down{"w"});
  }
  CHECK(b.status().state == job_state::failed);
  CHECK(b.status().attempts_failed == 0);
  CHECK(b.out.abort);
}

TEST_CASE("mapreduce job: a record that crashes its mapper twice is skipped, where allowed (4.6)") {
  const record_position bad{"f", 7};
  bench b{1, 1, with(1, [](job_spec& s) {
            s.skip_bad_records = true;
            s.attempts_max = 2;
            s.skipped_max = 2;
          })};
  for (const auto& next : {record_position{"f", 7}, record_position{"f", 8}}) {
    const auto attempts = b.status().attempts_started;
    const auto first = b.free("a", map);
    b.fail(first, {next});
    const auto second = b.free("b", map);
    b.fail(second, {next});
    CHECK(b.status().attempts_started == attempts + 2);
    CHECK(b.status().state == job_state::running);  // these failures are forgiven
  }
  CHECK(b.free("a", map) == "m0.5");
  CHECK(b.out.maps[0].task.skip == std::vector<record_position>{bad, {"f", 8}});
  b.fail("m0.5", {{"f", 9}});
  b.free("b", map);
  b.fail("m0.6", {{"f", 9}});
  CHECK(b.status().error ==
        "more than 2 records crash their mapper, the last in f at byte 9: it broke");

  bench strict{1};  // not allowed: an ordinary failure
  strict.free("a", map);
  strict.fail("m0.1", {bad});
  strict.free("b", map);
  strict.fail("m0.2", {bad});
  strict.free("a", map);
  CHECK(strict.out.maps[0].task.skip.empty());
}

TEST_CASE("mapreduce job: of two attempts the first to end is committed, the other killed") {
  bench b{2};
  CHECK(b.free("a", map) == "m0.1");
  CHECK(b.free("a", map) == "m1.1");
  b.now = 1000ms;
  b.done("m0.1");
  CHECK(b.free("b", map) == "");  // it is not slow yet
  b.now = 3000ms;
  CHECK(b.core.wants(map, b.now));
  CHECK(b.free("a", map) == "");  // not beside the straggler
  CHECK(b.free("b", map) == "m1.2");
  CHECK(b.free("b", map) == "");  // one backup a task
  b.done("m1.2", {{"n", 1}});
  CHECK(b.kills() == "a:m1.1");
  CHECK(b.done("m1.1", {{"n", 1}}) == output{});
  CHECK(b.status().counters.at("n") == 1);
  CHECK(b.status().backups == 1);

  CHECK(b.free("a", reduce) == "r0.1");
  b.step(worker_up{"c"});
  b.done("r0.1");
  CHECK(b.commits() == "0<tmp/r0.1");
  CHECK(b.done("r0.1") == output{});
}

TEST_CASE("mapreduce job: one backup a task, and backups for a tenth of what runs") {
  bench b{31};
  for (int i = 0; i < 31; ++i) b.free("a", map);
  b.now = 1000ms;
  b.done("m30.1");
  b.now = 9000ms;
  std::string given;
  for (int i = 0; i < 9; ++i) given += b.free("b", map) + " ";
  CHECK(given == "m0.2 m1.2 m2.2       ");
  CHECK_FALSE(b.core.wants(map, b.now));
  bench off{2, 1, with(1, [](job_spec& s) { s.speculative = false; })};
  off.free("a", map);
  off.free("a", map);
  off.now = 1000ms;
  off.done("m0.1");
  off.now = 99'000ms;
  CHECK(off.free("b", map) == "");
}

TEST_CASE("mapreduce job: a straggling reducer's backup and itself are never both committed") {
  bench b{1, 2};
  b.free("a", map);
  b.done("m0.1");
  CHECK(b.free("a", reduce) == "r0.1");
  CHECK(b.free("a", reduce) == "r1.1");
  b.now = 1000ms;
  b.done("r0.1");
  b.step(part_committed{0, ""});
  b.now = 5000ms;
  CHECK(b.free("b", reduce) == "r1.2");
  CHECK(b.out.reduces[0].outputs.size() == 1);
  b.done("r1.1");
  CHECK(b.commits() == "1<tmp/r1.1");
  CHECK(b.kills() == "b:r1.2");
  CHECK(b.done("r1.2") == output{});
  b.step(worker_down{"a"});  // the file lies on the shared file system
  CHECK(b.step(part_committed{1, ""}).finish);
}

TEST_CASE("mapreduce job: a rename that failed makes the part anew") {
  bench b{0};
  b.free("a", reduce);
  b.done("r0.1", {{"n", 1}});
  b.step(part_committed{0, "the file is gone"});
  CHECK(b.status().attempts_failed == 1);
  CHECK(b.status().counters.empty());
  CHECK(b.free("b", reduce) == "r0.2");
  b.done("r0.2", {{"n", 1}});
  CHECK(b.commits() == "0<tmp/r0.2");
  CHECK(b.step(part_committed{0, ""}).finish);
  CHECK(b.status().counters.at("n") == 1);
}

TEST_CASE("mapreduce job: outputs that reducers cannot fetch are made again elsewhere") {
  bench b{1};
  b.free("a", map);
  b.done("m0.1");
  b.free("b", reduce);
  const fetch_failed report{bench::id("r0.1"), 0, 1, "a", false};
  b.step(report);
  b.step(report);
  CHECK(b.status().maps_lost == 0);
  b.step(report);
  CHECK(b.status().maps_lost == 1);
  CHECK(b.free("a", map) == "");
  CHECK(b.free("b", map) == "m0.2");
  b.step(report);  // of the attempt that is given up: stale
  b.done("m0.2");
  b.step({fetch_failed{bench::id("r0.1"), 0, 2, "b", true}});  // gone for certain: no more reports
  CHECK(b.status().maps_lost == 2);
  // bad input
  b.step(fetch_failed{bench::id("r0.9"), 0, 2, "b", true});
  b.step(fetch_failed{bench::id("m0.1"), 0, 2, "b", true});
  b.step(fetch_failed{bench::id("r0.1"), 99, 2, "b", true});
  CHECK(b.status().maps_lost == 2);
}

TEST_CASE("mapreduce job: a reducer that can fetch from nobody has failed by itself") {
  bench b{16};
  b.step(worker_up{"c"});
  std::vector<std::string> holders;
  for (int i = 0; i < 16; ++i) {
    holders.push_back(i % 2 ? "a" : "c");
    b.done(b.free(holders.back(), map));
  }
  b.free("b", reduce);
  for (std::uint32_t i = 0; i < 11; ++i)
    b.step(fetch_failed{bench::id("r0.1"), i, 1, holders[i], false});
  CHECK(b.kills() == "");
  b.step(fetch_failed{bench::id("r0.1"), 11, 1, holders[11], false});
  CHECK(b.kills() == "b:r0.1");
  CHECK(b.status().maps_lost == 0);
  CHECK(b.free("a", reduce) == "r0.2");
  for (std::uint32_t i = 0; i < 12; ++i)  // but with a single one it is the holder's
    b.step(fetch_failed{bench::id("r0.2"), i, 1, "c", false});
  CHECK(b.status().attempts_failed == 1);
}

TEST_CASE("mapreduce job: outputs that get lost again and again end the job") {
  bench b{1};
  b.done(b.free("a", map));
  b.free("b", reduce);
  for (std::uint32_t i = 1; i < 8; ++i) {
    b.step(fetch_failed{bench::id("r0.1"), 0, i, "a", true});
    const auto next = b.free("a", map);
    b.done(next.empty() ? b.free("b", map) : next);
  }
  CHECK(b.status().attempts_failed == 0);
  b.step(fetch_failed{bench::id("r0.1"), 0, 8, "a", true});
  CHECK(b.status().error.starts_with("the output of map task 0 could not be fetched 8 times"));
}

TEST_CASE("mapreduce job: an attempt without progress is given up") {
  bench b{1, 1, with(1, [](job_spec& s) { s.silence = 5000; })};
  b.free("a", map);
  b.now = 4000ms;
  b.step(task_progress{bench::id("m0.1"), 10, 5, 0});
  b.now = 8000ms;
  b.step(task_progress{bench::id("m0.1"), 10, 5, 0});  // nothing new
  CHECK(b.step(tick{}) == output{});
  b.now = 9000ms;
  b.step(tick{});
  CHECK(b.kills() == "a:m0.1");
  CHECK(b.status().attempts_failed == 1);
  b.free("b", map);
  b.done("m0.2");
  b.now = 20'000ms;
  b.free("a", reduce);
  b.now = 24'000ms;
  CHECK(b.step(tick{}) == output{});
  b.now = 25'000ms;
  b.step(tick{});
  CHECK(b.kills() == "a:r0.1");
}

TEST_CASE("mapreduce job: a reducer that waits for maps is not silent") {
  bench b{2, 1, with(1, [](job_spec& s) { s.silence = 5000; })};
  b.free("a", map);
  b.done("m0.1");
  b.free("b", reduce);
  b.now = 60'000ms;
  CHECK(b.step(tick{}) == output{});
}

TEST_CASE("mapreduce job: a worker on which too much fails gets no more, while others do") {
  bench b{9};
  b.step(worker_up{"c"});
  for (int i = 0; i < 3; ++i) b.fail(b.free("a", map));
  CHECK(b.free("a", map) == "");
  CHECK(b.free("b", map) != "");
  for (int i = 0; i < 3; ++i) b.fail(b.free("b", map));
  CHECK(b.free("a", map) != "");  // when most are bad, it is the job
  CHECK(b.free("c", map) != "");
}

TEST_CASE("mapreduce job: a worker that leaves gets nothing new, and gives back what it has") {
  bench b{2};
  b.free("a", map);
  b.step(worker_leaving{"a"});
  CHECK(b.free("a", map) == "");
  b.step(task_killed{bench::id("m0.1")});
  CHECK(b.status().attempts_failed == 0);
  CHECK(b.free("b", map) == "m0.2");
}

TEST_CASE("mapreduce job: cancelling kills what runs and takes away what there is") {
  bench b{2};
  b.free("a", map);
  b.step(cancel{});
  CHECK(b.kills() == "a:m0.1");
  CHECK(b.out.abort);
  CHECK(b.status().state == job_state::cancelled);
  CHECK(b.step(cancel{}).refused == std::vector{refusal::too_late});
  CHECK_FALSE(b.core.wants(map, b.now));
}

TEST_CASE("mapreduce job: reports of nonsense change nothing") {
  bench b{1};
  b.free("a", map);
  for (const auto& id : {attempt_id{"x", map, 0, 1}, attempt_id{"j", map, 7, 1},
                         attempt_id{"j", reduce, 7, 1}, attempt_id{"j", map, 0, 2}}) {
    CHECK(b.step(map_done{id, {"f", {{}}}, {}}) == output{});
    CHECK(b.step(reduce_done{id, "f", 0, 0, {}}) == output{});
    CHECK(b.step(task_failed{id, "?"}) == output{});
    CHECK(b.step(task_progress{id, 5000, 0, 0}) == output{});
  }
  CHECK(b.step(part_committed{0, ""}) == output{});
  CHECK(b.step(part_committed{77, ""}) == output{});
  CHECK(b.step(job_finished{""}) == output{});
  CHECK(b.step(worker_down{"nobody"}) == output{});
  b.step(map_done{bench::id("m0.1"), {"f", {}}, {}});  // no partitions at all
  CHECK(b.status().attempts_failed == 1);
}

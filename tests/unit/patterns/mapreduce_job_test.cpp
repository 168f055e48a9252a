// The master of a job, input by input.
#include "mapreduce_bench.hpp"
namespace {
using namespace mapreduce_bench;
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

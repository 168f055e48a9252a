// The master of a job, input by input: failures, losses, silence, workers that are to blame.
#include "mapreduce_bench.hpp"
namespace {
using namespace mapreduce_bench;
}  // namespace

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

TEST_CASE("mapreduce job: bytes alone are progress, as while a task sorts and merges") {
  bench b{1, 1, with(1, [](job_spec& s) { s.silence = 5000; })};
  b.free("a", map);
  b.now = 4000ms;
  b.step(task_progress{bench::id("m0.1"), 1000, 5, 100});
  b.now = 8000ms;
  b.step(task_progress{bench::id("m0.1"), 1000, 5, 200});
  b.now = 12'000ms;
  CHECK(b.step(tick{}) == output{});
  b.now = 13'000ms;
  b.step(tick{});
  CHECK(b.kills() == "a:m0.1");
}

TEST_CASE("mapreduce job: records that may be skipped are no worker's fault") {
  for (const bool skip : {true, false}) {
    auto s = bench::spec(1);
    s.skip_bad_records = skip;
    bench b{9, 1, s};
    b.step(worker_up{"c"});
    for (std::uint64_t i = 0; i < 3; ++i) b.fail(b.free("a", map), {{"f", i}});
    CHECK((b.free("a", map) != "") == skip);  // else it failed three tasks, and gets no more
    CHECK(b.status().attempts_failed == 3);
  }
}

TEST_CASE("mapreduce job: reducers that wait for maps yield to another job, the youngest first") {
  bench b{2, 3};
  b.done(b.free("a", map));
  b.free("a", reduce);
  b.now = 10ms;
  b.free("a", reduce);
  b.now = 20ms;
  b.free("b", reduce);
  b.step(shuffle_done{bench::id("r0.1")});  // it has all that there is
  b.step(yield_reducers{1});
  CHECK(b.kills() == "b:r2.1");
  CHECK(b.status().attempts_failed == 0);
  b.step(yield_reducers{5});
  CHECK(b.kills() == "a:r1.1");
  CHECK(b.core.running(reduce) == 1);
  CHECK(b.core.waiting(reduce) == 2);
  CHECK(b.free("b", reduce) == "r1.2");
  b.done(b.free("a", map));
  CHECK(b.step(yield_reducers{5}) == output{});  // nothing holds it up any more
}

TEST_CASE("mapreduce job: a host that can do no more ends the job with its reason") {
  bench b{1};
  b.free("a", map);
  b.step(host_failed{"the disk is gone"});
  CHECK(b.kills() == "a:m0.1");
  CHECK(b.status().state == job_state::failed);
  CHECK(b.status().error == "the disk is gone");
  CHECK(b.step(host_failed{"again"}) == output{});
}

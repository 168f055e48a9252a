// A job whose master is replaced: what is recorded, and how another one goes on from it.
#include "mapreduce_bench.hpp"

#include <map>
namespace {
using namespace mapreduce_bench;

// The log, as far as a job is concerned.
struct book {
  std::map<std::string, fact> facts;
  std::uint32_t masters = 0;
  void write(const output& out) {
    for (const auto& f : out.facts) facts.insert_or_assign(key_of(f), f);
  }
  job_record read() {
    job_record r{++masters, {}};
    for (const auto& [key, f] : facts) r.facts.push_back(f);
    return r;
  }
};

struct heir : bench {  // workers a and b are up
  heir(std::uint32_t maps, std::uint32_t reducers, const job_record& before)
      : bench{maps, reducers} {
    core = job{spec(reducers), std::vector<split>(maps, split{{{"f", 0, 10}}, 10}), 0ms};
    out = {};
    core.restore(before, now, out);
    first = out;
    core.step(worker_up{"a"}, now, out);
    core.step(worker_up{"b"}, now, out);
  }
  map_done has(const std::string& name, counters_map counters = {}) const {
    return {id(name), {"out/" + name, std::vector<segment>(core.spec().reducers)},
            std::move(counters)};
  }
  output first;  // what it began with
};

map_finished finished(std::uint32_t map, std::uint32_t attempt, const char* on) {
  return {map, attempt, on, {}};
}
}  // namespace

TEST_CASE("mapreduce record: a fact for each map that is done, each part written, and its name") {
  bench b{1};
  b.free("a", map);
  b.done("m0.1", {{"n", 1}});
  CHECK(b.out.facts == std::vector<fact>{map_finished{0, 1, "a", {{"n", 1}}}});
  b.free("b", reduce);
  CHECK(b.out.facts.empty());
  b.done("r0.1", {{"n", 2}});
  CHECK(b.out.facts == std::vector<fact>{part_written{0, 1, "b", "tmp/r0.1", {{"n", 2}}}});
  CHECK(b.commits() == "0<tmp/r0.1");
  b.step(part_committed{0, ""});
  CHECK(b.out.facts == std::vector<fact>{part_named{0}});
}

TEST_CASE("mapreduce record: what bounds the repetition of a task is recorded") {
  bench b{1};
  b.free("a", map);
  b.fail("m0.1");
  CHECK(b.out.facts == std::vector<fact>{task_trouble{map, 0, 1, 0, 0, {}}});
  b.free("b", map);
  b.step(worker_down{"b"});
  CHECK(b.out.facts == std::vector<fact>{task_trouble{map, 0, 1, 1, 0, {}}});
  book log;
  log.write(b.out);
  heir h{1, 1, log.read()};
  for (int i = 1; i <= 3; ++i) {
    CHECK(h.status().state == job_state::running);
    const auto next = h.free(i % 2 == 1 ? "a" : "b", map);
    CHECK(next == "m0.10000" + std::to_string(i));  // no number is given twice
    h.fail(next);
  }
  CHECK(h.status().state == job_state::failed);
}

TEST_CASE("mapreduce record: a recorded map whose worker holds its output does not run again") {
  heir h{2, 1, {1, {map_finished{0, 3, "a", {{"n", 5}}}}}};
  CHECK(h.status().maps.done == 1);
  CHECK(h.status().counters.at("n") == 5);
  CHECK(h.free("b", map) == "m1.100001");
  CHECK(h.free("b", map) == "");
  CHECK(h.free("b", reduce) == "r0.100001");
  CHECK(h.out.reduces.at(0).outputs.empty());  // nobody has said yet that it is there
  h.step(held{"a", {h.has("m0.3", {{"n", 5}})}, {}});
  REQUIRE(h.out.locations.size() == 1);
  CHECK(h.out.locations[0].worker == "b");
  CHECK(h.out.locations[0].where.attempt == 3);
  h.done("m1.100001");
  CHECK(h.status().maps_lost == 0);
  CHECK(h.status().counters.at("n") == 5);
}

TEST_CASE("mapreduce record: one whose worker lacks it, or does not come, runs again") {
  const job_record before{1, {finished(0, 1, "a"), finished(1, 1, "b"), finished(2, 1, "c")}};
  heir h{3, 1, before};
  h.step(held{"a", {}, {}});
  CHECK(h.status().maps_lost == 1);
  CHECK(h.free("a", map) == "m0.100001");
  CHECK(h.free("a", map) == "");  // b and c may yet come
  h.step(worker_down{"b"});
  CHECK(h.free("a", map) == "m1.100001");
  h.now = job::held_within - 1ms;
  h.step(tick{});
  CHECK(h.free("a", map) == "");
  h.now = job::held_within;
  h.step(tick{});
  CHECK(h.free("a", map) == "m2.100001");
  CHECK(h.status().maps_lost == 3);
}

TEST_CASE("mapreduce record: nothing runs again that no reducer needs") {
  const job_record before{1, {finished(0, 1, "a"), part_written{0, 2, "b", "tmp/r0.2", {}}}};
  heir h{1, 1, before};
  REQUIRE(h.first.commits.size() == 1);
  CHECK(h.first.commits[0].file == "tmp/r0.2");
  h.step(held{"a", {}, {}});
  CHECK(h.status().maps_lost == 0);
  CHECK(h.step(part_committed{0, ""}).finish);
}

TEST_CASE("mapreduce record: a part that cannot be named once more is made again") {
  heir h{1, 1, {1, {finished(0, 1, "a"), part_written{0, 2, "b", "tmp/r0.2", {}}}}};
  h.step(part_committed{0, "no such file"});
  CHECK(h.free("a", reduce) == "r0.100001");
}

TEST_CASE("mapreduce record: parts that have their names stay, and the end is marked once more") {
  const std::vector<fact> parts{part_written{0, 2, "b", "f", {{"n", 1}}}, part_named{0},
                                part_written{1, 1, "a", "g", {{"n", 2}}}};
  heir one{1, 2, {1, parts}};
  REQUIRE(one.first.commits.size() == 1);
  CHECK(one.first.commits[0].partition == 1);
  auto all = parts;
  all.emplace_back(part_named{1});
  heir two{1, 2, {1, all}};
  CHECK(two.first.finish);
  CHECK(two.first.commits.empty());
  CHECK(two.status().state == job_state::finishing);
  CHECK(two.free("a", map) == "");
  two.step(job_finished{""});
  CHECK(two.status().state == job_state::succeeded);
  CHECK(two.status().counters.at("n") == 3);
}

TEST_CASE("mapreduce record: a map that was finished and not recorded is taken from its worker") {
  heir h{1, 1, {1, {}}};
  h.step(held{"a", {h.has("m0.2", {{"n", 1}})}, {}});
  CHECK(h.out.facts == std::vector<fact>{map_finished{0, 2, "a", {{"n", 1}}}});
  CHECK(h.free("b", map) == "");
  h.step(held{"b", {h.has("m0.1")}, {}});  // one is enough
  CHECK(h.out == output{});
}

TEST_CASE("mapreduce record: another attempt's output does not replace the recorded one") {
  heir h{1, 1, {1, {finished(0, 2, "b")}}};
  CHECK(h.step(held{"a", {h.has("m0.1")}, {}}).facts.empty());
  h.step(held{"b", {h.has("m0.2")}, {}});
  CHECK(h.free("a", reduce) == "r0.100001");
  CHECK(h.out.reduces.at(0).outputs.at(0).worker == "b");
}

TEST_CASE("mapreduce record: maps that run are adopted, reducers end") {
  heir h{2, 1, {1, {}}};
  h.step(held{"a", {}, {bench::id("m0.1"), bench::id("r0.1")}});
  CHECK(h.kills() == "a:r0.1");
  CHECK(h.free("b", map) == "m1.100001");
  CHECK(h.free("b", map) == "");
  h.step(held{"b", {}, {bench::id("m0.2")}});  // its second attempt comes too late
  CHECK(h.kills() == "b:m0.2");
  h.done("m0.1");
  CHECK(h.status().maps.done == 1);
  CHECK(h.done("m0.2") == output{});
}

TEST_CASE("mapreduce record: too many masters died of it") {
  heir h{1, 1, {job::masters_max, {}}};
  CHECK(h.first.abort);
  CHECK(h.status().error ==
        "8 masters of it died; its input may hold a record that kills them");
}

TEST_CASE("mapreduce record: what makes no sense is passed over") {
  const job_record odd{1,
                       {finished(7, 1, "a"), part_written{9, 1, "a", "", {}}, part_named{9},
                        task_trouble{reduce, 4, 1, 1, 1, {}}}};
  heir h{1, 1, odd};
  CHECK(h.status().maps.done == 0);
  auto wrong = h.has("m0.1");
  wrong.output.segments.clear();
  h.step(held{"a", {wrong, h.has("m5.1")}, {bench::id("m5.1")}});
  CHECK(h.kills() == "a:m5.1");
  CHECK(h.step(held{"stranger", {h.has("m0.1")}, {}}) == output{});
  CHECK(h.free("a", map) == "m0.100001");
}

#include "journal_fixture.hpp"
#include "patterns/simulation/random.hpp"

namespace troupe::journal {
namespace {
using ends = std::function<void()>;
struct laboratory {
  std::shared_ptr<memory_disk> disk = std::make_shared<memory_disk>();
  std::vector<ends> syncs;  // that have begun
  store_ptr start(bool scheduled = true) {
    memory_options options{.node = "a"};
    if (scheduled) options.syncing = [this](ends e) { syncs.push_back(std::move(e)); };
    auto opened = open_memory_store(disk, options);
    REQUIRE(opened.has_value());
    return *opened;
  }
  void end_sync() {
    REQUIRE_FALSE(syncs.empty());
    const auto e = std::move(syncs.front());
    syncs.erase(syncs.begin());
    e();
  }
};
// `done` that notes down how often, in which order and how.
struct notes {
  std::vector<std::string> all;
  answer of(const std::string& name) {
    return [this, name](const result<void, failure>& r) {
      all.push_back(name + (r ? "" : ": " + std::string{to_string(r.error().why)}));
    };
  }
};
using texts = std::vector<std::string>;

TEST_CASE(
    "journal memory: nothing is done before its sync ends, and what comes meanwhile shares the "
    "next") {
  laboratory lab;
  notes seen;
  const auto store = lab.start();
  const auto one = store->open("one"), two = store->open("two");
  must_load(*one), must_load(*two);
  one->submit({.append = entries(1, 1)}, seen.of("one 1"));
  two->submit({.append = entries(1, 2)}, seen.of("two 1"));
  one->submit({.append = entries(2, 2)}, seen.of("one 2"));
  one->submit({.append = entries(9, 9)}, seen.of("one 9"));
  CHECK(seen.all.empty());
  REQUIRE(lab.syncs.size() == 1);
  lab.end_sync();
  CHECK(seen.all == texts{"one 1"});
  REQUIRE(lab.syncs.size() == 1);
  lab.end_sync();
  CHECK(seen.all == texts{"one 1", "two 1", "one 2", "one 9: gap"});
  CHECK(lab.syncs.empty());
  CHECK(must_load(*store->open("one")).records == entries(1, 2));
}

TEST_CASE("journal memory: a crash keeps all that was done, and of the rest a beginning") {
  int kept_more = 0, lost_some = 0, torn = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    simulation::generator chance{seed};
    laboratory lab;
    notes seen;
    auto log = lab.start()->open("g");
    must_load(*log);
    for (std::uint64_t i = 1; i <= 10; ++i) log->submit({.append = {entry(i)}}, seen.of("done"));
    const auto syncs = chance.below(3);
    for (std::uint64_t i = 0; i < syncs && !lab.syncs.empty(); ++i) lab.end_sync();
    const auto done = seen.all.size();
    lab.disk->crash(chance, true);
    while (!lab.syncs.empty()) lab.end_sync();
    CHECK(seen.all.size() == done);  // nobody hears of it any more
    log->submit({.append = {entry(11)}}, seen.of("after the crash"));
    CHECK(seen.all.size() == done);
    const auto found = must_load(*lab.start()->open("g"));
    CHECK(found.records == entries(1, found.records.size()));
    CHECK(found.records.size() >= done);
    kept_more += found.records.size() > done;
    lost_some += found.records.size() < 10;
    torn += static_cast<int>(lab.disk->torn_tails());
  }
  CHECK(kept_more > 20);
  CHECK(lost_some > 20);
  CHECK(torn > 20);
}

TEST_CASE("journal memory: a bit that flips is told with its place") {
  int records = 0, states = 0, snapshots = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    simulation::generator chance{seed};
    laboratory lab;
    auto log = lab.start(false)->open("g");
    must_load(*log);
    must_put(*log,
             {.state = "vote", .replace = covering(3), .restart = true, .append = entries(4, 6)});
    REQUIRE(lab.disk->rot(chance));
    const auto found = lab.start(false)->open("g")->load();
    REQUIRE_FALSE(found.has_value());
    CHECK(found.error().why == cause::corrupted);
    const auto& said = found.error().sentence;
    CHECK(said.find("group 'g'") != said.npos);
    records += said.find("record ") == 0;
    states += said.find("the state ") == 0;
    snapshots += said.find("the snapshot ") == 0;
  }
  CHECK(records > 20);
  CHECK(states > 20);
  CHECK(snapshots > 20);
}

TEST_CASE("journal memory: a sync that fails is never taken for done, nor is anything after it") {
  laboratory lab;
  notes seen;
  auto log = lab.start()->open("g");
  must_load(*log);
  log->submit({.append = {entry(1)}}, seen.of("1"));
  lab.end_sync();
  log->submit({.append = {entry(2)}}, seen.of("2"));
  lab.disk->sync_fails = true;
  lab.end_sync();
  lab.disk->sync_fails = false;
  log->submit({.append = {entry(3)}}, seen.of("3"));
  lab.end_sync();
  CHECK(seen.all == texts{"1", "2: broken", "3: broken"});
}

TEST_CASE("journal memory: a full disk refuses, and so does the store from then on") {
  laboratory lab;
  auto log = lab.start(false)->open("g");
  must_load(*log);
  must_put(*log, {.append = {entry(1)}});
  lab.disk->full = true;
  CHECK(put(*log, {.append = {entry(2)}}).error().why == cause::full);
  lab.disk->full = false;
  CHECK(put(*log, {.append = {entry(3)}}).error().why == cause::full);
  auto again = lab.start(false)->open("g");
  CHECK(must_load(*again).records == entries(1, 1));
  must_put(*again, {.append = {entry(2)}});
}

TEST_CASE(
    "journal memory: a sync that lies loses what it called done, so that a checker has something "
    "to find") {
  laboratory lab;
  simulation::generator chance{1};
  auto log = lab.start(false)->open("g");
  must_load(*log);
  lab.disk->sync_lies = true;
  must_put(*log, {.append = {entry(1)}});
  lab.disk->crash(chance, false);
  CHECK(must_load(*lab.start(false)->open("g")).records.empty());
}

TEST_CASE("journal memory: another node's and another cluster's disk are refused") {
  auto disk = std::make_shared<memory_disk>();
  REQUIRE(open_memory_store(disk, {.node = "a", .cluster = "c1", .life = 7}).has_value());
  CHECK(open_memory_store(disk, {.node = "b"}).error().why == cause::other_node);
  CHECK(open_memory_store(disk, {.node = "a", .cluster = "c2"}).error().why ==
        cause::other_cluster);
  const auto again = open_memory_store(disk, {.node = "a", .life = 8});
  REQUIRE(again.has_value());
  CHECK((*again)->who() == identity{.node = "a", .cluster = "c1", .life = 7});
  CHECK((*again)->enter("c2").error().why == cause::other_cluster);
}
}  // namespace
}  // namespace troupe::journal

// The store on disk: sharing syncs, failing for good, and whose directory it takes.
#include "journal_fixture.hpp"
#include "runtime/failpoint.hpp"
#include "runtime/journal/directory.hpp"
#include "runtime/journal/file_faults.hpp"

#include <atomic>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace troupe::journal {
namespace {
using names = std::vector<std::string>;

TEST_CASE("journal store: what is submitted while a sync runs shares the next one") {
  const scratch here;
  const auto faults = std::make_shared<file_faults>();
  const auto store = must_open({.directory = here / "journal", .node = "a", .faults = faults});
  constexpr std::uint64_t groups = 20, each = 50;
  std::vector<std::shared_ptr<journal>> logs;
  for (std::uint64_t g = 0; g < groups; ++g) {
    logs.push_back(store->open("g" + std::to_string(g)));
    must_load(*logs.back());
  }
  const auto before = faults->syncs.load();
  std::vector<std::vector<std::uint64_t>> done(
      groups);  // each is written in the store's thread alone
  for (std::uint64_t i = 1; i <= each; ++i)
    for (std::uint64_t g = 0; g < groups; ++g)
      logs[g]->submit({.append = {entry(i)}}, [&done, g, i](const auto& r) {
        if (r) done[g].push_back(i);
      });
  for (auto& log : logs) must_load(*log);  // it waits
  CHECK(faults->syncs - before < groups * each / 4);
  for (std::uint64_t g = 0; g < groups; ++g) {
    REQUIRE(done[g].size() == each);
    for (std::uint64_t i = 0; i < each; ++i) CHECK(done[g][i] == i + 1);
  }
}

TEST_CASE("journal store: many threads, each with its own group") {
  const scratch here;
  const store_options options{
      .directory = here / "journal", .node = "a", .write_buffer = 128 << 10};
  constexpr std::uint64_t each = 400;
  {
    const auto store = must_open(options);
    std::vector<std::thread> all;
    std::atomic<int> wrong = 0;
    for (int t = 0; t < 4; ++t)
      all.emplace_back([&, t] {
        const auto log = store->open("g" + std::to_string(t));
        if (!log->load()) ++wrong;
        for (std::uint64_t i = 1; i <= each; ++i) {
          batch what{.state = std::to_string(i), .append = {{i, 1, std::string(500, 'x')}}};
          if (i % 50 == 0) what.replace = snapshot{i - 10, 1, "s"};
          log->submit(std::move(what), [&](const auto& r) { wrong += r ? 0 : 1; });
        }
      });
    for (auto& one : all) one.join();
    CHECK(wrong == 0);
  }  // the store ends what was begun
  const auto store = must_open(options);
  CHECK(*store->groups() == names{"g0", "g1", "g2", "g3"});
  for (int t = 0; t < 4; ++t) {
    const auto found = must_load(*store->open("g" + std::to_string(t)));
    CHECK(found.state == std::to_string(each));
    CHECK(found.base == snapshot{each - 10, 1, "s"});
    CHECK(found.records.size() == 10);
  }
}

TEST_CASE(
    "journal store: after a failed write or sync nothing is done any more, and a start tells what "
    "is there") {
  struct trial {
    std::string what;
    std::function<void(file_faults&)> begin;
    cause why;
  };
  const std::vector<trial> trials{
      {"sync", [](file_faults& f) { f.sync_fails = true; }, cause::broken},
      {"write", [](file_faults& f) { f.write_fails = true; }, cause::broken},
      {"full", [](file_faults& f) { f.room = 20; }, cause::full},
      {"full to the byte", [](file_faults& f) { f.room = 0; }, cause::full},
  };
  for (const auto& t : trials) {
    CAPTURE(t.what);
    const scratch here;
    const auto faults = std::make_shared<file_faults>();
    const store_options options{.directory = here / "journal", .node = "a", .faults = faults};
    {
      const auto store = must_open(options);
      const auto log = store->open("g");
      must_load(*log);
      must_put(*log, {.append = entries(1, 3)});
      t.begin(*faults);
      const auto failed = put(*log, {.append = entries(4, 4)});
      REQUIRE_FALSE(failed.has_value());
      CHECK(failed.error().why == t.why);
      faults->sync_fails = faults->write_fails = false;
      faults->room = -1;
      CHECK(put(*log, {.append = entries(4, 4)}).error() == failed.error());
      CHECK(put(*store->open("other"), {}).error() == failed.error());
    }
    const auto found = must_load(*must_open(options)->open("g"));
    CHECK(found.records.size() >= 3);  // the fourth may be there
    CHECK(found.records == entries(1, found.records.size()));
  }
}

TEST_CASE("journal store: its failpoints fail as the disk would") {
  for (const std::string place : {"journal.write", "journal.sync"}) {
    CAPTURE(place);
    const scratch here;
    const store_options options{.directory = here / "journal", .node = "a"};
    {
      const auto log = must_open(options)->open("g");
      CHECK(log->load().error().why == cause::closed);  // its store has gone
    }
    {
      const auto store = must_open(options);
      const auto log = store->open("g");
      must_load(*log);
      must_put(*log, {.append = entries(1, 3)});
      REQUIRE(failpoints::switch_on(place + "=error@1").has_value());
      CHECK(put(*log, {.append = entries(4, 4)}).error().why == cause::broken);
      CHECK(put(*log, {.append = entries(4, 4)}).error().why == cause::broken);
      failpoints::all_off();
    }
    const auto found = must_load(*must_open(options)->open("g"));
    CHECK(found.records.size() == (place == "journal.write" ? 3 : 4));
  }
  const scratch here;
  REQUIRE(failpoints::switch_on("journal.synced=pause:1ms").has_value());
  const auto store = must_open({.directory = here / "journal", .node = "a"});
  const auto log = store->open("g");
  must_load(*log);
  must_put(*log, {.append = entries(1, 1)});
  failpoints::all_off();
}

TEST_CASE("journal store: a store whose last holder is a `done` ends itself") {
  const scratch here;
  std::atomic<bool> ended = false;
  {
    auto store = must_open({.directory = here / "journal", .node = "a"});
    auto log = store->open("g");
    must_load(*log);
    auto& j = *log;
    j.submit({.append = entries(1, 1)},
             [&ended, kept = std::make_shared<store_ptr>(store), log](const auto&) mutable {
               kept->reset();
               ended = true;
             });
    store.reset();
  }
  {  // until its thread lets the directory go
    const int held = ::open((here / "journal/lock").c_str(), O_RDWR | O_CLOEXEC);
    REQUIRE(::flock(held, LOCK_EX) == 0);
    ::close(held);
  }
  CHECK(ended);
  const auto again = must_open({.directory = here / "journal", .node = "a"});
  CHECK(must_load(*again->open("g")).records == entries(1, 1));
}

TEST_CASE("journal store: a directory that is not its own is refused with a sentence") {
  const scratch here;
  const auto refused = [&](const store_options& options, cause why, const std::string& words) {
    const auto opened = open_store(options);
    REQUIRE_FALSE(opened.has_value());
    CAPTURE(opened.error().sentence);
    CHECK(opened.error().why == why);
    CHECK(opened.error().sentence.find(words) != std::string::npos);
  };
  const auto directory = here / "journal";
  identity first;
  {
    const auto store = must_open({.directory = directory, .node = "a"});
    first = store->who();
    CHECK(first.node == "a");
    CHECK(first.cluster.empty());
    CHECK(first.life != 0);
    refused({.directory = directory, .node = "a"}, cause::locked, "in use by another process");
    CHECK(store->enter("c1").has_value());
    CHECK(store->enter("c1").has_value());
    CHECK(store->enter("c2").error().why == cause::other_cluster);
  }
  refused({.directory = directory, .node = "b"}, cause::other_node,
          "node 'a', and this is node 'b'");
  refused({.directory = directory, .node = "a", .cluster = "c2"}, cause::other_cluster,
          "cluster c1");
  {
    const auto again = must_open({.directory = directory, .node = "a", .cluster = "c1"})->who();
    CHECK(again.life == first.life);
    CHECK(again.cluster == "c1");
  }
  const auto foreign = here / "foreign";
  std::filesystem::create_directory(foreign);
  std::ofstream{foreign + "/holiday.jpg"} << "x";
  refused({.directory = foreign, .node = "a"}, cause::foreign, "holiday.jpg");
  CHECK(std::distance(std::filesystem::directory_iterator{foreign}, {}) == 1);  // untouched
  refused({.directory = here / "new", .node = ""}, cause::broken, "name of its node");
  std::ofstream{here / "file"} << "x";
  refused({.directory = here / "file", .node = "a"}, cause::broken, "Not a directory");
}

TEST_CASE("journal store: an older and a newer format are refused by name") {
  const scratch here;
  const auto path = here / "journal";
  must_open({.directory = path, .node = "a"});
  for (const std::string format : {"0", "2"}) {
    auto of = identity{.node = "a", .cluster = "", .life = 7};
    of.format = static_cast<std::uint32_t>(std::stoi(format));
    {
      auto held = directory::take(path, directory::purpose::use);
      REQUIRE(held.has_value());
      REQUIRE(held->write_identity(of).has_value());
    }
    const auto opened = open_store({.directory = path, .node = "a"});
    REQUIRE_FALSE(opened.has_value());
    CHECK(opened.error().why == cause::other_format);
    CHECK(opened.error().sentence.find("has format " + format) != std::string::npos);
  }
}

TEST_CASE("journal store: a directory where this user may not write is refused") {
  const scratch here;
  const auto directory = here / "journal";
  must_open({.directory = directory, .node = "a"});
  std::filesystem::permissions(directory, std::filesystem::perms{0555});
  std::filesystem::permissions(here.path(), std::filesystem::perms{0555});
  const bool root = ::geteuid() == 0;
  if (root) REQUIRE(::seteuid(65534) == 0);
  const auto opened = open_store({.directory = directory, .node = "a"});
  const auto fresh = open_store({.directory = here / "new", .node = "a"});
  if (root) REQUIRE(::seteuid(0) == 0);
  std::filesystem::permissions(here.path(), std::filesystem::perms{0755});
  std::filesystem::permissions(directory, std::filesystem::perms{0755});
  CHECK(opened.error().why == cause::read_only);
  CHECK(fresh.error().why == cause::read_only);
  must_open({.directory = directory, .node = "a"});
}

TEST_CASE("journal store: a first start that died is made anew") {
  const scratch here;
  const auto directory = here / "journal";
  std::filesystem::create_directories(directory + "/db");
  std::ofstream{directory + "/creating"};
  std::ofstream{directory + "/db/000004.log"} << "half";
  const auto log = must_open({.directory = directory, .node = "a"});
  CHECK(log->groups()->empty());
}

TEST_CASE(
    "journal store: a disk that is full when the store is made is told so, and it can be made "
    "later") {
  const scratch here;
  const auto faults = std::make_shared<file_faults>();
  const store_options options{.directory = here / "journal", .node = "a", .faults = faults};
  faults->room = 100;
  const auto opened = open_store(options);
  REQUIRE_FALSE(opened.has_value());
  CAPTURE(opened.error().sentence);
  CHECK(opened.error().why == cause::full);
  faults->room = -1;
  must_open(options);
}
}  // namespace
}  // namespace troupe::journal

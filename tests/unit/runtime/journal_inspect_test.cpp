// Judging and repairing journals that were damaged for the purpose.
#include "journal_fixture.hpp"
#include "runtime/journal/inspect.hpp"

#include <algorithm>
#include <fstream>

namespace troupe::journal {
namespace fs = std::filesystem;
namespace {
std::vector<fs::path> files_of(const fs::path& directory, const std::string& extension) {
  std::vector<fs::path> all;
  for (const auto& entry : fs::directory_iterator{directory / "db"})
    if (entry.path().extension() == extension) all.push_back(entry.path());
  std::sort(all.begin(), all.end());
  return all;
}
void flip(const fs::path& file, std::size_t at) {
  auto bytes = bytes_of(file);
  bytes.at(at) = static_cast<char>(bytes.at(at) ^ 1);
  std::ofstream{file, std::ios::binary | std::ios::trunc} << bytes;
}
// As a killed process leaves it.
fs::path journal_in(const scratch& here, std::uint64_t records,
                    std::uint64_t write_buffer = 32 << 20) {
  const auto live = here / "live", left = here / "journal";
  auto store =
      must_open({.directory = live, .node = "a", .cluster = "c", .write_buffer = write_buffer});
  for (const std::string g : {"one", "two"}) {
    const auto log = store->open(g);
    must_load(*log);
    for (std::uint64_t i = 1; i <= records; ++i)
      must_put(*log, {.state = "s", .append = {{i, i / 10, std::string(200, 'r')}}});
    if (g == "two") must_put(*log, {.replace = covering(records / 2)});
  }
  if (write_buffer < (1 << 20)) store.reset();  // no flush or compaction under the copy
  fs::copy(live, left, fs::copy_options::recursive);
  return left;
}
report must_verify(const fs::path& directory) {
  const auto found = verify(directory);
  INFO((found ? std::string{} : found.error().sentence));
  REQUIRE(found.has_value());
  return *found;
}
// It is repaired, sound, starts, and keeps beginnings of both groups; the copy is what was there.
std::vector<group_report> must_repair(const fs::path& directory,
                                      const repair_options& options = {}) {
  const auto before = bytes_of(directory / "acknowledged");
  const auto done = repair(directory, options);
  INFO((done ? std::string{} : done.error().sentence));
  REQUIRE(done.has_value());
  REQUIRE_FALSE(done->copy.empty());
  CHECK(bytes_of(done->copy / "acknowledged") == before);
  const auto after = must_verify(directory);
  CHECK(after.sound());
  CHECK(after.of->life == done->life);
  const auto store = must_open({.directory = directory.string(), .node = "a"});
  for (const auto& g : done->groups) {
    const auto log = store->open(g.name);
    const auto found = must_load(*log);
    CHECK(found.records.size() == g.records.last + 1 - g.records.first);
    for (const auto& r : found.records) CHECK(r.bytes == std::string(200, 'r'));
    must_put(*log, {.append = {{g.records.last + 1, 99, "goes on"}}});
  }
  return done->groups;
}

TEST_CASE("journal inspect: a sound journal is left as it is") {
  const scratch here;
  const auto directory = journal_in(here, 20);
  const auto found = must_verify(directory);
  CHECK(found.sound());
  REQUIRE(found.groups.size() == 2);
  CHECK(found.groups[0].records == extent{0, 1, 20});
  CHECK(found.groups[1].records == extent{10, 11, 20});
  CHECK(found.groups[1].last_term == 2);
  CHECK(found.of->node == "a");
  const auto done = repair(directory, {});
  REQUIRE(done.has_value());
  CHECK(done->copy.empty());
  CHECK(must_verify(directory).of->life == found.of->life);
}

TEST_CASE("journal inspect: show gives what is there, from where it is asked") {
  const scratch here;
  const auto directory = journal_in(here, 20);
  std::vector<std::uint64_t> records;
  int states = 0, snapshots = 0;
  const auto each = [&](const shown& one) {
    CHECK(one.wrong.empty());
    if (one.what == shown::kind::record) records.push_back(one.index);
    states += one.what == shown::kind::state;
    snapshots += one.what == shown::kind::snapshot;
    return true;
  };
  REQUIRE(show(directory, "", 19, each).has_value());
  CHECK(records == std::vector<std::uint64_t>{19, 20, 19, 20});
  CHECK(states == 2);
  CHECK(snapshots == 1);
  CHECK(show(directory, "three", 0, each).error().why == cause::missing);
}

TEST_CASE("journal inspect: a log that is damaged keeps what is before the place") {
  const scratch here;
  const auto directory = journal_in(here, 20);
  const auto log = files_of(directory, ".log").back();
  flip(log, written_in(log) / 4);
  const auto found = must_verify(directory);
  CHECK_FALSE(found.sound());
  REQUIRE_FALSE(found.wrong.empty());
  CHECK(found.wrong[0].find("is damaged at byte") != std::string::npos);
  const auto kept = must_repair(directory);
  REQUIRE(kept.size() == 1);  // the second group came after it
  CHECK(kept[0].records.last > 5);
  CHECK(kept[0].records.last < 15);
}

TEST_CASE("journal inspect: an acknowledged end that is missing is told, and cut by a repair") {
  const scratch here;
  const auto directory = journal_in(here, 20);
  const auto log = files_of(directory, ".log").back();
  fs::resize_file(log, written_in(log) - 3);
  const auto found = must_verify(directory);
  CHECK_FALSE(found.sound());
  REQUIRE(found.notes.size() == 1);
  CHECK(found.notes[0].find("torn") != std::string::npos);
  const auto kept = must_repair(directory);
  REQUIRE(kept.size() == 2);
  CHECK(kept[1].records == extent{0, 1, 20});  // what is gone is the snapshot
}

TEST_CASE("journal inspect: tables that are damaged or gone, and the list of them") {
  for (const std::string what : {"flip", "table", "list", "current"}) {
    CAPTURE(what);
    const scratch here;
    const auto directory = journal_in(here, 1500, 64 << 10);
    const auto tables = files_of(directory, ".sst");
    REQUIRE(tables.size() > 1);
    for (const auto& table : tables) {  // all: one alone may be of no use any more
      if (what == "flip") flip(table, fs::file_size(table) / 2);
      if (what == "table") fs::remove(table);
    }
    if (what == "current") fs::remove(directory / "db" / "CURRENT");
    if (what == "list")
      for (const auto& entry : fs::directory_iterator{directory / "db"})
        if (entry.path().filename().string().rfind("MANIFEST", 0) == 0) fs::remove(entry.path());
    CHECK_FALSE(must_verify(directory).sound());
    const bool starts = open_store({.directory = directory.string(), .node = "a"}).has_value();
    CHECK((what == "flip" || !starts));  // a table's blocks are read when its groups are loaded
    const auto kept = must_repair(directory);
    if (what == "list" || what == "current") {
      REQUIRE(kept.size() == 2);
      // not 1500: what the logs alone hold may go with the list (inspect.hpp, Beware)
      CHECK(kept[0].records.last > 1000);
      CHECK(kept[1].records.last > 500);
    }
  }
}

TEST_CASE("journal inspect: without the file that says whose it is, the name is asked for") {
  const scratch here;
  const auto directory = journal_in(here, 20);
  fs::remove(directory / "identity");
  CHECK_FALSE(must_verify(directory).sound());
  const auto refused = repair(directory, {});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().sentence.find("--node") != std::string::npos);
  const auto kept = must_repair(directory, {.node = "a"});
  REQUIRE(kept.size() == 2);
  CHECK(kept[1].records == extent{10, 11, 20});
}

TEST_CASE("journal inspect: what is no journal, or is in use, is not touched") {
  const scratch here;
  std::ofstream{here / "photo"} << "x";
  CHECK(verify(here.path()).error().why == cause::foreign);
  CHECK(repair(here.path(), {}).error().why == cause::foreign);
  CHECK(verify(here / "nowhere").error().why == cause::missing);
  const auto store = must_open({.directory = here / "journal", .node = "a"});
  CHECK(verify(here / "journal").error().why == cause::locked);
  CHECK(repair(here.path(), {}).error().why == cause::locked);  // a data directory: its journal
}
}  // namespace
}  // namespace troupe::journal

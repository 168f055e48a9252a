// Real files, damaged: whatever is done to one, a start gives what was acknowledged, or refuses with a sentence.
#include "journal_fixture.hpp"
#include "patterns/simulation/random.hpp"
#include "runtime/journal/directory.hpp"
#include "runtime/journal/inspect.hpp"
#include "runtime/journal/log_files.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

namespace troupe::journal {
namespace fs = std::filesystem;
namespace {
void write(const fs::path& file, const std::string& bytes) {
  std::ofstream{file, std::ios::binary | std::ios::trunc} << bytes;
}
std::vector<fs::path> files_of(const fs::path& directory, const std::string& extension = {}) {
  std::vector<fs::path> all;
  for (const auto& entry : fs::recursive_directory_iterator{directory})
    if (entry.is_regular_file() && (extension.empty() || entry.path().extension() == extension))
      all.push_back(entry.path());
  std::sort(all.begin(), all.end());
  return all;
}
void copy_tree(const fs::path& from, const fs::path& to) {
  fs::remove_all(to);
  fs::copy(from, to, fs::copy_options::recursive);
}

// A little of the room is enough for every try.
void leave_little_room(const fs::path& directory) {
  for (const auto& log : files_of(directory, ".log"))
    fs::resize_file(log, std::min<std::uintmax_t>(fs::file_size(log), written_in(log) + 100));
}

using contents = std::map<std::string, content>;
// What a start finds, in all groups; or the first refusal.
result<contents, failure> found_in(const fs::path& directory) {
  const auto opened = open_store({.directory = directory.string(), .node = "a"});
  if (!opened) return unexpected{opened.error()};
  const auto groups = (*opened)->groups();
  if (!groups) return unexpected{groups.error()};
  contents all;
  for (const auto& g : *groups) {
    auto one = (*opened)->open(g)->load();
    if (!one) return unexpected{one.error()};
    all[g] = std::move(*one);
  }
  return all;
}

// A journal as a killed process leaves it: copied while it is open, so that nothing is flushed.
struct killed {
  scratch here;
  fs::path live = here / "live", left = here / "left", trial = here / "trial";
  contents then;
  fs::path before = here / "before";  // and before the last write
  explicit killed(std::uint64_t write_buffer = 32 << 20, std::uint64_t records = 12) {
    auto store = must_open({.directory = live, .node = "a", .write_buffer = write_buffer});
    for (const std::string g : {"one", "two"}) {
      const auto log = store->open(g);
      must_load(*log);
      for (std::uint64_t i = 1; i <= records; ++i)
        must_put(*log,
                 {.state = "vote " + std::to_string(i), .append = {{i, 1, std::string(300, 'a')}}});
      must_put(*log, {.replace = covering(records / 2)});
      if (g == "two") copy_tree(live, before);
      must_put(*log, {.append = {{records + 1, 2, "the last one"}}});
    }
    if (write_buffer < (1 << 20)) store.reset();  // no flush or compaction under the copy
    leave_little_room(before);
    leave();
    const auto found = found_in(left);
    REQUIRE(found.has_value());
    then = *found;
    leave();
  }
  void leave() {
    copy_tree(live, left);
    leave_little_room(left);
  }
  result<contents, failure> damaged(const std::function<void(const fs::path&)>& how) {
    copy_tree(left, trial);
    how(trial);
    return found_in(trial);
  }
};

TEST_CASE("journal damage: each flipped byte of the last acknowledged write is refused") {
  killed k;
  REQUIRE(k.then["two"].records.back().bytes == "the last one");
  const auto log = files_of(k.left, ".log").back();
  const auto now = bytes_of(log);
  const auto then = written_in(k.before / "db" / log.filename()), end = written_in(log);
  REQUIRE(end > then);
  for (auto at = then; at < end; ++at) {
    CAPTURE(at - then);
    const auto found = k.damaged([&](const fs::path& trial) {
      auto bytes = now;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
      write(trial / "db" / log.filename(), bytes);
    });
    REQUIRE_FALSE(found.has_value());
    CHECK(found.error().why == cause::corrupted);
    CHECK(found.error().sentence.find("troupe journal repair") != std::string::npos);
    CHECK(bytes_of(k.trial / "db" / log.filename()).size() == now.size());  // nothing was cut
  }
}

// RocksDB's log parts a write where a block ends, be it within the twelve bytes that number it.
TEST_CASE("journal damage: a write that begins at the very end of a block is whole") {
  constexpr std::uint64_t block = 32'768;
  scratch here;
  std::set<std::uint64_t> rooms;
  for (std::uint64_t less = 0; less < 36; ++less) {
    const auto live = here / "live", left = here / "left";
    fs::remove_all(live);
    const auto store = must_open({.directory = live, .node = "a"});
    const auto log = store->open("one");
    must_load(*log);
    must_put(*log, {.append = {{1, 1, "the first one"}}});
    const auto file = files_of(live, ".log").back();
    const auto before = written_in(file);
    must_put(*log, {.append = {{2, 1, std::string(block - before - 90 - less, 'a')}}});
    const auto room = block - written_in(file) % block;
    must_put(*log, {.append = {{3, 1, "the last one"}}});
    copy_tree(live, left);
    CAPTURE(room);
    rooms.insert(room);
    const auto found = found_in(left);
    REQUIRE_MESSAGE(found.has_value(), found.error().sentence);
    CHECK(found->at("one").records.size() == 3);
    const auto bytes = bytes_of(file);
    const auto seen = scan_log(bytes);
    CHECK(seen.why == "");
    CHECK(seen.good_end + seen.room == bytes.size());
    auto torn =
        bytes;  // the write before it: what begins in the block's last bytes is seen to follow
    torn[before + 50] ^= 1;
    CHECK(scan_log(torn).more);
  }
  for (std::uint64_t room = 7; room < 7 + 12; ++room) CHECK(rooms.contains(room));
}

TEST_CASE("journal damage: a flipped bit in the middle names the file and the place") {
  killed k;
  const auto log = files_of(k.left, ".log").back();
  const auto size = written_in(log);
  const auto found = k.damaged([&](const fs::path& trial) {
    const auto file = trial / "db" / log.filename();
    auto bytes = bytes_of(file);
    bytes[size / 2] ^= 4;
    write(file, bytes);
  });
  REQUIRE_FALSE(found.has_value());
  CAPTURE(found.error().sentence);
  CHECK(found.error().why == cause::corrupted);
  CHECK(found.error().sentence.find(log.filename().string() + " is damaged at byte ") !=
        std::string::npos);
}

TEST_CASE(
    "journal damage: a write that was torn before it was acknowledged is cut, at every byte") {
  killed k;
  const auto log = files_of(k.left, ".log").back();
  const auto now = bytes_of(log);
  const auto then = written_in(k.before / "db" / log.filename()), end = written_in(log);
  auto without = k.then;
  without["two"].records.pop_back();
  for (auto size = then; size < end; ++size) {
    CAPTURE(size - then);
    for (const bool zeroed :
         {false, true}) {  // a power cut may leave the length, and not the bytes
      const auto found = k.damaged([&](const fs::path& trial) {
        auto bytes = now.substr(0, size);
        if (zeroed) bytes.resize(now.size());
        write(trial / "db" / log.filename(), bytes);
        fs::copy_file(k.before / "acknowledged", trial / "acknowledged",
                      fs::copy_options::overwrite_existing);
        const auto seen = verify(trial);  // whoever looks first sees what a start makes of it
        REQUIRE(seen.has_value());
        INFO((seen->wrong.empty() ? std::string{} : seen->wrong[0]));
        CHECK(seen->sound());
        CHECK(seen->notes.size() == (bytes.find_first_not_of('\0', then) != bytes.npos ? 1 : 0));
      });
      INFO((found ? std::string{} : found.error().sentence));
      REQUIRE(found.has_value());
      CHECK(*found == without);
    }
  }
}

TEST_CASE(
    "journal damage: the same tear is refused where the write was acknowledged, or nobody can "
    "tell") {
  killed k;
  const auto log = files_of(k.left, ".log").back();
  const auto tear = [&](const fs::path& trial) {
    fs::resize_file(trial / "db" / log.filename(), written_in(log) - 5);
  };
  const auto found = k.damaged(tear);
  REQUIRE_FALSE(found.has_value());
  CHECK(found.error().why == cause::corrupted);
  CHECK(found.error().sentence.find("acknowledged up to write") != std::string::npos);
  const auto blind = k.damaged([&](const fs::path& trial) {
    tear(trial);
    write(trial / "acknowledged", "nonsense");
  });
  REQUIRE_FALSE(blind.has_value());
  CHECK(blind.error().sentence.find("cannot be read") != std::string::npos);
  const auto cut = k.damaged([&](const fs::path& trial) {  // cleanly, before the last write
    fs::resize_file(trial / "db" / log.filename(), written_in(k.before / "db" / log.filename()));
  });
  REQUIRE_FALSE(cut.has_value());
  CHECK(cut.error().sentence.find("is missing") != std::string::npos);
}

// RocksDB deletes the logs that it needs no more in no order: after a kill the third may be there, and not the fourth.
TEST_CASE("journal damage: what is left of old logs does not count, whatever is in it") {
  for (const bool gap : {true, false}) {
    CAPTURE(gap);
    const scratch here;
    const fs::path live = here / "live", left = here / "left";
    fs::path old;
    std::string bytes;
    {
      const auto store = must_open({.directory = live, .node = "a", .write_buffer = 64 << 10});
      const auto log = store->open("one");
      must_load(*log);
      for (std::uint64_t i = 1; i <= 1500; ++i) {
        if (i == 3) {
          old = files_of(live, ".log").front().filename();
          bytes = bytes_of(live / "db" / old);
        }
        must_put(*log, {.append = {{i, 1, std::string(300, 'a')}}});
      }
    }
    copy_tree(live, left);
    const auto then = found_in(left);
    REQUIRE(then.has_value());
    REQUIRE(then->at("one").records.size() == 1500);
    REQUIRE_FALSE(fs::exists(left / "db" / old));
    copy_tree(live, left);
    if (!gap) bytes[bytes.size() / 3] ^= 1;
    write(left / "db" / old, bytes);
    const auto seen = verify(left);
    REQUIRE(seen.has_value());
    CHECK(seen->sound());
    const auto found = found_in(left);
    INFO((found ? std::string{} : found.error().sentence));
    REQUIRE(found.has_value());
    CHECK(*found == *then);
  }
}

TEST_CASE("journal damage: without its mark a journal that is whole starts") {
  killed k;
  const auto found = k.damaged([](const fs::path& trial) { fs::remove(trial / "acknowledged"); });
  REQUIRE(found.has_value());
  CHECK(*found == k.then);
}

// Small buffers, so that there are tables, several logs and a list of them.
TEST_CASE("journal damage: a file that is not there") {
  killed k{64 << 10, 300};
  REQUIRE(files_of(k.left, ".sst").size() > 1);
  int refused = 0;
  for (const auto& file : files_of(k.left)) {
    const auto name = file.lexically_relative(k.left);
    CAPTURE(name.string());
    const auto found = k.damaged([&](const fs::path& trial) { fs::remove(trial / name); });
    if (found) {
      CHECK(*found == k.then);
      continue;
    }
    ++refused;
    CAPTURE(found.error().sentence);
    CHECK((found.error().why == cause::missing || found.error().why == cause::corrupted));
    CHECK(found.error().sentence.find("troupe journal verify") != std::string::npos);
    if (name.extension() == ".sst" || name.filename() == "identity")
      CHECK(found.error().sentence.find(name.filename().string()) != std::string::npos);
  }
  CHECK(refused >= 5);
}

TEST_CASE("journal damage: any flipped bit in any file gives what was acknowledged, or a refusal") {
  killed k{64 << 10, 300};
  int refused = 0;
  for (std::uint64_t seed = 1; seed <= 120; ++seed) {
    CAPTURE(seed);
    simulation::generator chance{seed};
    const auto all = files_of(k.left);
    const auto name =
        all[static_cast<std::size_t>(chance.below(all.size()))].lexically_relative(k.left);
    const auto found = k.damaged([&](const fs::path& trial) {
      auto bytes = bytes_of(trial / name);
      if (bytes.empty()) return;
      auto& byte = bytes[static_cast<std::size_t>(chance.below(bytes.size()))];
      byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << chance.below(8)));
      write(trial / name, bytes);
    });
    CAPTURE(name.string());
    if (found)
      CHECK(*found == k.then);
    else
      ++refused;
  }
  CHECK(refused > 20);
}

TEST_CASE("journal damage: another journal's log in the place of its own") {
  killed k, other{32 << 20, 20};
  const auto log = files_of(k.left, ".log").back().filename();
  const auto found = k.damaged([&](const fs::path& trial) {
    write(trial / "db" / log, bytes_of(other.before / "db" / log).substr(0, 2000));
  });
  CHECK_FALSE(found.has_value());
}
}  // namespace
}  // namespace troupe::journal

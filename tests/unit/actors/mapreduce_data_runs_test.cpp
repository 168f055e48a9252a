#include "actors/mapreduce/job.hpp"
#include "actors/mapreduce/map_buffer.hpp"
#include "actors/mapreduce/reduce_input.hpp"
#include "patterns/mapreduce/partition.hpp"
#include "seeds.hpp"
#include "temp_directory.hpp"

#include <algorithm>
#include <deque>
#include <filesystem>
#include <map>
#include <random>

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace troupe::mapreduce;
using troupe::test::read_file;
using troupe::test::temp_directory;
using troupe::test::write_file;
using pairs = std::vector<std::pair<std::string, std::string>>;

struct plain : job_of<std::string, std::string> {
  void map(const record&, auto&) {}
  void reduce(const std::string&, auto&, auto&) {}
};
struct longest : plain {  // combines, but not in place
  void combine(std::string& into, const std::string& more) {
    if (more.size() > into.size() || (more.size() == into.size() && more > into)) into = more;
  }
};
struct sum : job_of<std::string, std::uint64_t> {
  void map(const record&, auto&) {}
  void combine(std::uint64_t& into, std::uint64_t more) { into += more; }
};

std::string bytes_of(const map_output& out, std::uint32_t part) {
  std::string bytes(out.segments[part].bytes, '\0');
  file::open(out.file).read(bytes.data(), bytes.size(), out.segments[part].offset);
  return bytes;
}
pairs read_run(const std::string& bytes) {
  pairs read;
  for (run_reader run{std::string_view{bytes}}; run.next();)
    read.emplace_back(run.key(), run.value());
  return read;
}
// Keys with any bytes, many of them alike, some empty, some longer than 16 or than the buffer.
std::string random_key(std::mt19937_64& random) {
  const auto n = random() % 100;
  const std::size_t size = n < 5    ? 0
                           : n < 80 ? 1 + random() % 3
                           : n < 99 ? random() % 60
                                    : random() % 40'000;
  std::string key(size, '\0');
  for (auto& c : key)
    c = "\0\t\n\xff"
        "ab"[random() % 6];
  return key;
}

// Hands out segments in bits, in a random order, some of them twice as after a mapper's death.
class scripted_shuffle final : public shuffle {
 public:
  scripted_shuffle(std::vector<std::string> segments, std::uint64_t seed) : random_{seed} {
    std::vector<std::uint32_t> open;
    for (std::uint32_t map = 0; map < segments.size(); ++map)
      if (!segments[map].empty()) open.push_back(map);
    std::map<std::uint32_t, std::size_t> sent;
    while (!open.empty()) {
      const auto map = open[random_() % open.size()];
      if (sent[map] > 0 && random_() % 20 == 0) {
        events_.push_back({.what = shuffle_event::kind::dropped, .map = map});
        sent[map] = 0;
        continue;
      }
      const auto size =
          std::min<std::size_t>(1 + random_() % 30'000, segments[map].size() - sent[map]);
      shuffle_event e{.what = shuffle_event::kind::data,
                      .map = map,
                      .data = segments[map].substr(sent[map], size)};
      sent[map] += size;
      e.last = sent[map] == segments[map].size();
      e.part.bytes = segments[map].size();
      if (e.last) std::erase(open, map);
      events_.push_back(std::move(e));
    }
    events_.push_back({.what = shuffle_event::kind::finished});
  }
  shuffle_event next() override {
    auto e = std::move(events_.front());
    events_.pop_front();
    return e;
  }
  void unreadable(std::uint32_t, std::uint32_t) override {}

 private:
  std::mt19937_64 random_;
  std::deque<shuffle_event> events_{};
};

pairs read_groups(reduce_input& input) {
  pairs read;
  while (input.next_group())
    for (std::string_view value; input.next_value(value);) read.emplace_back(input.key(), value);
  return read;
}
}  // namespace

TEST_CASE(
    "map buffer and reduce input: every record arrives, sorted, equal keys in order, within any "
    "bound") {
  temp_directory directory;
  for (auto seed : test::seeds()) {
    for (const std::uint64_t memory :
         {std::uint64_t{1}, std::uint64_t{100'000}, std::uint64_t{64} << 20}) {
      CAPTURE(seed);
      CAPTURE(memory);
      std::mt19937_64 random{seed};
      const std::uint32_t parts = seed % 2 == 0 ? 1 : 7;
      const auto job = describe_job<plain>("plain", "");
      const auto code = job.make({});
      std::map<std::uint32_t, pairs> expected;
      std::vector<map_output> outputs;
      for (std::uint32_t map = 0; map < 12; ++map) {
        map_buffer buffer{job,
                          *code,
                          {.parts = parts,
                           .memory = memory,
                           .path = (directory / ("m" + std::to_string(map))).string()}};
        const auto records = map == 3 ? 0 : random() % 500;
        for (std::uint64_t i = 0; i < records; ++i) {
          const auto key = random_key(random),
                     value = std::to_string(map) + "." + std::to_string(i);
          buffer.add(key, value);
          expected[hash_partition(key, parts)].emplace_back(key, value);
        }
        outputs.push_back(buffer.finish());
        if (memory == 1 && records > 400) CHECK(buffer.spilled_records() >= records);
      }
      for (std::uint32_t part = 0; part < parts; ++part) {
        std::stable_sort(expected[part].begin(), expected[part].end(),
                         [](auto& a, auto& b) { return a.first < b.first; });
        std::vector<std::string> segments;
        for (const auto& out : outputs) segments.push_back(bytes_of(out, part));
        scripted_shuffle shuffled{segments, seed};
        reduce_input input{{.maps = 12, .memory = memory, .path = (directory / "spill").string()}};
        input.fetch(shuffled);
        input.merge();
        CHECK(read_groups(input) == expected[part]);
      }
      for (const auto& out : outputs) std::filesystem::remove(out.file);
      CHECK(std::filesystem::is_empty(directory.path()));
    }
  }
}

TEST_CASE("map buffer: combined in place, combined in merges, and not at all give the same sums") {
  temp_directory directory;
  for (auto seed : test::seeds()) {
    for (const std::uint64_t memory :
         {std::uint64_t{1}, std::uint64_t{200'000}, std::uint64_t{64} << 20}) {
      CAPTURE(seed);
      CAPTURE(memory);
      std::mt19937_64 random{seed};
      const auto job = describe_job<sum>("sum", "");
      const auto code = job.make({});
      REQUIRE(job.in_place);
      map_buffer buffer{
          job, *code, {.parts = 3, .memory = memory, .path = (directory / "m").string()}};
      std::map<std::string, std::uint64_t> expected;
      for (int i = 0; i < 2000; ++i) {
        const auto key = random_key(random);
        const std::uint64_t n = random() % 1000;
        buffer.combine(hashed_key{key}, n, [&](std::uint64_t& there) { there += n; });
        expected[key] += n;
      }
      CHECK(buffer.emitted == 2000);
      const auto out = buffer.finish();
      if (memory == 1) CHECK(buffer.spilled_records() > 0);
      std::map<std::string, std::uint64_t> found;
      for (std::uint32_t part = 0; part < 3; ++part) {
        const auto run = read_run(bytes_of(out, part));
        CHECK(std::is_sorted(run.begin(), run.end()));
        CHECK(out.segments[part].records == run.size());
        CHECK(out.segments[part].checksum == checksum_of(bytes_of(out, part)));
        for (const auto& [key, value] : run) {
          CHECK(hash_partition(key, 3) == part);
          CHECK(found.count(key) == 0);  // one record a key
          std::memcpy(&found[key], value.data(), 8);
        }
      }
      CHECK(found == expected);
      std::filesystem::remove(out.file);
    }
  }
}

TEST_CASE("map buffer: a combine of values of any size leaves one record a key") {
  temp_directory directory;
  const auto job = describe_job<longest>("longest", "");
  REQUIRE(!job.in_place);
  const auto code = job.make({});
  for (const std::uint64_t memory : {std::uint64_t{1}, std::uint64_t{64} << 20}) {
    map_buffer buffer{job, *code, {.memory = memory, .path = (directory / "m").string()}};
    for (int i = 0; i < 9000; ++i)
      buffer.add("key" + std::to_string(i % 7),
                 std::string(static_cast<std::size_t>(i % 100), 'x'));
    const auto run = read_run(bytes_of(buffer.finish(), 0));
    REQUIRE(run.size() == 7);
    for (const auto& [key, value] : run) CHECK(value == std::string(99, 'x'));
    std::filesystem::remove(directory / "m.out");
  }
}

TEST_CASE("hashed key: the padded form is the plain one, whatever lies behind the key") {
  std::mt19937_64 random{1};
  std::string text(100, '\0');
  for (std::size_t size = 0; size < 80; ++size) {
    for (auto& c : text) c = static_cast<char>(random());
    const hashed_key plain{std::string_view{text}.substr(0, size)};
    const auto padded = hashed_key::padded(text.data(), size);
    CHECK(plain.head[0] == padded.head[0]);
    CHECK(plain.head[1] == padded.head[1]);
    CHECK(plain.hash == padded.hash);
  }
}

TEST_CASE("runs: no damage goes unseen, and none is read beyond") {
  temp_directory directory;
  const auto path = (directory / "run").string();
  std::string bytes;
  {
    auto f = file::create(path);
    file_writer to{f};
    run_writer run{to};
    for (int i = 0; i < 200; ++i)
      run.add("key" + std::to_string(1000 + i), std::string(static_cast<std::size_t>(i), 'v'));
    const auto s = run.finish();
    bytes = read_file(path);
    CHECK(s.records == 200);
    CHECK(s.bytes == bytes.size());
    CHECK(s.checksum == checksum_of(bytes));
  }
  REQUIRE(read_run(bytes).size() == 200);
  std::mt19937_64 random{7};
  for (int i = 0; i < 500; ++i) {
    auto broken = bytes;
    broken[random() % broken.size()] ^= static_cast<char>(1 << random() % 8);
    CHECK_THROWS_AS(read_run(broken), task_error);
  }
  for (std::size_t cut = 1; cut < bytes.size(); cut += 97) {
    CHECK_THROWS_AS(read_run(bytes.substr(0, cut)), task_error);
    write_file(path, bytes.substr(0, cut));
    const auto f = file::open(path);
    run_reader run{f, 0, bytes.size()};
    CHECK_THROWS_AS(
        [&] {
          while (run.next()) continue;
        }(),
        task_error);
  }
}

TEST_CASE("reduce input: groups that nobody reads are passed over") {
  temp_directory directory;
  const auto path = (directory / "run").string();
  auto f = file::create(path);
  file_writer to{f};
  run_writer run{to};
  for (const char* key : {"a", "a", "b", "c", "c", "c"}) run.add(key, key);
  const auto s = run.finish();
  scripted_shuffle shuffled{{read_file(path)}, 1};
  reduce_input input{{.maps = 1, .path = (directory / "spill").string()}};
  input.fetch(shuffled);
  input.merge();
  std::string_view value;
  CHECK(input.next_group());  // a, untouched
  CHECK(input.next_group());
  CHECK(input.key() == "b");
  CHECK(input.next_value(value));
  CHECK(!input.next_value(value));
  CHECK(!input.next_value(value));
  CHECK(input.next_group());
  CHECK(input.next_value(value));  // c, in part
  CHECK(!input.next_group());
  CHECK(!input.next_value(value));
  CHECK(input.groups() == 3);
  CHECK(s.records == 6);
}

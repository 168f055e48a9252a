#include "actors/mapreduce/job.hpp"
#include "actors/mapreduce/split_reader.hpp"
#include "patterns/mapreduce/splits.hpp"
#include "seeds.hpp"
#include "temp_directory.hpp"

#include <filesystem>
#include <random>

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace troupe::mapreduce;
using troupe::test::temp_directory;
using troupe::test::write_file;

// Never run: the reader asks it for its separators alone.
struct by_line : job_of<std::string, nothing> {
  void map(const record&, auto&) {}
  void reduce(const std::string&, auto&, auto&) {}
};
struct by_space : by_line {
  static constexpr auto input_format = records::blocks;
  static constexpr bool separator(char c) { return c == ' '; }
};
struct by_block : by_line {
  static constexpr auto input_format = records::blocks;
};
struct by_file : by_line {
  static constexpr auto input_format = records::files;
};

struct seen {
  std::string text;
  std::uint64_t offset;
  bool operator==(const seen&) const = default;
};

template <class Job>
std::vector<seen> read(reading what) {
  const auto job = describe_job<Job>("test", "");
  const auto code = job.make({});
  split_reader reader{job, *code, std::move(what)};
  std::vector<seen> blocks;
  block b;
  while (reader.next(b)) {
    CHECK(b.begin < b.end);
    blocks.push_back({{b.begin, b.end}, b.offset});
  }
  return blocks;
}

std::string joined(const std::vector<seen>& blocks) {
  std::string text;
  for (const auto& b : blocks) text += b.text;
  return text;
}

reading of(const std::string& path, std::uint64_t offset, std::uint64_t length) {
  reading what;
  what.input.pieces = {{path, offset, length}};
  what.input.bytes = length;
  return what;
}

template <class Job>
std::string error_of(reading what) {
  try {
    read<Job>(std::move(what));
  } catch (const task_error& e) {
    return e.what();
  }
  return "no error";
}
}  // namespace

TEST_CASE(
    "split reader: each line is read once, by the piece it starts in, wherever the cuts are") {
  temp_directory directory;
  const auto path = (directory / "f").string();
  for (const std::string text :
       {"a\nbb\n\nccc\r\nd", "a\nbb\n\nccc\r\nd\n", "\n\n\n", "x", "abc", "\n", "ab\n\ncd\n\n"}) {
    CAPTURE(text);
    write_file(path, text);
    for (std::uint64_t begin = 0; begin < text.size(); ++begin)
      for (std::uint64_t end = begin + 1; end <= text.size(); ++end) {
        const auto blocks = read<by_line>(of(path, begin, end - begin));
        CAPTURE(begin);
        CAPTURE(end);
        CHECK(joined(blocks) == records_in(text, begin, end - begin));
      }
  }
}

TEST_CASE("split reader: random texts longer than its buffer, in random pieces") {
  temp_directory directory;
  const auto path = (directory / "f").string();
  for (auto seed : test::seeds()) {
    CAPTURE(seed);
    std::mt19937_64 random{seed};
    std::string text;
    while (text.size() < 1'500'000) {
      const std::size_t size = random() % 20 == 0 ? random() % 600'000 : random() % 2000;
      text.append(size, static_cast<char>('a' + random() % 26)).push_back('\n');
    }
    if (seed % 2 == 0) text.pop_back();
    write_file(path, text);
    std::string all;
    for (std::uint64_t at = 0; at < text.size();) {
      const auto length = std::min<std::uint64_t>(1 + random() % 700'000, text.size() - at);
      const auto blocks = read<by_line>(of(path, at, length));
      CHECK(joined(blocks) == records_in(text, at, length));
      for (const auto& b : blocks) CHECK(text.compare(b.offset, b.text.size(), b.text) == 0);
      all += joined(blocks);
      at += length;
    }
    CHECK(all == text);
  }
}

TEST_CASE(
    "split reader: a job's own separators, and single records where a bad one is looked for") {
  temp_directory directory;
  const auto path = (directory / "f").string();
  write_file(path, "one two\nthree four");
  CHECK(joined(read<by_space>(of(path, 0, 5))) == "one two\nthree ");
  CHECK(joined(read<by_space>(of(path, 5, 13))) == "four");
  auto single = of(path, 0, 18);
  single.single_records = true;
  CHECK(read<by_space>(single) == std::vector<seen>{{"one ", 0}, {"two\nthree ", 4}, {"four", 14}});
  CHECK(read<by_block>(single) == std::vector<seen>{{"one two\n", 0}, {"three four", 8}});
  CHECK(read<by_block>(of(path, 0, 18)) == std::vector<seen>{{"one two\nthree four", 0}});
}

TEST_CASE("split reader: many small files, an empty piece list, a whole file that was cut") {
  temp_directory directory;
  reading what;
  std::string expected;
  for (int i = 0; i < 300; ++i) {
    const auto path = (directory / std::to_string(i)).string();
    write_file(path, std::to_string(i));
    what.input.pieces.push_back({path, 0, std::to_string(i).size()});
    expected += std::to_string(i);
  }
  CHECK(joined(read<by_line>(what)) == expected);
  CHECK(read<by_file>(what).size() == 300);
  CHECK(read<by_line>({}).empty());
  const auto path = (directory / "cut").string();
  write_file(path, "1\n2\n3\n");
  CHECK(read<by_file>(of(path, 0, 2)) == std::vector<seen>{{"1\n2\n3\n", 0}});
  CHECK(read<by_file>(of(path, 2, 4)).empty());
}

TEST_CASE("split reader: what cannot be read is named") {
  temp_directory directory;
  const auto path = (directory / "f").string();
  CHECK(error_of<by_line>(of(path, 0, 1)).find("cannot open " + path) == 0);
  CHECK(error_of<by_line>(of(path, 0, 1)).find("file system that all nodes see") !=
        std::string::npos);
  write_file(path, "abc");
  CHECK(error_of<by_line>(of(path, 0, 4)).find("shorter than when the job was planned") !=
        std::string::npos);
  CHECK(error_of<by_line>(of(path, 2, 4)).find("shorter than when the job was planned") !=
        std::string::npos);
  CHECK(error_of<by_line>(of(directory.path().string(), 0, 4)).find("cannot read") == 0);
  write_file(path, std::string(1000, 'x') + "\nshort\n");
  auto bounded = of(path, 0, 1007);
  bounded.record_max = 999;
  CHECK(error_of<by_line>(bounded) == "no error");  // what fits the buffer is read at one go
  write_file(path, "short\n" + std::string(400'000, 'x') + "\n");
  bounded = of(path, 0, 400'007);
  bounded.record_max = 300'000;
  const auto error = error_of<by_line>(bounded);
  CHECK(error.find("at offset 6 is longer than 300000 bytes: raise troupe.record_bytes_max") !=
        std::string::npos);
}

// Runs jobs in this process and reads what they wrote.
#pragma once
#include "actors/mapreduce/local_runner.hpp"
#include "temp_directory.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>
namespace troupe::test {
inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

// One job with a directory of its own for input, output and local files.
struct local_job {
  temp_directory directory{};
  mapreduce::job_spec spec{};
  mapreduce::local_options options{};

  explicit local_job(const std::string& name, std::uint32_t reducers = 1) {
    std::filesystem::create_directories(directory / "in");
    std::filesystem::create_directories(directory / "local");
    spec.id = "job";
    spec.name = name;
    spec.inputs = {(directory / "in").string()};
    spec.output = (directory / "out").string();
    spec.reducers = reducers;
    options.directory = (directory / "local").string();
  }
  local_job& input(const std::string& file, const std::string& bytes) {
    std::filesystem::create_directories((directory / "in" / file).parent_path());
    write_file(directory / "in" / file, bytes);
    return *this;
  }
  std::string path(const std::string& file) const { return (directory / "in" / file).string(); }

  mapreduce::counters_map run() {
    auto done = mapreduce::run_local(spec, options);
    if (!done) FAIL(done.error());
    CHECK(std::filesystem::exists(directory / "out" / "_SUCCESS"));
    CHECK(!std::filesystem::exists(directory / "out" / "_temporary"));
    CHECK(std::filesystem::is_empty(directory / "local"));
    return *done;
  }
  // The sentence of a run that must fail, and leave nothing.
  std::string failure() {
    auto done = mapreduce::run_local(spec, options);
    CHECK(std::filesystem::is_empty(directory / "local"));
    if (done) FAIL("the job succeeded");
    CHECK(!std::filesystem::exists(directory / "out"));
    return done.error();
  }
  std::string part(std::uint32_t number) const {
    char name[32];
    std::snprintf(name, sizeof name, "part-%05u", number);
    const auto file = directory / "out" / name;
    CHECK(std::filesystem::exists(file));
    return read_file(file);
  }
  std::vector<std::string> lines()
      const {  // of all parts, part after part; each part must be sorted
    std::vector<std::string> all;
    for (std::uint32_t p = 0; p < spec.reducers; ++p)
      for (auto& line : lines_of(part(p))) all.push_back(std::move(line));
    return all;
  }
  std::vector<std::string> sorted_lines() const {
    auto all = lines();
    std::sort(all.begin(), all.end());
    return all;
  }
};

// Text with words and separators of any kind: some long, some lines empty, some with \r\n, no newline at the end.
inline std::string random_text(std::uint64_t seed, std::size_t bytes) {
  std::mt19937_64 random{seed};
  const std::string letters = "abcXYZ019_";
  const std::string separators = " \t.-+\n\n\r\x80\xff";
  std::string text;
  while (text.size() < bytes) {
    const std::size_t size = random() % 40 == 0 ? random() % 200 : 1 + random() % 3;
    for (std::size_t i = 0; i < size; ++i) text.push_back(letters[random() % letters.size()]);
    for (auto n = 1 + random() % 2; n > 0; --n)
      text.push_back(separators[random() % separators.size()]);
  }
  text.resize(bytes);
  return text;
}
}  // namespace troupe::test

#include "local_job.hpp"
#include "seeds.hpp"

#include <cctype>
#include <map>
#include <regex>
#include <set>
namespace {
using namespace troupe;
using namespace troupe::test;
using inputs = std::map<std::string, std::string>;  // file -> bytes

std::vector<std::string> words_in(const std::string& text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if ((std::isalnum(static_cast<unsigned char>(c)) != 0 && static_cast<unsigned char>(c) < 128) ||
        c == '_') {
      words.back().push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

std::vector<std::string> counted(const inputs& files) {
  std::map<std::string, std::uint64_t> counts;
  for (const auto& [file, text] : files)
    for (const auto& word : words_in(text)) ++counts[word];
  std::vector<std::string> lines;
  for (const auto& [word, count] : counts) lines.push_back(word + "\t" + std::to_string(count));
  std::sort(lines.begin(), lines.end());
  return lines;
}

local_job& fill(local_job& job, const inputs& files) {
  for (const auto& [file, text] : files) job.input(file, text);
  return job;
}

inputs random_inputs(std::uint64_t seed) {
  return {{"a.txt", random_text(seed, 8'000)},
          {"b/c.txt", random_text(seed + 1000, 2'000)},
          {"b/d.txt", random_text(seed + 2000, 1)},
          {"empty", ""},
          {"nolf", "the last line"},
          {"crlf", "one\r\ntwo\r\n\r\nthree"}};
}

struct shape {
  std::uint32_t reducers;
  std::uint64_t split_bytes;
  std::uint64_t memory;
  std::uint32_t threads;
};
constexpr shape shapes[] = {{1, 0, 64 << 20, 1},
                            {7, 1000, 64 << 20, 2},
                            {1, 1 << 20, 1, 1},
                            {7, 7777, 1, 2},
                            {2, 64, 1, 2}};

void set(local_job& job, const shape& s) {
  job.spec.split_bytes = s.split_bytes;
  job.spec.memory_bytes = s.memory;
  job.options.threads = s.threads;
}
}  // namespace

TEST_CASE("wordcount counts what a sequential count counts, whatever splits, bounds and parts") {
  for (auto seed : seeds()) {
    const auto files = random_inputs(seed);
    for (const auto& s : shapes) {
      CAPTURE(seed);
      CAPTURE(s.split_bytes);
      CAPTURE(s.reducers);
      local_job job{"wordcount", s.reducers};
      set(fill(job, files), s);
      const auto counters = job.run();
      CHECK(job.sorted_lines() == counted(files));
      for (std::uint32_t p = 0; p < s.reducers; ++p) {
        const auto part = lines_of(job.part(p));
        std::vector<std::string> keys;
        for (const auto& line : part) keys.push_back(line.substr(0, line.find('\t')));
        CHECK(std::is_sorted(keys.begin(), keys.end()));
      }
      if (s.memory == 1) CHECK(counters.at("troupe.spilled_records") > 0);
    }
  }
}

TEST_CASE("wordcount: a text without a line is cut between words all the same") {
  local_job job{"wordcount", 2};
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "Word" + std::to_string(i % 10) + " ";
  job.input("one", text);
  job.spec.split_bytes = 100;
  job.run();
  std::vector<std::string> expected;
  for (int i = 0; i < 10; ++i) expected.push_back("word" + std::to_string(i) + "\t200");
  CHECK(job.sorted_lines() == expected);
}

TEST_CASE("sort puts all lines in order over all parts") {
  for (auto seed : seeds()) {
    const auto files = random_inputs(seed);
    std::vector<std::string> expected;
    for (const auto& [file, text] : files)
      for (auto& line : lines_of(text)) expected.push_back(line);
    std::sort(expected.begin(), expected.end());
    for (const auto& s : shapes) {
      CAPTURE(seed);
      CAPTURE(s.split_bytes);
      CAPTURE(s.reducers);
      local_job job{"sort", s.reducers};
      set(fill(job, files), s);
      job.run();
      CHECK(job.lines() == expected);
      if (s.reducers == 7 && s.memory != 1) {  // samples cut where the lines are
        int used = 0;
        for (std::uint32_t p = 0; p < 7; ++p) used += job.part(p).empty() ? 0 : 1;
        CHECK(used >= 5);
      }
    }
  }
}

TEST_CASE("inverted-index names each file of a word once, in order") {
  const auto files = random_inputs(3);
  for (const auto& s : shapes) {
    CAPTURE(s.split_bytes);
    local_job job{"inverted-index", s.reducers};
    set(fill(job, files), s);
    job.run();
    std::map<std::string, std::set<std::string>> index;
    for (const auto& [file, text] : files)
      for (const auto& word : words_in(text)) index[word].insert(job.path(file));
    std::vector<std::string> expected;
    for (const auto& [word, where] : index) {
      expected.push_back(word);
      for (const auto& file : where) expected.back() += "\t" + file;
    }
    std::sort(expected.begin(), expected.end());
    CHECK(job.sorted_lines() == expected);
  }
}

TEST_CASE("grep finds the lines, with their numbers in the file, over any splits") {
  const auto files = random_inputs(5);
  struct row {
    const char *pattern, *same, *output, *fixed, *ignore_case;
  };
  // std::regex is the sequential answer; `same` is the pattern in its words
  for (const auto& r :
       {row{"ab", "ab", "lines", "no", "no"}, row{"^a.*[0-9]$", "^a.*[0-9]$", "lines", "no", "no"},
        row{"a|^$", "a|^$", "counts", "no", "no"}, row{"+", "\\+", "lines", "yes", "no"},
        row{"xy", "[xX][yY]", "lines", "yes", "yes"},
        row{"nowhere", "nowhere", "counts", "no", "no"}}) {
    for (const auto& s : shapes) {
      CAPTURE(r.pattern);
      CAPTURE(s.split_bytes);
      local_job job{"grep", s.reducers};
      set(fill(job, files), s);
      job.spec.settings = {{"pattern", r.pattern},
                           {"output", r.output},
                           {"fixed", r.fixed},
                           {"ignore-case", r.ignore_case}};
      job.run();
      std::vector<std::string> expected;
      const std::regex regex{r.same, std::regex::extended};
      for (const auto& [file, text] : files) {
        int number = 0, matches = 0;
        for (const auto& line : lines_of(text)) {
          ++number;
          if (!std::regex_search(line, regex)) continue;
          ++matches;
          if (std::string{r.output} == "lines")
            expected.push_back(job.path(file) + ":" + std::to_string(number) + ":" + line);
        }
        if (std::string{r.output} == "counts" && matches > 0)
          expected.push_back(job.path(file) + ":" + std::to_string(matches));
      }
      std::sort(expected.begin(), expected.end());
      CHECK(job.sorted_lines() == expected);
    }
  }
}

TEST_CASE("grep refuses what it cannot use, before the first task") {
  local_job job{"grep"};
  job.input("a", "text\n");
  CHECK(job.failure().find("needs --set pattern=") != std::string::npos);
  job.spec.settings = {{"pattern", "("}};
  CHECK(job.failure().find("is no regular expression") != std::string::npos);
  job.spec.settings = {{"pattern", "a"}, {"patern", "a"}};
  CHECK(job.failure().find("did you mean pattern") != std::string::npos);
  job.spec.settings = {{"pattern", "a"}, {"fixed", "maybe"}};
  CHECK(job.failure().find("it can be yes or no") != std::string::npos);
}

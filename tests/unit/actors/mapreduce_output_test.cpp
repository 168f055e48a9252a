// The output directory: one job's alone, whoever comes late.
#include "actors/mapreduce/file.hpp"
#include "actors/mapreduce/output_directory.hpp"
#include "actors/mapreduce/task_code.hpp"
#include "file_limit.hpp"
#include "temp_directory.hpp"

#include <atomic>
#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
namespace {
using namespace troupe::mapreduce;
using namespace troupe::test;
namespace fs = std::filesystem;

std::map<std::string, std::string> files_in(const std::string& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator{directory})
    files[entry.path().string()] = entry.is_directory() ? "" : read_file(entry.path());
  return files;
}
}  // namespace

TEST_CASE("output directory: commit and finish may come twice, half a part is never seen") {
  temp_directory directory;
  const auto out = (directory / "a" / "b" / "out").string();
  prepare_output(out, "token");
  find_output(out, "token");
  CHECK_THROWS_AS(find_output(out, "toke"), task_error);
  CHECK_THROWS_AS(find_output(out, "token2"), task_error);
  CHECK_THROWS_AS(find_output(out, ""), task_error);
  const auto first = attempt_file(out, "token", 0, 1), second = attempt_file(out, "token", 0, 2);
  write_file(first, "part");
  write_file(second, "part");
  commit_part(out, "token", 0, first);
  commit_part(out, "token", 0, first);
  CHECK(read_file(out + "/part-00000") == "part");
  CHECK_THROWS_WITH_AS(finish_output(out, "token", 2), doctest::Contains("lacks part-00001"),
                       task_error);
  CHECK_THROWS_AS(commit_part(out, "token", 1, attempt_file(out, "token", 1, 1)), task_error);
  finish_output(out, "token", 1);
  finish_output(out, "token", 1);
  CHECK(fs::exists(out + "/_SUCCESS"));
  CHECK_FALSE(fs::exists(out + "/_temporary"));
  abort_output(out, "token", 1);  // it is over: there is nothing to abort
  CHECK(fs::exists(out + "/part-00000"));
}

TEST_CASE("output directory: who comes late finds another job's, and touches nothing") {
  temp_directory directory;
  const auto out = (directory / "out").string();
  prepare_output(out, "first");
  const auto stale = attempt_file(out, "first", 0, 1);
  write_file(stale, "first's");
  fs::remove_all(out);
  prepare_output(out, "second");
  const auto attempt = attempt_file(out, "second", 1, 1);
  CHECK(stale != attempt_file(out, "second", 0, 1));
  write_file(attempt, "second's");
  write_file(out + "/part-00000", "second's");
  const auto before = files_in(out);
  abort_output(out, "first", 2);
  CHECK_THROWS_WITH_AS(commit_part(out, "first", 0, stale),
                       doctest::Contains("no longer this job's"), task_error);
  CHECK_THROWS_AS(finish_output(out, "first", 1), task_error);
  CHECK_THROWS_AS(file::create(stale), task_error);    // an attempt that still runs
  CHECK_THROWS_AS(file::create(attempt), task_error);  // not even one of its own name
  CHECK(files_in(out) == before);
  commit_part(out, "second", 1, attempt);
  finish_output(out, "second", 2);
}

TEST_CASE("output directory: a preparation that fails leaves nothing, and can be repeated") {
  temp_directory directory;
  const auto out = (directory / "out").string();
  {
    const file_limit full{3};
    CHECK_THROWS_WITH_AS(prepare_output(out, "token"), doctest::Contains("cannot write"),
                         task_error);
  }
  CHECK_FALSE(fs::exists(out));
  fs::create_directory(out);
  {
    const file_limit full{3};
    CHECK_THROWS_AS(prepare_output(out, "token"), task_error);
  }
  CHECK(fs::is_empty(out));  // it was there before
  prepare_output(out, "token");
  CHECK_THROWS_WITH_AS(prepare_output(out, "other"), doctest::Contains("in use by another job"),
                       task_error);
  find_output(out, "token");
}

TEST_CASE("output directory: of two jobs that want one directory at the same moment one gets it") {
  temp_directory directory;
  for (int round = 0; round < 200; ++round) {
    const auto out = (directory / std::to_string(round)).string();
    fs::create_directory(out);
    std::atomic<int> ready{0}, got{0};
    const auto want = [&](const char* token) {
      for (++ready; ready < 2;) continue;
      try {
        prepare_output(out, token);
        find_output(out, token);
        ++got;
      } catch (const task_error&) {
      }
    };
    std::thread other{want, "one"};
    want("two");
    other.join();
    REQUIRE(got == 1);
  }
}

TEST_CASE("output directory: a job that cannot clear away has not succeeded, and takes all back") {
  temp_directory directory;
  const auto out = (directory / "out").string();
  prepare_output(out, "token");
  const auto attempt = attempt_file(out, "token", 0, 1);
  write_file(attempt, "part");
  commit_part(out, "token", 0, attempt);
  const auto in_the_way = out + "/_temporary/of-token-removed";
  fs::create_directory(in_the_way);
  write_file(in_the_way + "/letter", "");
  CHECK_THROWS_WITH_AS(finish_output(out, "token", 1),
                       doctest::Contains("cannot remove the temporary files"), task_error);
  abort_output(out, "token", 1);
  CHECK_FALSE(fs::exists(out + "/_SUCCESS"));
  CHECK_FALSE(fs::exists(out + "/part-00000"));
  CHECK(fs::exists(in_the_way + "/letter"));
}

TEST_CASE("output directory: of a job's masters only the last can name parts") {
  temp_directory directory;
  const auto out = (directory / "out").string();
  prepare_output(out, "token", 10);
  const auto first = attempt_file(out, "token", 0, 1, 10), second = attempt_file(out, "token", 1, 1, 10);
  write_file(first, "part");
  write_file(second, "part");
  commit_part(out, "token", 0, first);
  take_output(out, "token", 20);
  take_output(out, "token", 20);
  CHECK_THROWS_AS(commit_part(out, "token", 1, second), task_error);  // by one that was frozen
  CHECK_THROWS_AS(file::create(second), task_error);
  CHECK_THROWS_WITH_AS(take_output(out, "token", 15), doctest::Contains("another master"),
                       task_error);
  CHECK_THROWS_AS(take_output(out, "other", 30), task_error);
  // what had been written goes on; what had its name keeps it
  commit_part(out, "token", 0, attempt_file(out, "token", first, 20));
  commit_part(out, "token", 1, attempt_file(out, "token", second, 20));
  finish_output(out, "token", 2);
  CHECK_FALSE(fs::exists(out + "/_temporary"));
  take_output(out, "token", 30);  // it was at its end
  finish_output(out, "token", 2);
}

TEST_CASE("output directory: what one master began to prepare another goes on with") {
  temp_directory directory;
  const auto out = (directory / "out").string();
  fs::create_directories(out + "/_temporary.token-10");  // it died there
  CHECK_THROWS_AS(prepare_output(out, "other", 11), task_error);
  prepare_output(out, "token", 20);
  find_output(out, "token");
  CHECK_FALSE(fs::exists(out + "/_temporary.token-10"));
  prepare_output(out, "token", 30);  // that one died before its plan was known
  CHECK_THROWS_AS(prepare_output(out, "token", 20), task_error);
  write_file(attempt_file(out, "token", 0, 1, 30), "part");
  abort_output(out, "token", 1);
  CHECK_FALSE(fs::exists(out));
}

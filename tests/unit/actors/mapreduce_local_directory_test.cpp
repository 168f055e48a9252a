#include "actors/mapreduce/local_directory.hpp"
#include "temp_directory.hpp"

#include <filesystem>

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

TEST_CASE("mapreduce local directory: each job its own, gone with the worker") {
  troupe::test::temp_directory below;
  {
    troupe::mapreduce::local_directory one{below.path().string()}, two{below.path().string()};
    const auto first = one.next("j"), second = one.next("j"), third = two.next("j");
    CHECK(first != second);
    CHECK(first != third);
    for (const auto& path : {first, second, third}) std::filesystem::create_directories(path);
    troupe::test::write_file(first + "/file", "x");
  }
  CHECK(std::filesystem::is_empty(below.path()));
}

TEST_CASE("mapreduce local directory: what killed processes left goes, and nothing else") {
  troupe::test::temp_directory below;
  const auto child = ::fork();
  if (child == 0) ::_exit(0);
  REQUIRE(child > 0);
  ::waitpid(child, nullptr, 0);  // no process has this number now
  const auto gone = "worker-" + std::to_string(child) + "-1";
  for (const auto& name :
       {gone, "worker-" + std::to_string(::getpid()) + "-999", std::string{"worker-1-1"},
        std::string{"worker-x-1"}, std::string{"worker-7"}, std::string{"mine"}})
    std::filesystem::create_directories(below / name / "job");
  troupe::mapreduce::local_directory{below.path().string()}.sweep();
  CHECK_FALSE(std::filesystem::exists(below / gone));
  for (const auto& name : {"worker-1-1", "worker-x-1", "worker-7", "mine"})
    CHECK(std::filesystem::exists(below / name / "job"));
  troupe::mapreduce::local_directory{(below / "missing").string()}.sweep();
}

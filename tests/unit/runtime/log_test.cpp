#include "runtime/log.hpp"

#include "temp_directory.hpp"
#include "wait_until.hpp"

#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

namespace {
using namespace troupe;
using namespace std::chrono_literals;
using nlohmann::json;

enum class lane { control, bulk };
std::string to_string(lane l) { return l == lane::bulk ? "bulk" : "control"; }

// The log is the process's: each case gives it back as it was.
struct logging_to {
  explicit logging_to(log::settings s) { REQUIRE(log::start(s)); }
  ~logging_to() { (void)log::start({}); }
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}
}  // namespace

TEST_CASE("log: fields follow as key=value, quoted where they must be") {
  CHECK(log::text_line(log::level::info, "link", "session ended", "a",
                       {{"peer", "b"},
                        {"session", 7u},
                        {"drift", -3},
                        {"sure", true},
                        {"load", 0.5},
                        {"lane", lane::bulk},
                        {"after", 1500us},
                        {"reason", "the link broke"},
                        {"empty", ""}}) ==
        "info  link: session ended node=a peer=b session=7 drift=-3 sure=true load=0.5 lane=bulk "
        "after_ms=1.5 "
        "reason=\"the link broke\" empty=\"\"");
}

TEST_CASE("log: nothing that a peer sends can end or forge a line") {
  const std::string evil = "x\n2026-01-01T00:00:00.000Z info  node: all is well\x1b[2J\"=";
  const auto text = log::text_line(log::level::warn, "link", evil, "", {{"name", evil}});
  CHECK(text.find('\n') == std::string::npos);
  CHECK(text.find('\x1b') == std::string::npos);
  const auto line = json::parse(
      "{" + log::json_line(log::level::warn, "link", evil, "a", {{"name", evil}, {"n", 3}}));
  CHECK(line["message"] == evil);
  CHECK(line["name"] == evil);
  CHECK(line["n"] == 3);
  CHECK(line["node"] == "a");
  CHECK(json::accept(
      "{" + log::json_line(log::level::warn, "\xff\xc0", "\xed\xa0\x80", "", {{"x", 0.0 / 0.0}})));
}

TEST_CASE("log: levels are set per component") {
  test::temp_directory dir;
  logging_to to{{.levels = "warn, link=debug ,quiet=off", .file = (dir / "log").string()}};
  CHECK(log::enabled(log::level::debug, "link"));
  CHECK(!log::enabled(log::level::trace, "link"));
  CHECK(!log::enabled(log::level::info, "member"));
  CHECK(log::enabled(log::level::warn, "member"));
  CHECK(!log::enabled(log::level::error, "quiet"));
  log::debug("link", "one");
  log::info("member", "two");
  log::warn("member", "three", {{"n", 1}});
  log::error("quiet", "four");
  const auto lines = lines_of(test::read_file(dir / "log"));
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].find("Z debug link: one") != std::string::npos);
  CHECK(lines[1].find("Z warn  member: three n=1") != std::string::npos);
}

TEST_CASE("log: a level that nobody knows is refused by name, and changes nothing") {
  test::temp_directory dir;
  logging_to to{{.levels = "debug", .file = (dir / "log").string()}};
  const auto refused = log::start({.levels = "info,link=loud"});
  REQUIRE(!refused);
  CHECK(refused.error().find("'loud'") != std::string::npos);
  CHECK(!log::start({.file = (dir / "log" / "below-a-file").string()}));
  CHECK(log::enabled(log::level::debug, "any"));
  CHECK(!log::check_levels("debugg"));
  CHECK(log::check_levels("debug,a=off"));
}

TEST_CASE("log: JSON lines parse, from many threads, and name the node") {
  test::temp_directory dir;
  {
    logging_to to{{.json = true, .file = (dir / "log").string(), .node = "a"}};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([t] {
        for (int i = 0; i < 100; ++i) log::info("test", "line", {{"thread", t}, {"i", i}});
      });
    for (auto& t : threads) t.join();
  }
  const auto lines = lines_of(test::read_file(dir / "log"));
  CHECK(lines.size() == 400);
  for (const auto& line : lines) {
    const auto parsed = json::parse(line);
    REQUIRE(parsed["node"] == "a");
    REQUIRE(parsed["component"] == "test");
    REQUIRE(parsed["time"].get<std::string>().size() == 24);
  }
}

TEST_CASE("log: a file that has grown is put aside") {
  test::temp_directory dir;
  logging_to to{{.file = (dir / "log").string(), .file_size = 1000, .files_max = 2}};
  for (int i = 0; i < 100; ++i) log::info("test", "a line of some length", {{"i", i}});
  CHECK(std::filesystem::exists(dir / "log.2"));
  CHECK(!std::filesystem::exists(dir / "log.3"));
  CHECK(std::filesystem::file_size(dir / "log") <= 1000);
}

TEST_CASE("log: what repeats is written once an interval, with the number left out") {
  log::once_per quiet{1s};
  const log::once_per::instant start{std::chrono::hours{1}};
  CHECK(quiet.due(start));
  CHECK(!quiet.due(start + 1ms));
  CHECK(!quiet.due(start + 999ms));
  CHECK(quiet.due(start + 1s));
  CHECK(!quiet.due(start + 1s));

  test::temp_directory dir;
  logging_to to{{.file = (dir / "log").string()}};
  log::once_per never_again{std::chrono::hours{1}};
  for (int i = 0; i < 5; ++i) never_again.warn("test", "noise");
  CHECK(lines_of(test::read_file(dir / "log")).size() == 1);
  log::once_per often{1ns};
  const log::once_per::instant long_ago{-std::chrono::hours{1}};
  CHECK(often.due(long_ago));
  for (int i = 0; i < 3; ++i) CHECK(!often.due(long_ago));
  often.warn("test", "more noise");
  const auto lines = lines_of(test::read_file(dir / "log"));
  REQUIRE(lines.size() == 2);
  CHECK(lines[1].find("more noise (and 3 more like it since)") != std::string::npos);
}

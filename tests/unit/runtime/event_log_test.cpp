#include "runtime/event_log.hpp"

#include "runtime/log.hpp"
#include "runtime/metrics.hpp"
#include "temp_directory.hpp"

#include <csignal>
#include <limits>
#include <map>
#include <optional>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

namespace {
using namespace troupe;
using namespace std::chrono_literals;

enum class mood : std::uint8_t { calm, wild };
std::string to_string(mood m) { return m == mood::wild ? "wild" : "calm"; }
enum class bare { zero, one };
struct inner {
  std::string key{};
  int value = 0;
};
TROUPE_MESSAGE(inner, key, value)
struct everything {
  bool flag = true;
  std::uint64_t big = 0;
  double real = 0;
  std::string text{};
  mood feeling = mood::calm;
  bare plain = bare::zero;
  std::chrono::milliseconds wait{};
  std::optional<int> perhaps{};
  std::optional<inner> perhaps_not{};
  std::vector<inner> list{};
  std::map<std::string, int> named{};
  std::map<int, bool> numbered{};
  std::pair<int, std::string> pair{};
  std::vector<bool> bits{};
};
TROUPE_MESSAGE(everything, flag, big, real, text, feeling, plain, wait, perhaps, perhaps_not, list,
               named, numbered, pair, bits)
struct empty {};
TROUPE_MESSAGE(empty)
}  // namespace

TEST_CASE("json: a described struct and all it may hold") {
  everything e{.big = std::numeric_limits<std::uint64_t>::max(),
               .real = 0.1,
               .text = "a\"b\\\n\x01\xff\xc3\xa9",
               .feeling = mood::wild,
               .plain = bare::one,
               .wait = 3ms,
               .perhaps = 4,
               .list = {{"x", 1}, {"y", 2}},
               .named = {{"k", 1}},
               .numbered = {{7, true}},
               .pair = {1, "z"},
               .bits = {true, false}};
  CHECK(
      json::text(e) ==
      R"({"flag":true,"big":18446744073709551615,"real":0.1,"text":"a\"b\\\n\u0001\u00ff)"
      "\xc3\xa9"
      R"(","feeling":"wild","plain":1,"wait":3000000,"perhaps":4,"perhaps_not":null,)"
      R"("list":[{"key":"x","value":1},{"key":"y","value":2}],"named":{"k":1},"numbered":{"7":true},)"
      R"("pair":[1,"z"],"bits":[true,false]})");
  CHECK(json::text(empty{}) == "{}");
  CHECK(json::text(std::vector<int>{}) == "[]");
  CHECK(json::text(0.0 / 0.0) == "null");
}

TEST_CASE("json: any bytes become a string that parses") {
  for (int a = 0; a < 256; ++a)
    for (int b = 0; b < 256; ++b) {
      const std::string bytes{'<', static_cast<char>(a), static_cast<char>(b), '>'};
      if (!nlohmann::json::accept(json::text(bytes))) FAIL(a << " " << b);
    }
  for (const std::string utf8 : {"\xf0\x9f\x8e\xad", "\xe2\x82\xac", "\xed\x9f\xbf"})
    CHECK(nlohmann::json::parse(json::text(utf8)) == utf8);
  for (const std::string bad :
       {"\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\x80", "\xe0\x80\x80", "\xe2\x82"})
    CHECK(nlohmann::json::accept(json::text(bad)));
}

TEST_CASE("event log: time, node, event, then the fields") {
  std::string written;
  std::int64_t now = 1;
  auto log =
      event_log::into([&](std::string_view line) { written += line; }, "a", [&] { return now; });
  log->write(events::member_up{.member = "b", .incarnation = 3});
  now = 5;
  log->write(empty{});
  CHECK(written ==
        "{\"time\":1,\"node\":\"a\",\"event\":\"member_up\",\"member\":\"b\",\"incarnation\":3}\n"
        "{\"time\":5,\"node\":\"a\",\"event\":\"empty\"}\n");
  CHECK(!event_log::none()->enabled());
  event_log::none()->write(empty{});
}

TEST_CASE("event log: SIGKILL loses nothing that was written") {
  test::temp_directory dir;
  const auto file = (dir / "events").string();
  const auto child = ::fork();
  if (child == 0) {
    auto log = event_log::open(file, "a");
    for (std::uint32_t i = 0; log && i < 100; ++i)
      (*log)->write(events::task_started{.attempt = i});
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  std::ifstream in{file};
  std::string line;
  std::uint32_t count = 0;
  while (std::getline(in, line)) CHECK(nlohmann::json::parse(line)["attempt"] == count++);
  CHECK(count == 100);
}

TEST_CASE("event log: lines of several threads stay whole, and a second opening appends") {
  test::temp_directory dir;
  const auto file = (dir / "events").string();
  for (int round = 0; round < 2; ++round) {
    auto log = event_log::open(file, "a").value();
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 50; ++i) log->write(events::suspected{.member = std::string(500, 'x')});
      });
    for (auto& t : threads) t.join();
  }
  std::ifstream in{file};
  std::string line;
  int count = 0;
  for (; std::getline(in, line); ++count) REQUIRE(nlohmann::json::accept(line));
  CHECK(count == 300);
}

TEST_CASE("event log: a place that cannot be written is refused, a full disk survived") {
  CHECK(event_log::open("/nowhere/events", "a").error().find("/nowhere/events") !=
        std::string::npos);
  (void)log::start({.levels = "off"});
  auto full = event_log::open("/dev/full", "a");
  REQUIRE(full);
  const auto& lost =
      metrics::counter("troupe_events_lost_total", "Events that could not be written.");
  const auto before = lost.value();
  (*full)->write(empty{});
  (*full)->write(empty{});
  CHECK(lost.value() == before + 2);
  (void)log::start({});
}

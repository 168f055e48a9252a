#include "runtime/checking_history.hpp"

#include <doctest/doctest.h>
using namespace troupe;
using checking::event_type;
using checking::list;
using checking::value;

namespace {
std::vector<history_fault> faults_in(const std::string& text) { return read_history(text).faults; }
std::string only_fault(const std::string& line) {
  const auto all = faults_in(line);
  REQUIRE(all.size() == 1);
  CHECK(all.front().line == 1);
  return all.front().sentence;
}
}  // namespace

TEST_CASE("histories as JSON lines: read and written") {
  const std::string text =
      R"({"process":0,"type":"invoke","f":"cas","key":"x","value":[1,"two",null,true,0.5],"time":12})"
      "\n"
      R"({"process":-1,"type":"info","f":"read","value":null,"time":-3})"
      "\n";
  const auto read = read_history(text);
  REQUIRE(read.faults.empty());
  REQUIRE(read.events.size() == 2);
  CHECK(read.events[0] ==
        checking::event{0, event_type::invoke, "cas", "x", list{1, "two", value{}, true, 0.5}, 12});
  CHECK(read.events[1] == checking::event{-1, event_type::info, "read", {}, {}, -3});
  CHECK(read.lines == std::vector<std::size_t>{1, 2});
  CHECK(write_history(read.events) == text);
}

TEST_CASE("histories as JSON lines: what is missing, foreign or empty") {
  const auto read = read_history(
      "\n  \r\n"
      R"({"process":3,"type":"ok","f":"read","error":{"a":1},"index":9})"
      "\r\n\n"
      R"({"process":3,"type":"fail","f":"read"})");
  REQUIRE(read.faults.empty());
  CHECK(read.lines == std::vector<std::size_t>{3, 5});
  CHECK(read.events[0] == checking::event{3, event_type::ok, "read", {}, {}, 0});
  CHECK(read_history("").events.empty());
}

TEST_CASE("histories as JSON lines: each malformed line is named") {
  CHECK(only_fault("{") == "is no JSON");
  CHECK(only_fault("\xff") == "is no JSON");
  CHECK(only_fault("[]") == "is no object");
  CHECK(only_fault("{}") == "has no \"process\", a whole number");
  CHECK(only_fault(R"({"process":"a","type":"ok","f":"x"})") ==
        "has no \"process\", a whole number");
  CHECK(only_fault(R"({"process":1.5,"type":"ok","f":"x"})") ==
        "has no \"process\", a whole number");
  CHECK(only_fault(R"({"process":1,"type":"done","f":"x"})").find("invoke, ok, fail or info") !=
        std::string::npos);
  CHECK(only_fault(R"({"process":1,"type":"ok"})").find("\"f\"") != std::string::npos);
  CHECK(only_fault(R"({"process":1,"type":"ok","f":""})").find("\"f\"") != std::string::npos);
  CHECK(only_fault(R"({"process":1,"type":"ok","f":"x","time":"now"})").find("nanoseconds") !=
        std::string::npos);
  CHECK(only_fault(R"({"process":1,"type":"ok","f":"x","time":99999999999999999999})")
            .find("nanoseconds") != std::string::npos);
  CHECK(only_fault(R"({"process":1,"type":"ok","f":"x","value":{"a":1}})").find("an object") !=
        std::string::npos);
  CHECK(only_fault(R"({"process":1,"type":"ok","f":"x","key":18446744073709551615})")
            .find("64 bits") != std::string::npos);
  CHECK(only_fault(R"({"process":1,"type":"ok","f":"x","value":)" + std::string(17, '[') +
                   std::string(17, ']') + "}")
            .find("too deep") != std::string::npos);
  const auto mixed = faults_in(
      "x\n"
      R"({"process":1,"type":"ok","f":"x"})"
      "\n\ny\n");
  CHECK(mixed == std::vector<history_fault>{{1, "is no JSON"}, {4, "is no JSON"}});
}

TEST_CASE("histories as JSON lines: everything is bounded") {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "x\n";
  const auto read = read_history(text);
  CHECK(read.faults.size() == 20);
  CHECK(read.faults_in_all == 100);
  const auto longer =
      read_history(R"({"process":1,"type":"ok","f":"xyz"})", {.line_bytes_max = 10});
  REQUIRE(longer.faults.size() == 1);
  CHECK(longer.faults[0].sentence == "is longer than 10 bytes");
  const std::string line = "{\"process\":1,\"type\":\"ok\",\"f\":\"x\"}\n";
  const auto many = read_history(line + line + line, {.events_max = 2});
  CHECK(many.events.size() == 2);
  REQUIRE(many.faults.size() == 1);
  CHECK(many.faults[0].line == 3);
  CHECK(only_fault(std::string(100'000, '[')) == "is no JSON");
}

TEST_CASE("histories as JSON lines: operations, or the line where they make no sense") {
  const std::string invoke = "{\"process\":1,\"type\":\"invoke\",\"f\":\"x\"}\n";
  CHECK(read_operations(invoke).operations.size() == 1);
  const auto twice = read_operations("\n" + invoke + "\n" + invoke);
  CHECK(twice.operations.empty());
  REQUIRE(twice.faults.size() == 1);
  CHECK(twice.faults[0].line == 4);
  CHECK(twice.faults_in_all == 1);
}

TEST_CASE("event logs: leaders become operations, the rest is skipped") {
  const auto read = read_operations(R"({"time":5,"node":"b","event":"leader","group":"g","term":4})"
                                    "\n"
                                    R"({"time":5,"node":"b","event":"voted","group":"g","term":4})"
                                    "\n"
                                    R"({"time":7,"node":"a","event":"leader","group":"g","term":5})"
                                    "\n");
  REQUIRE(read.faults.empty());
  REQUIRE(read.operations.size() == 2);
  CHECK(to_string(read.operations[0]) == "leader(4) -> \"b\"");
  CHECK(read.operations[0].key == value{"g"});
  CHECK(read.operations[0].process != read.operations[1].process);
  CHECK(only_fault(R"({"time":5,"event":"leader","term":4})").find("\"node\"") !=
        std::string::npos);
  CHECK(only_fault(R"({"node":"a","event":"leader","term":4})").find("\"time\"") !=
        std::string::npos);
}

TEST_CASE("event logs: what entered and left are holders, one process a life of a node") {
  const auto read =
      read_operations(R"({"time":1,"node":"a","event":"started","life":1})"
                      "\n"
                      R"({"time":2,"node":"a","event":"entered","lock":"l","token":7})"
                      "\n"
                      R"({"time":3,"node":"a","event":"left","lock":"l","token":7})"
                      "\n"
                      R"({"time":4,"node":"a","event":"node_started"})"
                      "\n"
                      R"({"time":5,"node":"a","event":"entered","lock":"l","token":8})"
                      "\n",
                      {}, {"entered", "left"});
  REQUIRE(read.faults.empty());
  CHECK(read.skipped == 2);
  REQUIRE(read.operations.size() == 3);
  CHECK(to_string(read.operations[0]) == "acquire() -> 7");
  CHECK(read.operations[1].f == "release");
  CHECK(read.operations[1].in == value{7});
  CHECK(read.operations[1].key == value{"l"});
  CHECK(read.operations[0].process == read.operations[1].process);
  CHECK(read.operations[0].process != read.operations[2].process);
  const auto wrong =
      read_operations(R"({"time":2,"node":"a","event":"entered","lock":"l"})", {}, {"entered"});
  REQUIRE(wrong.faults.size() == 1);
  CHECK(wrong.faults[0].sentence.find("\"token\"") != std::string::npos);
}

TEST_CASE("event logs: incarnations of all 64 bits, as numbers or texts") {
  const auto read = read_operations(
      R"({"time":1,"node":"a","event":"member_up","member":"b","incarnation":18446744073709551615})"
      "\n"
      R"({"time":2,"node":"a","event":"member_up","member":"c","incarnation":"x"})"
      "\n",
      {}, {"member_up"});
  REQUIRE(read.operations.size() == 2);
  CHECK(read.operations[0].in == value{"18446744073709551615"});
  CHECK(read.operations[0].key == value{"b"});
  CHECK(read.operations[1].in == value{"x"});
  const auto wrong = read_operations(R"({"time":2,"node":"a","event":"member_up","member":"b"})",
                                     {}, {"member_up"});
  REQUIRE(wrong.faults.size() == 1);
  CHECK(wrong.faults[0].sentence.find("\"incarnation\"") != std::string::npos);
}

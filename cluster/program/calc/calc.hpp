// The pure algorithms of patterns/ as functions from JSON to JSON, for `troupe calc`. A calculation
// says what it takes, field by field; what is given is checked against that before it runs, so that
// its function reads fields without asking whether they are there or what they are.
//   number   finite                      count  a whole number from 0 to 2^53
//   time     milliseconds, or a text     truth  true or false
//            such as 1.5s; its function gets whole nanoseconds
//   hex      bytes, two digits each      text   of `values` alone, where there are some
//   ...s     a list of those             object, objects  with fields of their own
// A field without a usual value is needed. Files: one a topic, and here the list of all.
#pragma once
#include "patterns/result.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>
namespace troupe::program::calc {
using json = nlohmann::ordered_json;
using answer = result<json, std::string>;  // or a sentence on what makes no sense

enum class type { number, count, truth, text, time, hex, numbers, times, texts, object, objects };

struct field {
  std::string name{};
  type what = type::number;
  std::string help{};
  json usual{};                       // null: it must be given
  std::vector<std::string> values{};  // all that a text may be
  std::vector<field> of{};            // an object's
};

struct calculation {
  std::string name{};
  std::string help{};
  std::string source{};  // the paper, and the header that has it
  std::vector<field> takes{};
  std::string gives{};
  std::string example{};  // of its input
  std::function<answer(const json&)> run{};
};

std::vector<calculation> of_membership();
std::vector<calculation> of_mapreduce();
std::vector<calculation> of_supervision();
std::vector<calculation> of_link();
std::vector<calculation> of_checking();
const std::vector<calculation>& all();
const calculation* named(std::string_view name);

// Parses, checks, runs. An unknown field or a wrong type is named, and so is the nearest valid one.
answer calculate(const calculation& what, std::string_view input);

// For functions: a time field's, and a duration as milliseconds.
std::chrono::nanoseconds time_of(const json& in, const char* name);
std::uint32_t small(const json& in, const char* name);  // a count; more than 32 bits: the most
json milliseconds_of(std::chrono::nanoseconds d);
std::string bytes_of_hex(std::string_view hex);
std::string hex_of_bytes(std::string_view bytes);
std::string hex_of_number(std::uint64_t x, int digits);
}  // namespace troupe::program::calc

// All checks by name, as `troupe check --model` knows them.
#pragma once
#include "patterns/checking/report.hpp"

#include <functional>
namespace troupe::checking {
struct check {
  std::string_view name;
  std::string_view help;
  std::string (*refusal)(const operation&);  // why an operation is none of its model's, or empty
  std::function<report(const operations&, const limits&)> judge;
  std::vector<std::string_view> events{};  // of event logs that it judges; none: histories alone
};
const std::vector<check>& all_checks();
const check* check_named(std::string_view name);
// The first operation that is none of the model's: its place and the sentence's end.
struct stranger {
  std::size_t place = 0;
  std::string why{};
};
std::optional<stranger> first_stranger(const check& c, const operations& ops);
}  // namespace troupe::checking

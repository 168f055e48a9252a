// What `troupe elect --compare` does.
#pragma once
#include "cluster/program/command.hpp"

#include <string>
namespace troupe::program {
struct comparison_options {
  std::string members = "3,5,9,25", svg;
  bool unnoticed = false, as_json = false;
};
exit_code compare_elections(const comparison_options& given);
}  // namespace troupe::program

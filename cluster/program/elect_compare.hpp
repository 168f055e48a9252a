// What `troupe elect --compare` does.
#pragma once
#include "cluster/program/command.hpp"

#include <cstdint>
#include <string>
#include <vector>
namespace troupe::program {
struct comparison_options {
  std::vector<std::uint32_t> members{3, 5, 9, 25};
  std::string svg;
  bool unnoticed = false, as_json = false;
};
exit_code compare_elections(const comparison_options& given);
}  // namespace troupe::program

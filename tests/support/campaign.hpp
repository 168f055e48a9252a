// A campaign of drawn plans inside a test: the first seed that breaks a claim is shrunken, and its
// story printed. With TROUPE_PLAN=FILE the plan of that file is run instead of any seed's.
#pragma once
#include "patterns/simulation/verdict.hpp"
#include "seeds.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
namespace troupe::test {
inline std::string run_campaign(const std::function<simulation::plan(std::uint64_t)>& drawing,
                                const simulation::runner& run,
                                std::vector<std::uint64_t> seeds = test::seeds()) {
  if (const char* file = std::getenv("TROUPE_PLAN")) {
    std::stringstream text;
    text << std::ifstream{file}.rdbuf();
    const auto p = simulation::plan_from(text.str());
    if (!p) return std::string{file} + ": " + p.error();
    const auto v = run(*p);
    return v.failed() ? v.claim + "\n  " + v.what : std::string{};
  }
  const auto began = std::clock();
  const auto r = simulation::campaign(seeds, drawing, run);
  const auto seconds = static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
  std::printf("  %llu seeds, %llu steps, %.0f a second\n", static_cast<unsigned long long>(r.seeds),
              static_cast<unsigned long long>(r.steps),
              static_cast<double>(r.steps) / std::max(seconds, 1e-6));
  if (!r.found) return {};
  return "after " + std::to_string(r.seeds) + " seeds, " + story(*r.found);
}

// Plans that once failed, each with what was wrong then.
inline void check_plans(const std::vector<std::pair<std::string, std::string>>& all,
                        const simulation::runner& run) {
  for (const auto& one : all) {
    CAPTURE(one.first);
    const auto p = simulation::plan_from(one.second);
    REQUIRE(p.has_value());
    const auto v = run(*p);
    CHECK_MESSAGE(!v.failed(), to_string(v));
  }
}
}  // namespace troupe::test

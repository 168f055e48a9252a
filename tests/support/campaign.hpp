// A campaign of drawn plans inside a test: the first seed that breaks a claim is shrunken, and its
// story printed. With TROUPE_PLAN=FILE the plan of that file is run instead of any seed's.
#pragma once
#include "patterns/simulation/verdict.hpp"
#include "seeds.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

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
  const auto r = simulation::campaign(seeds, drawing, run);
  if (!r.found) return {};
  return "after " + std::to_string(r.seeds) + " seeds, " + story(*r.found);
}
}  // namespace troupe::test

// The seeds that a randomised test runs: 1 to TROUPE_SEEDS (20 unless the environment says
// otherwise).
//   for (auto seed : test::seeds()) { CAPTURE(seed); ... }
// One that once failed stays as a test: for (auto seed : test::seeds({4711})) runs it first.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <vector>
namespace troupe::test {
inline std::vector<std::uint64_t> seeds(std::vector<std::uint64_t> first = {}) {
  const char* text = std::getenv("TROUPE_SEEDS");
  const std::uint64_t count = text ? std::strtoull(text, nullptr, 10) : 20;
  for (std::uint64_t seed = 1; seed <= count; ++seed) first.push_back(seed);
  return first;
}
}  // namespace troupe::test

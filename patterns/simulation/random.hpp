// Chance for simulations: the same numbers from a seed on every machine, compiler and library.
// Source: D. Blackman, S. Vigna, "Scrambled Linear Pseudorandom Number Generators", 2018
//   (xoshiro256**, public domain); seeded by G. Steele's splitmix64 (OOPSLA 2014), as they advise.
//   The distributions are our own: the standard leaves its own open, so that they differ.
//   Promises  integers alone, so that nothing depends on rounding
//   Beware    `below` has a bias of at most below / 2^32: nothing here notices, statistics might
#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>
namespace troupe::simulation {
using instant = std::chrono::nanoseconds;  // of virtual time, since the beginning
using duration = std::chrono::nanoseconds;

constexpr std::uint64_t splitmix64(std::uint64_t& state) {
  std::uint64_t z = state += 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

// A seed of its own for each part, so that none shifts another's draws.
constexpr std::uint64_t derived(std::uint64_t seed, std::uint64_t part) {
  std::uint64_t state = seed;
  state = splitmix64(state) ^ (part * 0xd1342543de82ef95U);
  return splitmix64(state);
}

// FNV-1a (Fowler, Noll, Vo): for digests and the checksums of a simulated disk.
constexpr std::uint64_t digest_of(std::string_view bytes,
                                  std::uint64_t so_far = 0xcbf29ce484222325U) {
  for (const char c : bytes) so_far = (so_far ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return so_far;
}

constexpr std::uint32_t million = 1'000'000;  // probabilities are parts of it

class generator {
 public:
  using result_type = std::uint64_t;
  explicit constexpr generator(std::uint64_t seed) {
    for (auto& word : state_) word = splitmix64(seed);
  }
  explicit constexpr generator(const std::array<std::uint64_t, 4>& state) : state_(state) {}
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return ~result_type{0}; }
  constexpr result_type operator()() {
    const std::uint64_t result = rotated(state_[1] * 5, 7) * 9;
    const std::uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = rotated(state_[3], 45);
    return result;
  }
  // 0 to n - 1; of nothing: 0
  constexpr std::uint64_t below(std::uint64_t n) {
    if (n <= 1) return 0;
    if (n >> 32 == 0) return ((*this)() >> 32) * n >> 32;
    return (*this)() % n;
  }
  constexpr duration between(duration from, duration to) {  // both are possible
    if (to <= from) return from;
    return from + duration{static_cast<std::int64_t>(
                      below(static_cast<std::uint64_t>((to - from).count()) + 1))};
  }
  constexpr bool chance(std::uint32_t of_a_million) {
    return of_a_million > 0 && below(million) < of_a_million;
  }
  template <class Container>
  constexpr const auto& one_of(const Container& all) {
    return all[static_cast<std::size_t>(below(all.size()))];
  }

 private:
  static constexpr std::uint64_t rotated(std::uint64_t x, int by) {
    return (x << by) | (x >> (64 - by));
  }
  std::array<std::uint64_t, 4> state_{};
};
}  // namespace troupe::simulation

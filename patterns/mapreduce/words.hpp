// Finds the words of a text: maximal runs of [A-Za-z0-9_], lower-cased in ASCII; all other bytes separate.
// 64 bytes at a time become a mask of the bytes that belong to words, and the words lie between the mask's edges.
#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif
namespace troupe::mapreduce {
constexpr bool is_word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

class word_scanner {
 public:
  // f(word, size) for each word in its order. The word is lower-cased; 16 bytes from its begin can be
  // read whatever its size; it is valid until the next call of `scan`.
  template <class F>
  void scan(std::string_view text, F&& f) {
    if (lowered_.size() < text.size() + slack) lowered_.resize(text.size() + slack);
    char* const to = lowered_.data();
    std::size_t start = 0;
    bool inside = false;
    std::size_t at = 0;
    for (; at + stride <= text.size(); at += stride)
      words(lower(text.data() + at, to + at), at, to, start, inside, f);
    if (at < text.size()) {
      char rest[stride] = {};
      std::memcpy(rest, text.data() + at, text.size() - at);
      words(lower(rest, to + at), at, to, start, inside, f);
      at += stride;
    }
    if (inside) f(static_cast<const char*>(to + start), text.size() - start);
  }

 private:
  static constexpr std::size_t stride = 64;
  static constexpr std::size_t slack = 2 * stride;

  template <class F>
  static void words(std::uint64_t mask, std::size_t at, const char* to, std::size_t& start,
                    bool& inside, F& f) {
    std::uint64_t edges = mask ^ (mask << 1 | (inside ? 1u : 0u));
    if (edges == 0) return;
    if (inside) {
      const auto end = at + static_cast<std::size_t>(std::countr_zero(edges));
      f(to + start, end - start);
      edges &= edges - 1;
      inside = false;
    }
    while (edges != 0) {
      start = at + static_cast<std::size_t>(std::countr_zero(edges));
      edges &= edges - 1;
      if (edges == 0) {
        inside = true;
        return;
      }
      const auto end = at + static_cast<std::size_t>(std::countr_zero(edges));
      edges &= edges - 1;
      f(to + start, end - start);
    }
  }

  // Lower-cases `stride` bytes; bit i tells whether byte i belongs to a word.
#if defined(__SSE2__)
  static std::uint64_t lower(const char* from, char* to) {
    std::uint64_t mask = 0;
    for (int i = 0; i < 4; ++i) {
      const auto c = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 16 * i));
      const auto below = [](__m128i x, char first, char count) {  // x - first < count, unsigned
        const auto offset = _mm_sub_epi8(x, _mm_set1_epi8(first));
        return _mm_cmpeq_epi8(_mm_min_epu8(offset, _mm_set1_epi8(static_cast<char>(count - 1))),
                              offset);
      };
      const auto bit = _mm_set1_epi8(0x20);
      const auto letter = below(_mm_or_si128(c, bit), 'a', 26);
      const auto other = _mm_or_si128(below(c, '0', 10), _mm_cmpeq_epi8(c, _mm_set1_epi8('_')));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 16 * i),
                       _mm_or_si128(c, _mm_and_si128(letter, bit)));
      const auto bits = static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_or_si128(letter, other)));
      mask |= static_cast<std::uint64_t>(bits) << (16 * i);
    }
    return mask;
  }
#else
  static std::uint64_t lower(const char* from, char* to) {
    std::uint64_t mask = 0;
    for (std::size_t i = 0; i < stride; ++i) {
      const char c = from[i];
      to[i] = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
      mask |= static_cast<std::uint64_t>(is_word_char(c)) << i;
    }
    return mask;
  }
#endif
  std::vector<char> lowered_{};
};
}  // namespace troupe::mapreduce

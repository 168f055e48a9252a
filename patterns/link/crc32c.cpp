#include "patterns/link/crc32c.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace troupe {
namespace {
using tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr tables make_tables() {
  tables t{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    auto crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78U : 0);
    t[0][i] = crc;
  }
  for (std::size_t i = 0; i < 256; ++i) {
    for (std::size_t n = 1; n < 8; ++n) t[n][i] = (t[n - 1][i] >> 8) ^ t[0][t[n - 1][i] & 0xff];
  }
  return t;
}
constexpr tables table = make_tables();
static_assert(std::endian::native == std::endian::little,
              "eight bytes at once are read as they lie");
}  // namespace

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
  auto crc = ~before;
  const char* at = bytes.data();
  auto left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    std::uint32_t low = 0, high = 0;
    std::memcpy(&low, at, 4);
    std::memcpy(&high, at + 4, 4);
    low ^= crc;
    crc = table[7][low & 0xff] ^ table[6][(low >> 8) & 0xff] ^ table[5][(low >> 16) & 0xff] ^
          table[4][low >> 24] ^ table[3][high & 0xff] ^ table[2][(high >> 8) & 0xff] ^
          table[1][(high >> 16) & 0xff] ^ table[0][high >> 24];
  }
  for (; left > 0; --left, ++at) {
    crc = (crc >> 8) ^ table[0][(crc ^ static_cast<unsigned char>(*at)) & 0xff];
  }
  return ~crc;
}
}  // namespace troupe

#include "patterns/mapreduce/checksum.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
namespace troupe::mapreduce {
namespace {
constexpr std::uint64_t prime1 = 0x9E3779B185EBCA87, prime2 = 0xC2B2AE3D27D4EB4F,
                        prime3 = 0x165667B19E3779F9, prime4 = 0x85EBCA77C2B2AE63,
                        prime5 = 0x27D4EB2F165667C5;
template <class Word>
std::uint64_t word(const unsigned char* from) {  // little-endian, whatever the machine is
  if constexpr (std::endian::native == std::endian::little) {
    Word read;
    std::memcpy(&read, from, sizeof read);
    return read;
  } else {
    std::uint64_t read = 0;
    for (std::size_t i = sizeof(Word); i-- > 0;) read = read << 8 | from[i];
    return read;
  }
}
std::uint64_t round(std::uint64_t lane, std::uint64_t input) {
  return std::rotl(lane + input * prime2, 31) * prime1;
}
std::uint64_t merged(std::uint64_t sum, std::uint64_t lane) {
  return (sum ^ round(0, lane)) * prime1 + prime4;
}
}  // namespace

checksum::checksum(std::uint64_t seed)
    : lanes_{seed + prime1 + prime2, seed + prime2, seed, seed - prime1}, seed_{seed} {}

void checksum::consume(const unsigned char* stripe) {
  for (std::size_t lane = 0; lane < 4; ++lane)
    lanes_[lane] = round(lanes_[lane], word<std::uint64_t>(stripe + 8 * lane));
}

void checksum::add(std::string_view bytes) {
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  auto left = bytes.size();
  const std::size_t kept = total_ % 32;
  total_ += left;
  if (kept + left < 32) {
    std::copy_n(at, left, rest_.begin() + kept);
    return;
  }
  if (kept > 0) {
    std::copy_n(at, 32 - kept, rest_.begin() + kept);
    consume(rest_.data());
    at += 32 - kept;
    left -= 32 - kept;
  }
  for (; left >= 32; at += 32, left -= 32) consume(at);
  std::copy_n(at, left, rest_.begin());
}

std::uint64_t checksum::value() const {
  std::uint64_t sum = seed_ + prime5;
  if (total_ >= 32) {
    sum = std::rotl(lanes_[0], 1) + std::rotl(lanes_[1], 7) + std::rotl(lanes_[2], 12) +
          std::rotl(lanes_[3], 18);
    for (auto lane : lanes_) sum = merged(sum, lane);
  }
  sum += total_;
  const auto* at = rest_.data();
  std::size_t left = total_ % 32;
  for (; left >= 8; at += 8, left -= 8)
    sum = std::rotl(sum ^ round(0, word<std::uint64_t>(at)), 27) * prime1 + prime4;
  for (; left >= 4; at += 4, left -= 4)
    sum = std::rotl(sum ^ word<std::uint32_t>(at) * prime1, 23) * prime2 + prime3;
  for (; left > 0; ++at, --left) sum = std::rotl(sum ^ *at * prime5, 11) * prime1;
  sum = (sum ^ sum >> 33) * prime2;
  sum = (sum ^ sum >> 29) * prime3;
  return sum ^ sum >> 32;
}
}  // namespace troupe::mapreduce

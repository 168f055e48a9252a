// XXH64, the checksum over map outputs and the hash under the default partitioner: stable over
// processes, machines and versions, so that every mapper sends a key to the same reducer. Source:
// Y. Collet, "xxHash fast digest algorithm", XXH64,
// https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
//   Promises  the published test vectors, on machines of either byte order; any cutting of the
//   input into pieces
//             gives the same sum
//   Beware    it finds accidents, not attackers
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
namespace troupe::mapreduce {
class checksum {
 public:
  explicit checksum(std::uint64_t seed = 0);
  void add(std::string_view bytes);
  std::uint64_t value() const;

 private:
  void consume(const unsigned char* stripe);
  std::array<std::uint64_t, 4> lanes_;
  std::uint64_t seed_;
  std::uint64_t total_ = 0;
  std::array<unsigned char, 32> rest_{};  // what does not fill a stripe yet
};

inline std::uint64_t checksum_of(std::string_view bytes, std::uint64_t seed = 0) {
  checksum sum{seed};
  sum.add(bytes);
  return sum.value();
}
}  // namespace troupe::mapreduce

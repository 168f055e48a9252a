// CRC-32C (Castagnoli's polynomial), as in iSCSI, SCTP, ext4 and RocksDB.
// Source: G. Castagnoli, S. Braeuer, M. Herrmann, "Optimization of Cyclic Redundancy-Check Codes",
//         IEEE Trans. Communications 41 (6), 1993; eight tables after M. Kounavis and F. Berry, 2005.
//   Promises  RFC 3720's test vectors (B.4); crc32c(b, crc32c(a)) is the sum of a followed by b
//   Beware    it finds accidents, not attackers
#pragma once
#include <cstdint>
#include <string_view>
namespace troupe {
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);
}  // namespace troupe

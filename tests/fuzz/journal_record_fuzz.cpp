// room: runtime
// Records come back from disks that rot, and RocksDB's logs are read before RocksDB sees them: no bytes may lead either
// astray, and what is read is what would be written.
#include "runtime/journal/codec.hpp"
#include "runtime/journal/log_files.hpp"

#include <cstdlib>
#include <cstring>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace troupe::journal;
  const std::string bytes{reinterpret_cast<const char*>(data), size};
  const auto place = record_place("g");
  if (const auto found = decode(place, bytes))
    if (encode(place, found->index, found->term, found->bytes) != bytes) std::abort();
  // the same bytes as a record's content, whole and with one bit flipped
  auto written = encode(place, size, 7, bytes);
  const auto back = decode(place, written, size);
  if (!back || back->bytes != bytes) std::abort();
  if (decode(record_place("h"), written)) std::abort();
  const auto at = size == 0 ? 0 : data[0] % written.size();
  written[at] = static_cast<char>(written[at] ^ 1);
  if (decode(place, written)) std::abort();
  const auto scan = scan_log(bytes);
  if (scan.good_end > size || (scan.why.empty() && scan.good_end + scan.room != size)) std::abort();
  return 0;
}

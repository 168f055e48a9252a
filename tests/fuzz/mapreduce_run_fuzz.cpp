// room: actors
// Map outputs come from other nodes' disks: no bytes may lead the reader astray, with or without a
// right checksum.
#include "actors/mapreduce/run.hpp"
#include "actors/mapreduce/task_code.hpp"

#include <cstdlib>
namespace {
using namespace troupe::mapreduce;
void read(const std::string& bytes) {
  std::uint64_t seen = 0;
  try {
    for (run_reader run{std::string_view{bytes}}; run.next();) {
      seen += run.key().size() + run.value().size();
      if (seen > bytes.size()) std::abort();
    }
  } catch (const task_error&) {
  }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes{reinterpret_cast<const char*>(data), size};
  read(bytes);
  // the same as the payload of a block whose header is right
  const auto length = static_cast<std::uint32_t>(size);
  const auto sum = static_cast<std::uint32_t>(checksum_of(bytes));
  std::string block(8, '\0');
  std::memcpy(block.data(), &length, 4);
  std::memcpy(block.data() + 4, &sum, 4);
  read(block + bytes);
  return 0;
}

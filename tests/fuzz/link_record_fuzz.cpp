// room: patterns
// The record reader: any batch. What was read and written again must be what came.
#include "patterns/link/record.hpp"

#include <algorithm>
#include <cstdlib>

using namespace troupe::link;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const view batch{reinterpret_cast<const char*>(data), size};
  record_reader reader{batch};
  buffer again;
  std::size_t stages = 0;
  while (const auto r = reader.next()) {
    for (std::size_t i = 0; i < r->stage_count(); ++i) stages += r->stage(i).actor & 1;
    if (r->id > message_id_max || r->stage_count() > stages_max) std::abort();
    put_record(again, *r);
  }
  // an announced count of no stages is written as none: the one difference allowed
  if (!reader.problem() && reader.skipped() == 0 && again.size() == batch.size() &&
      !std::equal(batch.begin(), batch.end(), again.begin()))
    std::abort();
  if (stages > size) std::abort();
  return 0;
}

// room: patterns
// The frame reader: any bytes in pieces of any size. Cut differently, they must read the same.
#include "patterns/link/frame.hpp"

#include <algorithm>
#include <cstdlib>

using namespace troupe::link;

namespace {
constexpr std::size_t body_max = 300;

struct result {
  buffer frames;
  std::optional<frame_problem> problem;
  bool operator==(const result&) const = default;
};

result read(view bytes, std::size_t step) {
  result all;
  frame_reader reader{body_max};
  while (!bytes.empty()) {
    const auto size = std::min(step, bytes.size());
    const buffer piece{bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)};
    bytes = bytes.subspan(size);
    reader.feed(piece);
    while (const auto f = reader.next()) put_frame(all.frames, f->kind, f->flags, f->body);
    if (reader.pending() > body_max + frame_header) std::abort();
  }
  all.problem = reader.problem();
  return all;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
  const auto whole = read(bytes, bytes.size() + 1);
  if (whole != read(bytes, 1) || whole != read(bytes, 1 + data[0])) std::abort();
  // what was read and written again is what came
  if (!std::equal(whole.frames.begin(), whole.frames.end(), bytes.begin())) std::abort();
  return 0;
}

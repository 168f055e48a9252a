#include "patterns/link/frame.hpp"

#include <algorithm>

namespace troupe::link {
namespace {
bool known(frame_kind kind) {
  switch (kind) {
    case frame_kind::challenge:
    case frame_kind::hello:
    case frame_kind::go:
    case frame_kind::welcome:
    case frame_kind::refuse:
    case frame_kind::data:
    case frame_kind::ack:
    case frame_kind::credit:
    case frame_kind::bye:
      return true;
  }
  return false;
}

std::uint8_t flags_of(frame_kind kind) {
  if (kind == frame_kind::data) return lane_bits | more_bit;
  if (kind == frame_kind::credit) return lane_bits;
  return 0;
}
}  // namespace

std::string_view sentence(frame_problem problem) {
  switch (problem) {
    case frame_problem::too_short:
      return "a frame's length is below that of its own header";
    case frame_problem::too_long:
      return "a frame's length is beyond the limit";
    case frame_problem::unknown_kind:
      return "a frame is of no known kind";
    case frame_problem::unknown_flags:
      return "a frame has flags that its kind does not know";
  }
  return "";
}

// The body's size, once the whole header is right.
std::optional<std::size_t> frame_reader::check(const char* header) {
  byte_reader in{view{header, frame_header}};
  const auto length = in.get<std::uint32_t>();
  const auto kind = frame_kind{in.get<std::uint8_t>()};
  const auto flags = in.get<std::uint8_t>();
  if (length < 2)
    problem_ = frame_problem::too_short;
  else if (length - 2 > body_max_)
    problem_ = frame_problem::too_long;
  else if (!known(kind))
    problem_ = frame_problem::unknown_kind;
  else if ((flags & ~flags_of(kind)) != 0)
    problem_ = frame_problem::unknown_flags;
  if (problem_) return std::nullopt;
  return length - 2;
}

// Moves input into the partial frame until that has `size` bytes.
bool frame_reader::fill(std::size_t size) {
  if (partial_.size() < size) {
    const auto taken = std::min(size - partial_.size(), input_.size());
    put_bytes(partial_, input_.first(taken));
    input_ = input_.subspan(taken);
  }
  return partial_.size() >= size;
}

std::optional<frame> frame_reader::next() {
  if (given_out_) {
    partial_.clear();
    given_out_ = false;
  }
  if (problem_) return std::nullopt;
  const auto whole = [](const char* at, std::size_t size) {
    return frame{static_cast<frame_kind>(at[4]), static_cast<std::uint8_t>(at[5]),
                 view{at + frame_header, size}};
  };
  if (partial_.empty() && input_.size() >= frame_header) {  // the common case: no copy
    const auto size = check(input_.data());
    if (!size) return std::nullopt;
    if (input_.size() >= frame_header + *size) {
      const auto found = whole(input_.data(), *size);
      input_ = input_.subspan(frame_header + *size);
      return found;
    }
  }
  if (!fill(frame_header)) return std::nullopt;
  const auto size = check(partial_.data());
  if (!size || !fill(frame_header + *size)) return std::nullopt;
  given_out_ = true;
  return whole(partial_.data(), *size);
}

void frame_reader::reset() {
  input_ = {};
  partial_.clear();
  given_out_ = false;
  problem_.reset();
}

void put_header(buffer& out, frame_kind kind, std::uint8_t flags, std::size_t body_size) {
  put(out, static_cast<std::uint32_t>(body_size + 2));
  put(out, static_cast<std::uint8_t>(kind));
  put(out, flags);
}

void put_frame(buffer& out, frame_kind kind, std::uint8_t flags, view body) {
  put_header(out, kind, flags, body.size());
  put_bytes(out, body);
}
}  // namespace troupe::link

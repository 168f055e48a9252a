#include "runtime/codec/msgpack.hpp"

#include <bit>

namespace troupe::msgpack {
void writer::big_endian(std::uint64_t x, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) byte(static_cast<int>((x >> (8 * i)) & 0xff));
}

void writer::put_natural(std::uint64_t x) {
  if (x < 0x80) return byte(static_cast<int>(x));
  const int size = x <= 0xff ? 0 : x <= 0xffff ? 1 : x <= 0xffffffff ? 2 : 3;
  byte(0xcc + size);
  big_endian(x, 1 << size);
}

void writer::put_integer(std::int64_t x) {
  if (x >= 0) return put_natural(static_cast<std::uint64_t>(x));
  if (x >= -32) return byte(static_cast<int>(x & 0xff));
  const int size = x >= INT8_MIN ? 0 : x >= INT16_MIN ? 1 : x >= INT32_MIN ? 2 : 3;
  byte(0xd0 + size);
  big_endian(static_cast<std::uint64_t>(x), 1 << size);
}

void writer::put_real(float x) {
  byte(0xca);
  big_endian(std::bit_cast<std::uint32_t>(x), 4);
}
void writer::put_real(double x) {
  byte(0xcb);
  big_endian(std::bit_cast<std::uint64_t>(x), 8);
}

void writer::put_text(const char* data, std::size_t n) {
  check(n);
  if (n < 32) {
    byte(0xa0 | static_cast<int>(n));
  } else {
    const int size = n <= 0xff ? 0 : n <= 0xffff ? 1 : 2;
    byte(0xd9 + size);
    big_endian(n, 1 << size);
  }
  out_.append(data, n);
}

void writer::put_blob(const char* data, std::size_t n) {
  check(n);
  const int size = n <= 0xff ? 0 : n <= 0xffff ? 1 : 2;
  byte(0xc4 + size);
  big_endian(n, 1 << size);
  out_.append(data, n);
}

void writer::check(std::size_t n) {
  if (n > 0xffffffff && why_ == failure::none) why_ = failure::too_large;
}

void writer::header(std::size_t n, int fix, int wide) {
  check(n);
  if (++depth_ > limits_.depth && why_ == failure::none) why_ = failure::too_deep;
  if (n < 16) return byte(fix | static_cast<int>(n));
  byte(n <= 0xffff ? wide : wide + 1);
  big_endian(n, n <= 0xffff ? 2 : 4);
}

bool reader::byte(std::uint8_t& x) {
  if (pos_ == end_) return fail(failure::truncated);
  x = static_cast<std::uint8_t>(*pos_++);
  return true;
}

bool reader::big_endian(std::uint64_t& x, int bytes) {
  if (left() < static_cast<std::size_t>(bytes)) return fail(failure::truncated);
  x = 0;
  for (; bytes > 0; --bytes) x = (x << 8) | static_cast<std::uint8_t>(*pos_++);
  return true;
}

bool reader::get_natural(std::uint64_t& x) {
  std::uint8_t head = 0;
  if (!byte(head)) return false;
  if (head < 0x80) {
    x = head;
    return true;
  }
  if (head >= 0xcc && head <= 0xcf) return big_endian(x, 1 << (head - 0xcc));
  --pos_;
  std::int64_t wide = 0;
  if (!get_integer(wide)) return false;
  x = static_cast<std::uint64_t>(wide);
  return wide >= 0 || fail(failure::bad_value);
}

bool reader::get_integer(std::int64_t& x) {
  std::uint8_t head = 0;
  std::uint64_t raw = 0;
  if (!byte(head)) return false;
  if (head < 0x80 || head >= 0xe0) {
    x = static_cast<std::int8_t>(head);
    return true;
  }
  if (head >= 0xcc && head <= 0xcf) {
    if (!big_endian(raw, 1 << (head - 0xcc))) return false;
    x = static_cast<std::int64_t>(raw);
    return x >= 0 || fail(failure::bad_value);
  }
  if (head < 0xd0 || head > 0xd3) return fail(failure::bad_value);
  const int bytes = 1 << (head - 0xd0);
  if (!big_endian(raw, bytes)) return false;
  const int unused = 64 - 8 * bytes;
  x = static_cast<std::int64_t>(raw << unused) >> unused;
  return true;
}

bool reader::get_bool(bool& x) {
  std::uint8_t head = 0;
  if (!byte(head)) return false;
  x = head == 0xc3;
  return x || head == 0xc2 || fail(failure::bad_value);
}

bool reader::get_real(double& x) {
  std::uint8_t head = 0;
  std::uint64_t raw = 0;
  if (!byte(head)) return false;
  if (head == 0xca) {
    if (!big_endian(raw, 4)) return false;
    x = std::bit_cast<float>(static_cast<std::uint32_t>(raw));
    return true;
  }
  if (head != 0xcb) return fail(failure::bad_value);
  if (!big_endian(raw, 8)) return false;
  x = std::bit_cast<double>(raw);
  return true;
}

bool reader::get_real(float& x) {
  std::uint8_t head = 0;
  std::uint64_t raw = 0;
  if (!byte(head)) return false;
  if (head != 0xca) return fail(failure::bad_value);  // a double would lose digits
  if (!big_endian(raw, 4)) return false;
  x = std::bit_cast<float>(static_cast<std::uint32_t>(raw));
  return true;
}

bool reader::get_present(bool& x) {
  if (pos_ == end_) return fail(failure::truncated);
  x = static_cast<std::uint8_t>(*pos_) != 0xc0;
  if (!x) ++pos_;
  return true;
}

// `each` bytes at least are needed by every element that a header announces.
bool reader::header(std::size_t& n, int fix, int wide, std::size_t each) {
  std::uint8_t head = 0;
  std::uint64_t raw = 0;
  if (!byte(head)) return false;
  if ((head & 0xf0) == fix) {
    raw = head & 0x0f;
  } else if (head == wide || head == wide + 1) {
    if (!big_endian(raw, head == wide ? 2 : 4)) return false;
  } else {
    return fail(failure::bad_value);
  }
  n = static_cast<std::size_t>(raw);
  return n <= left() / each || fail(failure::truncated);
}

bool reader::bytes_header(std::size_t& n) {
  std::uint8_t head = 0;
  std::uint64_t raw = 0;
  if (!byte(head)) return false;
  if ((head & 0xe0) == 0xa0) {
    raw = head & 0x1f;
  } else if (head >= 0xd9 && head <= 0xdb) {
    if (!big_endian(raw, 1 << (head - 0xd9))) return false;
  } else if (head >= 0xc4 && head <= 0xc6) {
    if (!big_endian(raw, 1 << (head - 0xc4))) return false;
  } else {
    return fail(failure::bad_value);
  }
  n = static_cast<std::size_t>(raw);
  return raw <= left() || fail(failure::truncated);
}

bool reader::next_tag(frame& f, std::uint64_t& tag) {
  while (f.left > 0 && why_ == failure::none) {
    --f.left;
    if (pos_ == end_) return fail(failure::truncated);
    const auto head = static_cast<std::uint8_t>(*pos_);
    if (head < 0x80 || (head >= 0xcc && head <= 0xcf)) return get_natural(tag);
    skip() && skip();  // a key of another kind, and its value
  }
  return false;
}

bool reader::drop(std::uint64_t bytes) {
  if (bytes > left()) return fail(failure::truncated);
  pos_ += bytes;
  return true;
}

// `more` values follow the ones already awaited.
bool reader::skip_scalar(std::uint8_t head, std::uint64_t& more) {
  std::uint64_t n = 0;
  if (head < 0x80 || head >= 0xe0 || head == 0xc0 || head == 0xc2 || head == 0xc3) return true;
  if (head < 0x90) return more += 2U * (head & 0x0fU), true;
  if (head < 0xa0) return more += head & 0x0fU, true;
  if (head < 0xc0) return drop(head & 0x1fU);
  switch (head) {
    case 0xc4:
    case 0xd9:
      return big_endian(n, 1) && drop(n);
    case 0xc5:
    case 0xda:
      return big_endian(n, 2) && drop(n);
    case 0xc6:
    case 0xdb:
      return big_endian(n, 4) && drop(n);
    case 0xc7:
      return big_endian(n, 1) && drop(n + 1);
    case 0xc8:
      return big_endian(n, 2) && drop(n + 1);
    case 0xc9:
      return big_endian(n, 4) && drop(n + 1);
    case 0xca:
    case 0xce:
    case 0xd2:
      return drop(4);
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return drop(8);
    case 0xcc:
    case 0xd0:
      return drop(1);
    case 0xcd:
    case 0xd1:
      return drop(2);
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
      return drop((1U << (head - 0xd4)) + 1);
    case 0xdc:
      return big_endian(n, 2) && (more += n, true);
    case 0xdd:
      return big_endian(n, 4) && (more += n, true);
    case 0xde:
      return big_endian(n, 2) && (more += 2 * n, true);
    case 0xdf:
      return big_endian(n, 4) && (more += 2 * n, true);
    default:
      return fail(failure::bad_value);
  }
}

// Nested values only add to the number still awaited, so that depth costs nothing here.
bool reader::skip() {
  for (std::uint64_t awaited = 1; awaited > 0; --awaited) {
    std::uint8_t head = 0;
    if (awaited > left()) return fail(failure::truncated);
    if (!byte(head) || !skip_scalar(head, awaited)) return false;
  }
  return true;
}
}  // namespace troupe::msgpack

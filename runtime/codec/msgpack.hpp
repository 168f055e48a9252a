// Described structs as msgpack, for disk and for other languages: a struct is a map from field tag (1, 2, ...) to value.
//   std::string record = msgpack::encode(entry{3, "x"});                 // 82 01 03 02 a1 78
//   entry e;
//   if (auto why = msgpack::decode(record, e); why != codec::failure::none) ...
// Promises
//   - unknown tags and keys that are not integers are skipped; fields that are missing, or nil, keep the struct's defaults
//   - decoding ends within codec::limits whatever the bytes: nothing is allocated for a size the bytes left could not hold
//   - any of msgpack's integer formats is read where the value fits; str and bin are read alike; a float32 is read as double
//   - bytes after the value are failure::trailing
// Form: strings are str, byte vectors bin, floats float32 and float64 (the bits, so NaN and -0.0 survive), an optional nil or
// its value, enums and durations integers, a variant [index, value], pairs, tuples and arrays msgpack arrays.
// Written and read by our own few lines: msgpack-cxx allocates what a header claims before it sees the elements.
#pragma once
#include "runtime/codec/failure.hpp"
#include "runtime/codec/traverse.hpp"

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
namespace troupe::msgpack {
using codec::failure;
using codec::limits;

class writer {
 public:
  static constexpr bool positional = false;
  struct frame {};
  explicit writer(std::string& out, limits bounds = {}) : out_(out), limits_(bounds) {}
  failure why() const { return why_; }
  void put_natural(std::uint64_t x);
  void put_integer(std::int64_t x);
  void put_bool(bool x) { byte(x ? 0xc3 : 0xc2); }
  void put_real(float x);
  void put_real(double x);
  void put_text(const char* data, std::size_t size);
  void put_blob(const char* data, std::size_t size);
  void put_present(bool x) {
    if (!x) byte(0xc0);
  }
  void put_tag(std::uint64_t tag) { put_natural(tag); }
  void begin_array(std::size_t n) { header(n, 0x90, 0xdc); }
  void begin_map(std::size_t n) { header(n, 0x80, 0xde); }
  void end_array() { --depth_; }
  void begin_product(std::size_t n) { begin_array(n); }
  void end_product() { end_array(); }
  template <class T>
  frame begin_struct(const T&, std::size_t fields) {
    begin_map(fields);
    return {};
  }
  void end_struct(frame) { end_array(); }
  template <class T>
  void put_other(const T&) {
    static_assert(sizeof(T) == 0, "this type has no form on disk");
  }

 private:
  void byte(int x) { out_.push_back(static_cast<char>(x)); }
  void big_endian(std::uint64_t x, int bytes);
  void header(std::size_t n, int fix, int wide);
  void check(std::size_t n);
  std::string& out_;
  limits limits_;
  std::uint32_t depth_ = 0;
  failure why_ = failure::none;
};

class reader {
 public:
  static constexpr bool positional = false;
  struct frame {
    std::size_t left = 0;
  };
  explicit reader(std::string_view in, limits bounds = {})
      : pos_(in.data()), end_(in.data() + in.size()), limits_(bounds) {}
  failure why() const { return why_; }
  std::uint64_t memory() const { return memory_; }
  std::size_t left() const { return static_cast<std::size_t>(end_ - pos_); }
  bool fail(failure f) {
    if (why_ == failure::none) why_ = f;
    return false;
  }
  bool charge(std::size_t bytes) {
    memory_ += bytes;
    return memory_ <= limits_.memory || fail(failure::too_large);
  }
  bool get_natural(std::uint64_t& x);
  bool get_integer(std::int64_t& x);
  bool get_bool(bool& x);
  bool get_real(float& x);
  bool get_real(double& x);
  template <class Bytes>
  bool get_bytes(Bytes& x) {
    std::size_t n = 0;
    if (!bytes_header(n) || !charge(n)) return false;
    const auto* first = reinterpret_cast<const typename Bytes::value_type*>(pos_);
    x.assign(first, first + n);
    pos_ += n;
    return true;
  }
  bool get_present(bool& x);
  bool begin_array(std::size_t& n) { return enter() && header(n, 0x90, 0xdc, 1); }
  bool begin_map(std::size_t& n) { return enter() && header(n, 0x80, 0xde, 2); }
  bool end_array() { return leave(); }
  bool begin_product(std::size_t n) {
    std::size_t found = 0;
    return begin_array(found) && (found == n || fail(failure::bad_value));
  }
  bool end_product() { return leave(); }
  bool begin_struct(frame& f) { return begin_map(f.left); }
  // The next tag that is a natural number.
  bool next_tag(frame& f, std::uint64_t& tag);
  bool take_nil() {
    const bool nil = pos_ != end_ && static_cast<std::uint8_t>(*pos_) == 0xc0;
    if (nil) ++pos_;
    return nil;
  }
  bool end_struct(const frame&) { return leave() && why_ == failure::none; }
  // One value of any kind.
  bool skip();
  template <class T>
  bool get_other(T&) {
    static_assert(sizeof(T) == 0, "this type has no form on disk");
    return false;
  }

 private:
  bool enter() { return ++depth_ <= limits_.depth || fail(failure::too_deep); }
  bool leave() {
    --depth_;
    return true;
  }
  bool byte(std::uint8_t& x);
  bool big_endian(std::uint64_t& x, int bytes);
  bool header(std::size_t& n, int fix, int wide, std::size_t each);
  bool bytes_header(std::size_t& n);
  bool drop(std::uint64_t bytes);
  bool skip_scalar(std::uint8_t head, std::uint64_t& more);

  const char* pos_;
  const char* end_;
  limits limits_;
  std::uint32_t depth_ = 0;
  std::uint64_t memory_ = 0;
  failure why_ = failure::none;
};

// Refuses what a reader would refuse: too_deep, and too_large for a size of 4 GiB.
template <described T>
[[nodiscard]] failure encode_to(std::string& out, const T& x) {
  writer w{out};
  codec::save(w, x);
  return w.why();
}
// For values that only a bug of ours could nest too deeply.
template <described T>
std::string encode(const T& x) {
  std::string out;
  const auto why = encode_to(out, x);
  assert(why == failure::none);
  (void)why;
  return out;
}
template <described T>
failure decode(std::string_view in, T& x, limits bounds = {}) {
  reader r{in, bounds};
  x = T{};
  if (codec::load(r, x) && r.left() > 0) r.fail(failure::trailing);
  return r.why();
}
}  // namespace troupe::msgpack

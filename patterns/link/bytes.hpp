// Little-endian integers and short texts in byte vectors: the link's only encoding primitives.
//   Promises  a reader never looks past its view and never allocates more than what it has seen;
//   once
//             something did not fit, it stays failed and yields zeros
#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>
namespace troupe::link {
using buffer = std::vector<char>;  // what CAF's serializers and brokers use as well
using view = std::span<const char>;
static_assert(std::endian::native == std::endian::little, "the link copies integers as they are");

template <class Integer>
void put(buffer& out, Integer value) {
  const auto at = out.size();
  out.resize(at + sizeof value);
  std::memcpy(out.data() + at, &value, sizeof value);
}
template <class Integer>
void put_at(buffer& out, std::size_t at, Integer value) {
  std::memcpy(out.data() + at, &value, sizeof value);
}
inline void put_bytes(buffer& out, view bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}
template <std::size_t N>
void put_bytes(buffer& out, const std::array<std::uint8_t, N>& bytes) {
  const auto at = out.size();
  out.resize(at + N);
  std::memcpy(out.data() + at, bytes.data(), N);
}
// a text behind its u8 length; what is longer than 255 bytes is cut, so check before
inline void put_text(buffer& out, std::string_view text) {
  text = text.substr(0, 255);
  put(out, static_cast<std::uint8_t>(text.size()));
  put_bytes(out, view{text.data(), text.size()});
}

class byte_reader {
 public:
  explicit byte_reader(view bytes) : rest_{bytes} {}

  template <class Integer>
  Integer get() {
    Integer value{};
    const auto bytes = take(sizeof value);
    if (!failed_) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  template <std::size_t N>
  std::array<std::uint8_t, N> get_bytes() {
    std::array<std::uint8_t, N> value{};
    const auto bytes = take(N);
    if (!failed_) std::memcpy(value.data(), bytes.data(), N);
    return value;
  }
  std::string get_text() {
    const auto bytes = take(get<std::uint8_t>());
    return {bytes.begin(), bytes.end()};
  }
  view take(std::size_t size) {  // empty when there is less
    if (failed_ || size > rest_.size()) {
      failed_ = true;
      return {};
    }
    const auto taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  view rest() const { return failed_ ? view{} : rest_; }
  bool failed() const { return failed_; }

 private:
  view rest_;
  bool failed_ = false;
};
}  // namespace troupe::link

#include "runtime/journal/codec.hpp"

#include "patterns/link/crc32c.hpp"

#include <bit>
#include <cstring>

namespace troupe::journal {
namespace {
static_assert(std::endian::native == std::endian::little, "integers are copied as they are");

template <class Integer>
void put(std::string& out, std::size_t at, Integer value) {
  std::memcpy(out.data() + at, &value, sizeof value);
}
template <class Integer>
Integer get(std::string_view from, std::size_t at) {
  Integer value{};
  std::memcpy(&value, from.data() + at, sizeof value);
  return value;
}
std::uint32_t sum_of(std::string_view place, std::string_view encoded) {
  return crc32c(encoded.substr(4), crc32c(place));
}
}  // namespace

std::string_view to_string(flaw f) {
  switch (f) {
    case flaw::truncated:
      return "its bytes end too early";
    case flaw::trailing:
      return "bytes follow its end";
    case flaw::checksum:
      return "its checksum is wrong";
    case flaw::index:
      return "it has another index";
  }
  return "?";
}

std::string encode(std::string_view place, std::uint64_t index, std::uint64_t term,
                   std::string_view bytes) {
  std::string out;
  out.reserve(record_head + bytes.size());
  out.resize(record_head);
  put(out, 4, static_cast<std::uint32_t>(bytes.size()));
  put(out, 8, index);
  put(out, 16, term);
  out.append(bytes);
  put(out, 0, sum_of(place, out));
  return out;
}

result<record, flaw> decode(std::string_view place, std::string_view encoded) {
  if (encoded.size() < record_head) return unexpected{flaw::truncated};
  const auto length = get<std::uint32_t>(encoded, 4);
  if (encoded.size() - record_head < length) return unexpected{flaw::truncated};
  if (encoded.size() - record_head > length) return unexpected{flaw::trailing};
  if (get<std::uint32_t>(encoded, 0) != sum_of(place, encoded)) return unexpected{flaw::checksum};
  return record{get<std::uint64_t>(encoded, 8), get<std::uint64_t>(encoded, 16),
                std::string{encoded.substr(record_head)}};
}

result<record, flaw> decode(std::string_view place, std::string_view encoded, std::uint64_t index) {
  auto found = decode(place, encoded);
  if (found && found->index != index) return unexpected{flaw::index};
  return found;
}

std::string record_place(const std::string& group) { return "record " + group; }
std::string snapshot_place(const std::string& group) { return "snapshot " + group; }
std::string state_place(const std::string& group) { return "state " + group; }
std::string extent_place(const std::string& group) { return "extent " + group; }
}  // namespace troupe::journal

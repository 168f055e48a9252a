// room: runtime
// The reader of records on disk, over any bytes: it ends within its limits, and what was read can be written and read
// again.
#include "patterns/message.hpp"
#include "runtime/codec/msgpack.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace msgpack_fuzz {
enum class kind : std::int8_t { none = -1, data };
TROUPE_ENUM(kind, none, data)
struct item {
  std::uint64_t index = 0;
  std::string key;
};
TROUPE_MESSAGE(item, index, key)
struct record {
  std::uint64_t term = 0;
  std::int64_t delta = 0;
  double weight = 1.5;
  float share = 0;
  bool last = false;
  kind what = kind::data;
  std::string text = "default";
  std::vector<char> blob;
  std::vector<item> items;
  std::map<std::string, std::vector<double>> loads;
  std::set<std::int16_t> numbers;
  std::optional<std::uint32_t> limit = 7;
  std::variant<std::monostate, item, double> choice;
  std::pair<bool, std::int32_t> both;
  std::array<std::uint16_t, 3> three{};
  std::vector<bool> bits;
  std::vector<std::optional<item>> holes;
  std::chrono::seconds age{};
};
TROUPE_MESSAGE(record, term, delta, weight, share, last, what, text, blob, items, loads, numbers,
               limit, choice, both, three, bits, holes, age)
struct nested {
  std::vector<nested> children;
  std::map<std::uint32_t, record> records;
};
TROUPE_MESSAGE(nested, children, records)
}  // namespace msgpack_fuzz

using namespace msgpack_fuzz;

namespace {
template <class T>
void read(std::string_view bytes) {
  T x, y;
  if (troupe::msgpack::decode(bytes, x, {.memory = 1 << 22}) != troupe::codec::failure::none)
    return;
  std::string first, second;
  if (troupe::msgpack::encode_to(first, x) != troupe::codec::failure::none) std::abort();
  if (troupe::msgpack::decode(first, y) != troupe::codec::failure::none) std::abort();
  if (troupe::msgpack::encode_to(second, y) != troupe::codec::failure::none) std::abort();
  if (first != second) std::abort();  // bytes, since not-a-number is not equal to itself
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  read<record>(bytes);
  read<nested>(bytes);
  troupe::msgpack::reader skipping{bytes};
  while (skipping.left() > 0 && skipping.skip()) {
  }
  return 0;
}

// room: patterns
#include "patterns/mapreduce/encoding.hpp"

#include <cstdlib>
namespace {
using namespace troupe::mapreduce;
struct visit {
  std::string page;
  std::uint32_t seconds = 0;
  std::vector<std::pair<std::string, std::vector<double>>> marks;
};
TROUPE_MESSAGE(visit, page, seconds, marks)

// What can be decoded is encoded to the same bytes again.
template <class T>
void key(std::string_view bytes) {
  T x{};
  auto left = bytes;
  if (!encoding::get_key(left, x)) return;
  std::string again;
  encoding::put_key(again, x);
  if (again != bytes.substr(0, bytes.size() - left.size())) std::abort();
}
template <class T>
void value(std::string_view bytes) {
  T x{};
  if (!encoding::get_value(bytes, x)) return;
  std::string again, once_more;
  encoding::put_value(again, x);
  T y{};
  std::string_view left = again;
  if (!encoding::get_value(left, y) || !left.empty()) std::abort();
  encoding::put_value(once_more, y);
  if (again != once_more) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  key<std::string>(bytes);
  key<std::tuple<std::string, std::uint64_t, std::string>>(bytes);
  key<std::pair<std::int16_t, std::string>>(bytes);
  value<visit>(bytes);
  value<std::vector<std::string>>(bytes);
  value<std::tuple<std::string, std::array<std::int32_t, 2>, std::string>>(bytes);
  return 0;
}

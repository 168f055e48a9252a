// Described structs on disk: golden bytes, evolution, msgpack-cxx as a second opinion, hostile bytes.
#include "patterns/message.hpp"
#include "runtime/codec/msgpack.hpp"

#include <bit>
#include <limits>
#include <map>
#include <random>

#include <doctest/doctest.h>
#include <msgpack.hpp>

namespace {
using troupe::codec::failure;
namespace pack = troupe::msgpack;

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
  std::optional<std::uint32_t> limit = 7;
  std::variant<std::monostate, item> choice;
  std::pair<bool, std::int32_t> both;
  std::chrono::seconds age{};
};
TROUPE_MESSAGE(record, term, delta, weight, share, last, what, text, blob, items, loads, limit,
               choice, both, age)

struct nested {
  std::vector<nested> children;
};
TROUPE_MESSAGE(nested, children)

record full() {
  record x;
  x.term = 1ULL << 40;
  x.delta = -33;
  x.weight = -0.0;
  x.share = 0.5F;
  x.last = true;
  x.what = kind::none;
  x.text = std::string(40, 't');
  x.blob = {'\0', '\xff'};
  x.items = {{1, "a"}, {200, std::string(300, 'k')}};
  x.loads = {{"n", {1, std::numeric_limits<double>::infinity()}}};
  x.limit.reset();
  x.choice = item{70000, "c"};
  x.both = {true, -40000};
  x.age = std::chrono::seconds{-200};
  return x;
}

std::string of(std::initializer_list<int> values) {
  std::string out;
  for (const int v : values) out.push_back(static_cast<char>(v));
  return out;
}
template <class T>
failure read(const std::string& in, T& x) {
  return pack::decode(in, x);
}
}  // namespace

TEST_CASE("codec msgpack: every kind of field survives") {
  const auto x = full();
  record y;
  CHECK(read(pack::encode(x), y) == failure::none);
  CHECK(x == y);
  CHECK(std::signbit(y.weight));
  CHECK(read(pack::encode(record{}), y) == failure::none);
  CHECK(y == record{});
}

TEST_CASE("codec msgpack: NaN, denormals and every border of an integer survive") {
  for (const double d :
       {std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity(),
        std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::max()}) {
    record x, y;
    x.weight = d;
    x.share = static_cast<float>(d);
    REQUIRE(read(pack::encode(x), y) == failure::none);
    CHECK(std::bit_cast<std::uint64_t>(y.weight) == std::bit_cast<std::uint64_t>(d));
    CHECK(std::bit_cast<std::uint32_t>(y.share) == std::bit_cast<std::uint32_t>(x.share));
  }
  for (int shift = 0; shift < 64; ++shift) {
    for (const std::int64_t offset : {-1, 0, 1}) {
      record x, y;
      x.term = (1ULL << shift) + static_cast<std::uint64_t>(offset);
      x.delta = static_cast<std::int64_t>(~(1ULL << shift) + static_cast<std::uint64_t>(offset));
      REQUIRE(read(pack::encode(x), y) == failure::none);
      CHECK(x == y);
    }
  }
}

TEST_CASE("codec msgpack: golden bytes, which the previous version has written") {
  const auto written = of({0x82, 1, 0xcd, 1, 0x2c, 2, 0xa1, 'x'});
  CHECK(pack::encode(item{300, "x"}) == written);
  item x;
  CHECK(read(written, x) == failure::none);
  CHECK(x == item{300, "x"});
  // a record of a version that had six fields, with a nil and an integer wider than needed
  record y;
  CHECK(read(of({0x86, 1, 0xcf, 0, 0,    0,    0, 0, 0, 0, 9,    2, 0xd0,
                 0xff, 3, 0xc0, 4, 0xca, 0x3f, 0, 0, 0, 5, 0xc3, 6, 0xff}),
             y) == failure::none);
  record expected;
  expected.term = 9;
  expected.delta = -1;
  expected.share = 0.5F;
  expected.last = true;
  expected.what = kind::none;
  CHECK(y == expected);
}

TEST_CASE("codec msgpack: a later version's tags and foreign keys are skipped") {
  std::string newer =
      of({0x86, 2,    0xa1, 'y', 3, 0x81, 1,    0x92, 0xc0, 0xa1, 'q', 0xa4, 'n',  'a', 'm',
          'e',  0x93, 1,    2,   3, 99,   0xc7, 2,    1,    0,    0,   0x90, 0xc2, 1,   5});
  item x;
  CHECK(read(newer, x) == failure::none);
  CHECK(x == item{5, "y"});
}

TEST_CASE("codec msgpack: the library agrees") {
  const auto x = full();
  const auto bytes = pack::encode(x);
  const auto handle = msgpack::unpack(bytes.data(), bytes.size());
  const auto map = handle.get().as<std::map<int, msgpack::object>>();
  CHECK(map.size() == 14);
  CHECK(map.at(1).as<std::uint64_t>() == x.term);
  CHECK(map.at(2).as<std::int64_t>() == x.delta);
  CHECK(map.at(7).as<std::string>() == x.text);
  CHECK(map.at(8).as<std::vector<char>>() == x.blob);
  CHECK(map.at(9)
            .as<std::vector<std::map<int, msgpack::object>>>()[1]
            .at(2)
            .as<std::string>()
            .size() == 300);
  CHECK(map.at(10).as<std::map<std::string, std::vector<double>>>() == x.loads);
  CHECK(map.at(11).is_nil());
  msgpack::sbuffer out;
  msgpack::packer<msgpack::sbuffer> p{out};
  p.pack_map(2).pack(1).pack(std::int64_t{77}).pack(2).pack("lib");
  item y;
  CHECK(read(std::string{out.data(), out.size()}, y) == failure::none);
  CHECK(y == item{77, "lib"});
}

TEST_CASE("codec msgpack: hostile bytes end in a failure and not in an allocation") {
  struct row {
    const char* what;
    std::string in;
    failure then;
  };
  const row rows[] = {
      {"nothing", "", failure::truncated},
      {"not a map", of({0x91, 1}), failure::bad_value},
      {"a map of 2^32 - 1", of({0xdf, 0xff, 0xff, 0xff, 0xff, 1, 1}), failure::truncated},
      {"a map cut after a key", of({0x81, 1}), failure::truncated},
      {"a text of 4 GiB", of({0x81, 2, 0xdb, 0xff, 0xff, 0xff, 0xff, 'x'}), failure::truncated},
      {"a text where a number belongs", of({0x81, 1, 0xa1, 'x'}), failure::bad_value},
      {"a negative where a natural belongs", of({0x81, 1, 0xff}), failure::bad_value},
      {"an unknown value of 4 GiB", of({0x81, 9, 0xdd, 0xff, 0xff, 0xff, 0xff, 1}),
       failure::truncated},
      {"the byte that msgpack never uses", of({0x81, 9, 0xc1}), failure::bad_value},
      {"bytes after the value", of({0x80, 0}), failure::trailing},
      {"an empty map is all defaults", of({0x80}), failure::none},
  };
  for (const auto& r : rows) {
    CAPTURE(r.what);
    item x;
    CHECK(read(r.in, x) == r.then);
  }
  record x;
  CHECK(read(of({0x81, 6, 5}), x) == failure::bad_value);            // not on the enum's list
  CHECK(read(of({0x81, 13, 0x91, 0xc3}), x) == failure::bad_value);  // a pair of one
  CHECK(read(of({0x81, 12, 0x92, 9, 0x80}), x) == failure::bad_value);
  std::string deep = of({0x81, 9});
  deep += std::string(100'000, '\x91') + '\x01';
  item y;
  CHECK(read(deep, y) == failure::none);  // skipping costs no stack
  nested tree;
  std::string levels;
  for (int i = 0; i < 40; ++i) levels += of({0x81, 1, 0x91});
  CHECK(read(levels + '\x80', tree) == failure::too_deep);
  nested grown;
  for (int i = 0; i < 40; ++i) grown = nested{{grown}};
  std::string out;
  CHECK(pack::encode_to(out, grown) == failure::too_deep);
  std::mt19937_64 chance{11};
  const auto good = pack::encode(full());
  for (std::size_t n = 0; n < good.size(); ++n)
    CHECK(read(good.substr(0, n), x) == failure::truncated);
  for (int round = 0; round < 5000; ++round) {
    auto bad = good;
    for (auto n = 1 + chance() % 4; n > 0; --n)
      bad[chance() % bad.size()] = static_cast<char>(chance());
    read(bad, x);
  }
}

#include "patterns/encoding.hpp"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <set>

#include <doctest/doctest.h>

namespace encoding_test {
enum class color : std::uint8_t { red, green };
TROUPE_ENUM(color, red, green)
struct inner {
  std::uint32_t number = 7;
  std::string text{};
};
TROUPE_MESSAGE(inner, number, text)
struct everything {
  bool flag = false;
  std::int8_t tiny = 0;
  std::int64_t large = 0;
  std::uint64_t natural = 0;
  double real = 0;
  std::string text{};
  color hue = color::red;
  std::vector<std::uint8_t> bytes{};
  std::vector<inner> list{};
  std::map<std::string, std::vector<int>> tree{};
  std::set<std::int32_t> numbers{};
  std::optional<inner> maybe{};
  std::array<std::uint16_t, 2> two{};
  std::variant<std::monostate, inner, double> choice{};
  std::chrono::milliseconds age{};
  std::vector<bool> bits{};
};
TROUPE_MESSAGE(everything, flag, tiny, large, natural, real, text, hue, bytes, list, tree, numbers,
               maybe, two, choice, age, bits)
// The same record before and after a field was added.
struct older {
  std::uint64_t term = 0;
  std::vector<inner> parts{};
};
TROUPE_MESSAGE(older, term, parts)
struct newer {
  std::uint64_t term = 0;
  std::vector<inner> parts{};
  std::string why = "unsaid";
  std::optional<double> extra{};
};
TROUPE_MESSAGE(newer, term, parts, why, extra)
struct nested {
  std::vector<nested> children{};
};
TROUPE_MESSAGE(nested, children)
struct none {};
TROUPE_MESSAGE(none)
}  // namespace encoding_test

namespace {
using namespace troupe;
using namespace encoding_test;
using namespace std::string_literals;
using failure = encoding_failure;

everything full() {
  everything x;
  x.flag = true;
  x.tiny = -128;
  x.large = std::numeric_limits<std::int64_t>::min();
  x.natural = std::numeric_limits<std::uint64_t>::max();
  x.real = -0.5;
  x.text = std::string(300, 'x');
  x.hue = color::green;
  x.bytes = {0, 255};
  x.list = {{1, "a"}, {2, std::string(200, 'b')}};
  x.tree = {{"", {}}, {"b", {1, -1}}};
  x.numbers = {-3, 4};
  x.maybe = inner{9, "m"};
  x.two = {1, 65535};
  x.choice = 1.5;
  x.age = std::chrono::milliseconds{-4};
  x.bits = {true, false, true};
  return x;
}

template <class T>
failure refused(std::string_view bytes, encoding_limits bounds = {}) {
  const auto r = decode<T>(bytes, bounds);
  REQUIRE_FALSE(r);
  return r.error();
}

TEST_CASE("encoding: every kind of value comes back, and equal values give equal bytes") {
  const auto x = full();
  const auto bytes = encode(x);
  const auto back = decode<everything>(bytes);
  REQUIRE(back);
  CHECK(*back == x);
  CHECK(encode(*back) == bytes);
  CHECK(*decode<everything>(encode(everything{})) == everything{});
  CHECK(encode(none{}) == "\0"s);
  CHECK(decode<none>("\0"s));
}

TEST_CASE("encoding: the form, byte by byte") {
  CHECK(encode(std::uint64_t{300}) == "\xac\x02");
  CHECK(encode(std::int64_t{-1}) == "\x01");
  CHECK(encode(true) == "\x01");
  CHECK(encode("ab"s) ==
        "\x02"
        "ab");
  CHECK(encode(inner{5, "a"}) ==
        "\x03\x05\x01"
        "a");
  CHECK(encode(std::optional<int>{}) == "\0"s);
  CHECK(encode(std::variant<int, bool>{true}) == "\x01\x01");
  CHECK(encode(inner{5, std::string(200, 'a')}).substr(0, 5) == "\xcb\x01\x05\xc8\x01");
}

TEST_CASE("encoding: a float is its bits") {
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(std::isnan(*decode<double>(encode(nan))));
  CHECK(std::signbit(*decode<double>(encode(-0.0))));
  CHECK(encode(1.0f).size() == 4);
}

TEST_CASE(
    "encoding: a reader that knows fewer fields skips the rest, one that knows more defaults") {
  const newer now{3, {{1, "x"}}, "because", 2.5};
  const auto as_older = decode<older>(encode(now));
  REQUIRE(as_older);
  CHECK(*as_older == older{3, {{1, "x"}}});
  const auto as_newer = decode<newer>(encode(older{3, {{1, "x"}}}));
  REQUIRE(as_newer);
  CHECK(*as_newer == newer{3, {{1, "x"}}, "unsaid", {}});
  // in the middle of others as well
  const auto list = decode<std::vector<older>>(encode(std::vector<newer>{now, now}));
  REQUIRE(list);
  CHECK(list->size() == 2);
  CHECK(list->at(1).parts.size() == 1);
}

TEST_CASE("encoding: whatever ends early is refused at every byte") {
  const auto bytes = encode(full());
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    CAPTURE(n);
    CHECK(refused<everything>(std::string_view{bytes}.substr(0, n)) == failure::truncated);
  }
  CHECK(refused<everything>(bytes + "x") == failure::trailing);
}

TEST_CASE("encoding: what encode could not have written is refused") {
  CHECK(refused<color>("\x02") == failure::bad_value);
  CHECK(refused<bool>("\x02") == failure::bad_value);
  CHECK(refused<std::uint8_t>("\x80\x02") == failure::bad_value);
  CHECK(refused<std::int8_t>("\x80\x02") == failure::bad_value);
  CHECK(refused<std::uint64_t>("\x81\x00"s) == failure::bad_value);
  CHECK(refused<std::uint64_t>("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02") == failure::bad_value);
  CHECK(decode<std::uint64_t>("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
  CHECK(refused<std::set<std::uint8_t>>("\x02\x05\x05") == failure::bad_value);
  CHECK(refused<std::set<std::uint8_t>>("\x02\x05\x04") == failure::bad_value);
  CHECK(refused<std::map<std::uint8_t, bool>>("\x02\x05\x00\x04\x00"s) == failure::bad_value);
  CHECK(refused<std::optional<bool>>("\x02") == failure::bad_value);
  CHECK(refused<std::variant<bool, int>>("\x02\x00"s) == failure::bad_value);
  // a struct's field that ends beyond the struct
  CHECK(refused<std::pair<inner, std::string>>("\x02\x05\x02"
                                               "ab") == failure::truncated);
}

TEST_CASE("encoding: counts, depth and memory are bounded") {
  CHECK(refused<std::string>("\xff\xff\xff\xff\x0f"
                             "abc") == failure::truncated);
  CHECK(refused<std::vector<inner>>("\x7f\x00"s) == failure::truncated);
  const std::string many = encode(std::vector<none>(1000));
  CHECK(decode<std::vector<none>>(many));
  CHECK(refused<std::vector<everything>>(encode(std::vector<none>(1000)), {.memory = 10'000}) ==
        failure::too_large);
  nested n;
  for (int i = 0; i < 40; ++i) n = nested{{n}};
  CHECK(refused<nested>(encode(n)) == failure::too_deep);
  CHECK(decode<nested>(encode(n), {.depth = 64}));
}
}  // namespace

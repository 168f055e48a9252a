#include "patterns/mapreduce/encoding.hpp"
#include "patterns/mapreduce/words.hpp"
#include "seeds.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace troupe::mapreduce;

struct visit {
  std::string page;
  std::uint32_t seconds = 0;
  std::vector<std::string> tags;
};
TROUPE_MESSAGE(visit, page, seconds, tags)
enum class color : std::int8_t { red = -1, green, blue };

template <class T>
std::string key_of(const T& x) {
  std::string bytes;
  encoding::put_key(bytes, x);
  return bytes;
}

// Keys come back as they were, and their bytes are ordered as they are.
template <class T>
void expect_ordered(std::vector<T> rising) {
  for (std::size_t i = 0; i < rising.size(); ++i) {
    const auto bytes = key_of<T>(rising[i]);
    CAPTURE(i);
    std::string_view left = bytes;
    T back{};
    CHECK(encoding::get_key(left, back));
    CHECK(left.empty());
    CHECK(back == rising[i]);
    for (std::size_t j = 0; j < i; ++j) CHECK(key_of<T>(rising[j]) < bytes);
  }
}

template <class T>
void expect_same(const T& x) {
  std::string bytes;
  encoding::put_value(bytes, x);
  std::string_view left = bytes;
  T back{};
  CHECK(encoding::get_value(left, back));
  CHECK(left.empty());
  CHECK(back == x);
}

template <class T>
std::string line_of(const T& x) {
  std::string text;
  encoding::put_text(text, x);
  return text;
}
}  // namespace

TEST_CASE("encoding: the bytes of keys are ordered as the keys are") {
  expect_ordered<std::uint32_t>({0, 1, 255, 256, 1u << 31, ~0u});
  expect_ordered<std::int64_t>({std::numeric_limits<std::int64_t>::min(), -256, -1, 0, 1, 255,
                                std::numeric_limits<std::int64_t>::max()});
  expect_ordered<std::int8_t>({-128, -1, 0, 127});
  expect_ordered<double>({-std::numeric_limits<double>::infinity(), -1e300, -1.5, -1e-300, 0.0,
                          1e-300, 1.5, 1e300, std::numeric_limits<double>::infinity()});
  expect_ordered<float>({-2.5f, -0.0f, 1.0f});
  expect_ordered<bool>({false, true});
  expect_ordered<color>({color::red, color::green, color::blue});
  const std::string nul(1, '\0');
  expect_ordered<std::string>({"", nul, nul + nul, nul + "a", "a", "a" + nul, "ab", "b", "\xff"});
  using row = std::pair<std::string, std::int32_t>;
  expect_ordered<row>({{"", -1},
                       {"", 0},
                       {nul, -5},
                       {nul + nul, 1},
                       {nul + "\xff", 0},
                       {"a", 7},
                       {"a" + nul, 1},
                       {"a\x01", 0},
                       {"ab", -9}});
  using line = std::tuple<std::string, std::string, std::uint8_t>;
  expect_ordered<line>(
      {{"", "", 0}, {"", "", 1}, {"", nul, 0}, {nul, "", 0}, {"a", "b", 3}, {"ab", "", 0}});
}

TEST_CASE("encoding: values come back as they were") {
  expect_same(nothing{});
  expect_same(std::uint64_t{1} << 63);
  expect_same(-1.5);
  expect_same(std::string("a\0\n\xff", 4));
  expect_same(std::vector<std::string>{"", "a", std::string(300, 'x')});
  expect_same(std::pair<std::string, std::string>{"a", "b"});
  expect_same(std::tuple<std::string, int, std::vector<double>>{"a", -1, {0.5}});
  expect_same(std::array<std::uint16_t, 3>{1, 2, 3});
  expect_same(visit{"/index", 30, {"a", "b"}});
  expect_same(std::vector<visit>{{"/index", 30, {"a", "b"}}, {}});
}

TEST_CASE("encoding: bytes that are too few, or claim too much, are refused") {
  std::string bytes;
  encoding::put_value(bytes, visit{"/index", 30, {"a", "b"}});
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    std::string_view cut = std::string_view{bytes}.substr(0, n);
    visit back;
    CHECK(!encoding::get_value(cut, back));
  }
  std::vector<std::string> list;
  std::string_view claims_much = "\xff\xff\xff\xff\xff\xff\xff\xff\x7f";
  CHECK(!encoding::get_value(claims_much, list));
  std::pair<std::string, std::int32_t> key;
  for (std::string_view wrong :
       {std::string_view{"a\0\0", 3}, std::string_view{"a\0", 2}, std::string_view{"a"},
        std::string_view{"a\0\1", 3}, std::string_view{"a\0\0abc", 6}})
    CHECK(!encoding::get_key(wrong, key));
}

TEST_CASE("encoding: the text of an output line") {
  CHECK(line_of(std::uint64_t{18446744073709551615u}) == "18446744073709551615");
  CHECK(line_of(-7) == "-7");
  CHECK(line_of(0.5) == "0.5");
  CHECK(line_of(true) == "1");
  CHECK(line_of(color::blue) == "1");
  CHECK(line_of(std::string{"word"}) == "word");
  CHECK(line_of(std::make_tuple(std::string{"a"}, 1, -2.5)) == "a\t1\t-2.5");
  CHECK(line_of(std::vector<int>{1, 2, 3}) == "1 2 3");
  CHECK(line_of(visit{"/index", 30, {"a", "b"}}) == "/index\t30\ta b");
}

TEST_CASE("words: maximal runs of [A-Za-z0-9_] in lower case, wherever they lie") {
  for (auto seed : test::seeds()) {
    CAPTURE(seed);
    std::mt19937_64 random{seed};
    word_scanner scanner;
    for (int round = 0; round < 200; ++round) {
      std::string text(random() % 300, '\0');
      for (auto& c : text)
        c = static_cast<char>(random() % 4 == 0 ? random()
                                                : "aZ_9\n"[random() % (1 + random() % 5)]);
      std::vector<std::string> expected(1), found;
      for (const char c : text) {
        if (is_word_char(c)) {
          expected.back().push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
        } else if (!expected.back().empty()) {
          expected.emplace_back();
        }
      }
      if (expected.back().empty()) expected.pop_back();
      scanner.scan(text,
                   [&](const char* word, std::size_t size) { found.emplace_back(word, size); });
      CHECK(found == expected);
    }
  }
}

TEST_CASE("words: each of the 256 bytes is in a word or between words") {
  word_scanner scanner;
  int in = 0;
  for (int c = 0; c < 256; ++c) {
    const std::string text{static_cast<char>(c)};
    int words = 0;
    scanner.scan(text, [&](const char*, std::size_t) { ++words; });
    CHECK(words == (is_word_char(text[0]) ? 1 : 0));
    in += words;
  }
  CHECK(in == 26 + 26 + 10 + 1);
}

#include "runtime/config/nearest.hpp"
#include "runtime/config/value.hpp"
#include "seeds.hpp"

#include <random>

#include <doctest/doctest.h>

namespace {
using namespace troupe;
using namespace troupe::config;
using namespace std::chrono_literals;

template <class T>
std::string shown(const read<T>& r) {
  return r ? "a value" : r.error();
}
void duration_is(const std::string& text, std::chrono::nanoseconds expected) {
  CAPTURE(text);
  const auto got = read_duration(text);
  CAPTURE(shown(got));
  REQUIRE(got);
  CHECK(*got == expected);
}
void size_is(const std::string& text, std::uint64_t expected) {
  CAPTURE(text);
  const auto got = read_size(text);
  CAPTURE(shown(got));
  REQUIRE(got);
  CHECK(*got == expected);
}
}  // namespace

TEST_CASE("config values: durations have units") {
  duration_is("500ms", 500ms);
  duration_is("2s", 2s);
  duration_is("1m30s", 90s);
  duration_is("1h", 1h);
  duration_is("2d", 48h);
  duration_is("1.5s", 1500ms);
  duration_is("0.25us", 250ns);
  duration_is("7us", 7us);
  duration_is("1ns", 1ns);
  duration_is("0", 0s);
  duration_is("9223372036854775807ns", std::chrono::nanoseconds::max());
  CHECK(read_duration("500").error().find("has no unit") == 0);
  for (const auto* const bad :
       {"", "ms", "-1s", "1 s", "1s ", "1x", "s1", "1s2", "1.2.3s", ".", ".s", "1e3s", "300000d",
        "9223372036854775808ns", "106751d9999999999s", "1S"}) {
    CAPTURE(bad);
    CHECK(!read_duration(bad));
  }
}

TEST_CASE("config values: sizes") {
  size_is("0", 0);
  size_is("512", 512);
  size_is("512B", 512);
  size_is("64KiB", 65536);
  size_is("64 KiB", 65536);
  size_is("10MB", 10'000'000);
  size_is("1.5MiB", 1'572'864);
  size_is("2GiB", 2 * GiB);
  size_is("3TiB", 3072 * GiB);
  for (const auto* const bad : {"", "KiB", "-1", "1k", "64kib", "1KiB2", "1e9", "9999999999GiB",
                                "99999999999999999999", "1.1.1MB"}) {
    CAPTURE(bad);
    CHECK(!read_size(bad));
  }
}

TEST_CASE("config values: numbers, truth and addresses") {
  CHECK(*read_integer("-42") == -42);
  CHECK(read_integer("99999999999999999999").error().find("too large") != std::string::npos);
  for (const auto* const bad : {"", " 1", "1 ", "+1", "1.0", "0x10", "one", "1_000"})
    CHECK(!read_integer(bad));
  CHECK(*read_real("0.5") == 0.5);
  CHECK(*read_real("1e-3") == 0.001);
  for (const auto* const bad : {"", "nan", "inf", "1,5", "1e999"}) CHECK(!read_real(bad));
  CHECK(*read_bool("on"));
  CHECK(!*read_bool("no"));
  for (const auto* const bad : {"", "True", "y", "2"}) CHECK(!read_bool(bad));

  CHECK(*read_endpoint("host-1.example:4711") == endpoint{"host-1.example", 4711});
  CHECK(*read_endpoint("127.0.0.1:0") == endpoint{"127.0.0.1", 0});
  CHECK(*read_endpoint("[::1]:80") == endpoint{"::1", 80});
  CHECK(to_string(endpoint{"::1", 80}) == "[::1]:80");
  CHECK(to_string(endpoint{"a", 1}) == "a:1");
  for (const auto* const bad :
       {"", "host", "host:", ":80", "host:-1", "host:65536", "host:8x", "a b:1", "::1:80", "[]:1",
        "[::1]", "host:+1", "host: 1", "a/b:1"}) {
    CAPTURE(bad);
    CHECK(!read_endpoint(bad));
  }
  CHECK(split_list(" a, b ,c,") == std::vector<std::string>{"a", "b", "c"});
  CHECK(split_list("").empty());
  CHECK(split_list("a,,b") == std::vector<std::string>{"a", "", "b"});
}

TEST_CASE("config values: what is written reads as the same value") {
  for (const auto seed : test::seeds()) {
    CAPTURE(seed);
    std::mt19937_64 chance{seed};
    for (int i = 0; i < 200; ++i) {
      std::uint64_t bits = (chance() >> 1) >> (chance() % 63);
      if (chance() % 2 == 0) bits -= bits % 1'000'000;
      const std::chrono::nanoseconds d{static_cast<std::int64_t>(bits)};
      CHECK(*read_duration(write_duration(d)) == d);
      CHECK(*read_size(write_size(bits)) == bits);
      const auto real = static_cast<double>(bits) / 1024;
      CHECK(*read_real(write_real(real)) == real);
    }
  }
  CHECK(write_duration(90s) == "90s");
  CHECK(write_duration(1500ms) == "1500ms");
  CHECK(write_duration(0s) == "0");
  CHECK(write_size(65536) == "64KiB");
  CHECK(write_size(10'000'000) == "10MB");
}

TEST_CASE("config: the nearest name") {
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("probe", "porbe") == 1);
  CHECK(edit_distance("same", "same") == 0);
  const std::vector<std::string> known{"membership.probe-interval", "membership.suspicion-least",
                                       "log.level", "link.credit"};
  CHECK(nearest("membership.probe-intervall", known) == "membership.probe-interval");
  CHECK(nearest("membership.probe_interval", known) == "membership.probe-interval");
  CHECK(nearest("Log.Level", known) == "log.level");
  CHECK(nearest("log.levle", known) == "log.level");
  CHECK(nearest("probe-interval", known) == "membership.probe-interval");
  CHECK(nearest("something.else", known) == "");
  CHECK(nearest("", known) == "");
  CHECK(nearest(std::string(100000, 'x'), known) == "");
}

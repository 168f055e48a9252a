#include "patterns/message.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

using namespace std::chrono_literals;

namespace {
struct probe {
  std::uint64_t sequence = 0;
  std::string target;
};
TROUPE_MESSAGE(probe, sequence, target)
struct nothing {};
TROUPE_MESSAGE(nothing)
enum class role : std::uint8_t { follower, leader = 7 };
TROUPE_ENUM(role, follower, leader)
enum class plain : std::int8_t { low = -1, high };

struct report {
  role from = role::follower;
  std::vector<probe> probes;
  std::map<std::string, double> loads;
  std::optional<std::string> note;
  std::chrono::milliseconds age{};
  std::variant<bool, probe> last;
  std::pair<int, plain> both;
};
TROUPE_MESSAGE(report, from, probes, loads, note, age, last, both)

struct wide {
  int a1 = 1, a2 = 0, a3 = 0, a4 = 0, a5 = 0, a6 = 0, a7 = 0, a8 = 0, a9 = 0, a10 = 0, a11 = 0,
      a12 = 0, a13 = 0, a14 = 0, a15 = 0, a16 = 0, a17 = 0, a18 = 0, a19 = 0, a20 = 0, a21 = 0,
      a22 = 0, a23 = 0, a24 = 0, a25 = 0, a26 = 0, a27 = 0, a28 = 0, a29 = 0, a30 = 0, a31 = 0,
      a32 = 0, a33 = 0, a34 = 0, a35 = 0, a36 = 0, a37 = 0, a38 = 0, a39 = 39;
};
TROUPE_MESSAGE(wide, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17,
               a18, a19, a20, a21, a22, a23, a24, a25, a26, a27, a28, a29, a30, a31, a32, a33, a34,
               a35, a36, a37, a38, a39)
}  // namespace

TEST_CASE("message: the list of fields gives names, places and equality") {
  std::vector<std::string> names;
  probe p{7, "b"};
  troupe::for_each_field(p, [&](auto name, auto&) { names.emplace_back(name); });
  CHECK(names == std::vector<std::string>{"sequence", "target"});
  CHECK(troupe::name_of<probe>() == "probe");
  CHECK(p == probe{7, "b"});
  CHECK(p != probe{7, "c"});
  CHECK(nothing{} == nothing{});
}

TEST_CASE("message: up to 39 fields") {
  int sum = 0;
  const wide w;
  troupe::for_each_field(w, [&](auto, int x) { sum += x; });
  CHECK(sum == 40);
}

TEST_CASE("message: a struct has a text form") {
  CHECK(to_string(probe{7, "b"}) == R"(probe{sequence: 7, target: "b"})");
  CHECK(to_string(nothing{}) == "nothing{}");
  report r;
  r.from = role::leader;
  r.probes = {{1, "a"}, {2, "\"\n\x01"}};
  r.loads = {{"cpu", 0.1}, {"net", std::numeric_limits<double>::infinity()}};
  r.age = 250ms;
  r.last = probe{3, ""};
  r.both = {-4, plain::low};
  CHECK(
      to_string(r) ==
      R"(report{from: leader, probes: [probe{sequence: 1, target: "a"}, probe{sequence: 2, target: "\"\n\x01"}], )"
      R"(loads: {"cpu": 0.1, "net": inf}, note: none, age: 250ms, last: probe{sequence: 3, target: ""}, both: (-4, -1)})");
}

TEST_CASE("message: the text form of what is long is cut and says so") {
  CHECK(to_string(probe{1, std::string(1000, 'x')}) ==
        "probe{sequence: 1, target: \"" + std::string(256, 'x') + "\"...(1000)}");
  CHECK(troupe::text_of(std::vector<int>(1000, 0)).ends_with("0, ...(1000)]"));
  CHECK(troupe::text_of(std::set<int>{3, 1}) == "[1, 3]");
  CHECK(troupe::text_of(90s) == "90s");
  CHECK(troupe::text_of(std::chrono::duration<double>{1.5}) == "1.5s");
  CHECK(troupe::text_of(std::vector<bool>{true, false}) == "[true, false]");
}

TEST_CASE("message: a listed enum has names, and knows what is not on its list") {
  CHECK(to_string(role::leader) == "leader");
  CHECK(to_string(static_cast<role>(3)) == "(3)");
  CHECK(troupe::enum_from<role>("leader") == role::leader);
  CHECK(!troupe::enum_from<role>("king"));
  CHECK(troupe::valid_enum(role::leader));
  CHECK(!troupe::valid_enum(static_cast<role>(3)));
  CHECK(troupe::valid_enum(static_cast<plain>(77)));
}

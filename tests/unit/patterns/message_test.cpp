#include "patterns/message.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {
struct probe {
  std::uint64_t sequence = 0;
  std::string target;
};
TROUPE_MESSAGE(probe, sequence, target)
struct nothing {};
TROUPE_MESSAGE(nothing)
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

#include "patterns/result.hpp"

#include <memory>
#include <string>

#include <doctest/doctest.h>

namespace {
using troupe::unexpected;
enum class refusal { empty, odd };
using number = troupe::result<int, refusal>;
using nothing = troupe::result<void, refusal>;

constexpr number half(int x) {
  if (x % 2 != 0) return unexpected{refusal::odd};
  return x / 2;
}
static_assert(half(6).value() == 3);
static_assert(half(6).and_then(half).error() == refusal::odd);
static_assert(half(7).value_or(9) == 9);
static_assert(nothing{}.has_value());
}  // namespace

TEST_CASE("result: holds a value or an error") {
  number seven = 7;
  REQUIRE(seven);
  CHECK(*seven == 7);
  CHECK(seven == number{7});
  number none = unexpected{refusal::empty};
  REQUIRE(!none);
  CHECK(none.error() == refusal::empty);
  CHECK(none != seven);
  CHECK(none != number{unexpected{refusal::odd}});
  none = 3;
  CHECK(none.value() == 3);
  *none += 1;
  CHECK(none.value() == 4);
}

TEST_CASE("result: and_then, transform and or_else run on their own side only") {
  CHECK(half(8).and_then(half) == number{2});
  CHECK(half(3).and_then(half) == number{unexpected{refusal::odd}});
  CHECK(half(8).transform([](int x) { return std::to_string(x); }).value() == "4");
  CHECK(half(3).transform([](int x) { return std::to_string(x); }).error() == refusal::odd);
  CHECK(half(3).or_else([](refusal) { return number{0}; }) == number{0});
  CHECK(half(8).or_else([](refusal) { return number{0}; }) == number{4});
  CHECK(half(3).transform_error([](refusal) { return std::string{"odd"}; }).error() == "odd");
  int calls = 0;
  CHECK(half(8).transform([&](int) { ++calls; }).has_value());
  CHECK(!half(3).transform([&](int) { ++calls; }));
  CHECK(calls == 1);
}

TEST_CASE("result: a result of nothing says only whether it worked") {
  nothing good;
  nothing bad = unexpected{refusal::empty};
  CHECK(good.has_value());
  CHECK(bad.error() == refusal::empty);
  CHECK(good.and_then([] { return number{1}; }) == number{1});
  CHECK(bad.and_then([] { return number{1}; }).error() == refusal::empty);
  CHECK(good.transform([] { return 5; }) == number{5});
  CHECK(bad.or_else([](refusal) { return nothing{}; }).has_value());
}

TEST_CASE("result: what can only be moved is moved") {
  troupe::result<std::unique_ptr<int>, std::string> held = std::make_unique<int>(5);
  CHECK(*held.value() == 5);
  auto taken = std::move(held).value();
  CHECK(*taken == 5);
  auto next = troupe::result<std::unique_ptr<int>, std::string>{std::move(taken)}.transform(
      [](std::unique_ptr<int> p) { return *p + 1; });
  CHECK(next.value() == 6);
  troupe::result<std::string, std::string> same = unexpected{"broken"};
  CHECK(same.error() == "broken");
  CHECK(same.value_or("whole") == "whole");
  CHECK(troupe::result<std::string, std::string> { "x" } -> size() == 1);
}

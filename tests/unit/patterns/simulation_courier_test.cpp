#include "patterns/simulation/courier.hpp"

#include <string>

#include <doctest/doctest.h>
namespace {
using namespace troupe::simulation;
using namespace std::chrono_literals;
using courier_of_text = courier<std::string>;
using parcels = std::vector<parcel<std::string>>;
using texts = std::vector<std::string>;

parcels written(courier_of_text& c, instant now) {
  parcels all;
  c.write(now, [&](auto p) { all.push_back(std::move(p)); });
  return all;
}
}  // namespace

TEST_CASE("courier: items come once and in order, whatever the network does with its parcels") {
  courier_of_text from, to;
  from.open(1);
  to.open(1);
  for (const auto* item : {"a", "b", "c"}) from.post(item);
  const auto sent = written(from, 0ms);
  REQUIRE(sent.size() == 3);
  CHECK(to.receive(sent[1]).empty());
  CHECK(to.receive(sent[0]) == texts{"a", "b"});
  CHECK(to.receive(sent[0]).empty());
  CHECK(written(from, 200ms).empty());
  CHECK(from.due() == 250ms);
  CHECK(written(from, 250ms).size() == 3);  // c was lost, and no answer has come
  const auto answer = written(to, 250ms);
  REQUIRE(answer.size() == 1);
  CHECK(answer[0].received == 2);
  CHECK(from.receive(answer[0]).empty());
  const auto again = written(from, 500ms);
  REQUIRE(again.size() == 1);
  CHECK(to.receive(again[0]) == texts{"c"});
  from.receive(written(to, 500ms).at(0));
  CHECK(from.due() == instant::max());
}

TEST_CASE("courier: nothing of another session is delivered") {
  courier_of_text from, to;
  from.open(1);
  to.open(2);
  from.post("a");
  const auto old = written(from, 0ms);
  CHECK(to.receive(old.at(0)).empty());
  from.open(2);
  CHECK(written(from, 0ms).empty());
  from.post("b");
  CHECK(to.receive(written(from, 0ms).at(0)) == texts{"b"});
  CHECK(to.receive(old.at(0)).empty());
}

// Who of a member's contenders acts, by what the member's elector and the contenders say.
#include "patterns/election/contenders.hpp"

#include <string>

#include <doctest/doctest.h>
using namespace troupe::election;
using namespace std::chrono_literals;
namespace {
using c = contenders;
struct row {
  c::input what;
  c::instant at{};
};
void expect(const std::string& what, const std::vector<row>& given, row when, const c::output& then,
            bool one_a_term = true) {
  CAPTURE(what);
  c it{{.patience = 1s, .settle = 2s, .one_a_term = one_a_term}};
  c::output before, out;
  for (const auto& in : given) it.step(in.what, in.at, before);
  it.step(when.what, when.at, out);
  CHECK(out.begun == then.begun);
  CHECK(out.ended == then.ended);
  CHECK(out.eager == then.eager);
  CHECK(out.renew == then.renew);
}
const row one{c::entered{1}}, two{c::entered{2}}, leads{c::leading{5}};
}  // namespace

TEST_CASE("contenders: the first in line acts while the member leads, in a term of its own") {
  expect("who enters makes the member eager", {}, one, {.eager = true});
  expect("a second one waits", {one}, two, {});
  expect("the first is chosen", {one, two}, leads, {.begun = {{1, 5}}});
  expect("who enters while nobody has had the term is chosen", {leads}, one,
         {.begun = {{1, 5}}, .eager = true});
  expect("it ends, and the next one needs another term", {one, two, leads}, {c::left{1}},
         {.renew = true});
  expect("which it gets", {one, two, leads, {c::left{1}}}, {c::leading{6}}, {.begun = {{2, 6}}});
  expect("a late word of the term that was given up chooses nobody",
         {one, two, leads, {c::left{1}}}, leads, {});
  expect("nor does an older one", {one, two, leads, {c::left{1}}}, {c::leading{4}}, {});
  expect("the last one ends, and the member is not eager", {one, leads}, {c::left{1}},
         {.eager = false, .renew = true});
  expect("one that waits leaves without harm", {one, two, leads}, {c::left{2}}, {});
  expect("entered twice is entered once", {one, one, leads}, {c::left{1}},
         {.eager = false, .renew = true});
}

TEST_CASE("contenders: who acts is dethroned when the member leads no more, or it is silent") {
  expect("lost", {one, leads}, {c::not_leading{}}, {.ended = {{1, 5, false}}, .eager = false});
  expect("lost and won again, unnoticed", {one, two, leads}, {c::leading{7}},
         {.ended = {{1, 5, false}}, .begun = {{2, 7}}});
  expect("where terms are no fences it acts on", {one, two, leads}, {c::leading{7}}, {}, false);
  expect("not heard for its patience", {one, two, leads}, {c::tick{}, 1s},
         {.ended = {{1, 5, true}}, .renew = true});
  expect("heard in time", {one, leads, {c::heard{1}, 500ms}}, {c::tick{}, 1400ms}, {});
  expect("who only waits may be silent", {one, two, leads, {c::heard{1}, 900ms}},
         {c::tick{}, 1800ms}, {});
}

TEST_CASE("contenders: who leads without one gives way to a member that has") {
  const row others{c::others{true}}, nobody{c::others{false}};
  expect("once it has settled", {leads, others}, {c::tick{}, 2s}, {.renew = true});
  expect("not before", {leads, others}, {c::tick{}, 1900ms}, {});
  expect("not for nobody", {leads, others, nobody}, {c::tick{}, 2s}, {});
  expect("not with one of its own", {leads, others, one, {c::heard{1}, 2s}}, {c::tick{}, 2s}, {});
  expect("again, if it leads again", {leads, others, {c::tick{}, 2s}, {c::leading{6}, 3s}},
         {c::tick{}, 5s}, {.renew = true});
}

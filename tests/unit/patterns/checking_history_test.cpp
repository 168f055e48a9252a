#include "checking_rows.hpp"
#include "patterns/checking/history.hpp"
#include "patterns/checking/timeline.hpp"

#include <set>
using namespace troupe::checking;
using namespace troupe::checking::rows;

namespace {
event invoke(std::int64_t p, std::int64_t time = 0, std::string f = "read", value key = {}) {
  return {p, event_type::invoke, std::move(f), std::move(key), {}, time};
}
event ends(std::int64_t p, event_type type, std::int64_t time = 0, std::string f = "read",
           value key = {}) {
  return {p, type, std::move(f), std::move(key), 7, time};
}
}  // namespace

TEST_CASE("values: equal, ordered and hashed alike") {
  const std::vector<value> rising{{},      false,       true,       -1,     0,   0.5,
                                  1,       2.5,         "",         "a",    "b", list{},
                                  list{1}, list{1, {}}, list{1, 2}, list{2}};
  for (std::size_t i = 0; i < rising.size(); ++i)
    for (std::size_t j = 0; j < rising.size(); ++j) {
      CAPTURE(to_string(rising[i]));
      CAPTURE(to_string(rising[j]));
      CHECK((rising[i] < rising[j]) == (i < j));
      CHECK((rising[i] == rising[j]) == (i == j));
      if (i == j) CHECK(hash_of(rising[i]) == hash_of(rising[j]));
    }
  CHECK(value{7} == value{7.0});
  CHECK(hash_of(7) == hash_of(7.0));
  CHECK(hash_of(0.0) == hash_of(-0.0));
  CHECK(to_string(list{1, "x", {}, true, list{0.5}}) == "[1, \"x\", null, true, [0.5]]");
}

TEST_CASE("histories: events become operations") {
  const history all{invoke(0, 1),
                    invoke(1, 2),
                    ends(0, event_type::ok, 3),
                    invoke(2, 4),
                    ends(1, event_type::fail, 5),
                    ends(2, event_type::info, 6),
                    invoke(2, 7)};
  const auto read = operations_of(all);
  REQUIRE(read);
  REQUIRE(read->size() == 4);
  const auto& ops = *read;
  CHECK(ops[0] == operation{.process = 0,
                            .f = "read",
                            .out = 7,
                            .end = outcome::ok,
                            .invoked = 0,
                            .returned = 2,
                            .from = 1,
                            .to = 3});
  CHECK(ops[1] == operation{.process = 1,
                            .f = "read",
                            .end = outcome::fail,
                            .invoked = 1,
                            .returned = 4,
                            .from = 2,
                            .to = 5});
  CHECK(ops[2] == operation{.process = 2, .f = "read", .invoked = 3, .from = 4, .to = 6});
  CHECK(ops[3] == operation{.process = 2, .f = "read", .invoked = 6, .from = 7, .to = 7});
  CHECK(operations_of(events_of(ops))->size() == 4);
  CHECK(texts(ops) ==
        std::vector<std::string>{"read() -> 7", "read() failed", "read() ?", "read() ?"});
}

TEST_CASE("histories: time orders what several recorders saw, the list what has no time") {
  const auto timed = operations_of(
      {invoke(0, 5), ends(0, event_type::ok, 6), invoke(1, 1), ends(1, event_type::ok, 2)});
  REQUIRE(timed);
  CHECK(timed->front().process == 1);
  CHECK(timed->front().returned < timed->back().invoked);
  const auto listed = operations_of({invoke(0), ends(0, event_type::ok), invoke(1)});
  REQUIRE(listed);
  CHECK(listed->front().returned < listed->back().invoked);
}

TEST_CASE("histories: what makes no sense is refused, with its place") {
  const auto refusal = [](const history& events) {
    const auto read = operations_of(events);
    REQUIRE(!read);
    CHECK(!to_string(read.error().why).empty());
    return read.error();
  };
  CHECK(refusal({invoke(0), invoke(0)}) == refused{1, flaw::already_running});
  CHECK(refusal({ends(0, event_type::ok)}) == refused{0, flaw::not_running});
  CHECK(refusal({invoke(0), ends(1, event_type::info)}) == refused{1, flaw::not_running});
  CHECK(refusal({invoke(0), ends(0, event_type::ok, 0, "write")}) ==
        refused{1, flaw::other_operation});
  CHECK(refusal({invoke(0, 0, "read", 1), ends(0, event_type::ok, 0, "read", 2)}) ==
        refused{1, flaw::other_operation});
  CHECK(refusal({invoke(0, 5), ends(0, event_type::ok, 4)}) == refused{1, flaw::time_goes_back});
  // by time the completion comes first, wherever it is listed
  CHECK(refusal({invoke(1, 9), invoke(0, 5), ends(2, event_type::ok, 1)}) ==
        refused{2, flaw::not_running});
}

TEST_CASE("timelines: as text") {
  const auto ops =
      operations_in({did(0, "write", 1, {}, {0, 3}), did(10, "read", {}, 1, {1, 2}, "x"),
                     failed(0, "write", 2, {4, 5}), maybe(1, "write", 3, 2)});
  CHECK(text_timeline(ops) ==
        "process 0   write(1)          [===============]\n"
        "process 10  \"x\": read() -> 1      [===]\n"
        "process 1   write(3) ?                    [~~~~~~~~~~~~~~~>\n"
        "process 0   write(2) failed                       [===x\n");
  CHECK(text_timeline({}).empty());
}

TEST_CASE("timelines: as a page that stands alone") {
  const auto ops = operations_in({did(0, "write", "<b>&\"", {}, {0, 3'000'000}),
                                  timed_out(1, "write", 2, {1'000'000, 2'000'000}),
                                  did(1, "read", {}, 2, {4'000'000, 5'500'000})});
  const auto page = html_timeline(ops, "a & b", "<why>");
  CHECK(page.find("<title>a &amp; b</title>") != std::string::npos);
  CHECK(page.find("&lt;why&gt;") != std::string::npos);
  CHECK(page.find("<b>") == std::string::npos);
  CHECK(page.find("4.000 to 5.500 ms") != std::string::npos);
  for (const auto* outside : {"http:", "https:", "src=", "<script", "<link"})
    CHECK(page.find(outside) == std::string::npos);
  // what may still be running has a lane of its own
  CHECK(page.find(">process 1</text>") != std::string::npos);
  std::set<std::string> heights;
  for (std::size_t at = 0; (at = page.find("rx=\"4\" x=", at)) != std::string::npos; ++at)
    heights.insert(page.substr(page.find(" y=", at), 8));
  CHECK(heights.size() == 3);
}

TEST_CASE("timelines: many operations are cut, and counted") {
  std::vector<row> rows;
  for (int i = 0; i < 300; ++i) rows.push_back(did(0, "read", {}, 1, {2 * i, 2 * i + 1}));
  const auto ops = operations_in(rows);
  CHECK(text_timeline(ops).find("and 100 more") != std::string::npos);
  CHECK(html_timeline(ops, "t", "s").find("and 100 more") != std::string::npos);
}

// What a batch does to a journal, by a table, on memory and on disk; each row is read again by a later start.
#include "journal_fixture.hpp"

#include <functional>

namespace troupe::journal {
namespace {
struct row {
  std::string what;
  std::vector<batch> before;
  batch given;
  std::optional<content> then{};  // none: it is refused, and nothing has changed
  cause why = cause::gap;
};

const std::vector<row>& rows() {
  const batch five{.append = entries(1, 5)};
  const batch based{.replace = covering(5), .append = entries(6, 8)};
  static const std::vector<row> all{
      {"the first record is 1", {}, {.append = entries(1, 2)}, content{.records = entries(1, 2)}},
      {"and no other", {}, {.append = entries(2, 3)}},
      {"records continue", {five}, {.append = entries(6, 7)}, content{.records = entries(1, 7)}},
      {"without a gap", {five}, {.append = entries(7, 7)}},
      {"without a repetition", {five}, {.append = entries(5, 6)}},
      {"without a gap within", {five}, {.append = {entry(6), entry(8)}}},
      {"a state is replaced", {{.state = "1"}}, {.state = "2"}, content{.state = "2"}},
      {"an empty one is one", {{.state = "1"}}, {.state = ""}, content{}},
      {"an empty batch is done", {five}, {}, content{.records = entries(1, 5)}},
      {"an empty record is a record",
       {},
       {.append = {{1, 9, ""}}},
       content{.records = {{1, 9, ""}}}},
      {"a conflict is cut and overwritten",
       {five},
       {.cut_from = 4, .append = entries(4, 6, 2)},
       content{.records = {entry(1), entry(2), entry(3), entry(4, 2), entry(5, 2), entry(6, 2)}}},
      {"all of it",
       {five},
       {.cut_from = 1, .append = entries(1, 1, 2)},
       content{.records = entries(1, 1, 2)}},
      {"a cut behind the end cuts nothing",
       {five},
       {.cut_from = 9},
       content{.records = entries(1, 5)}},
      {"a cut leaves no gap", {five}, {.cut_from = 3, .append = entries(4, 4)}},
      {"no cut into a snapshot", {based}, {.cut_from = 5}},
      {"a cut down to the snapshot", {based}, {.cut_from = 6}, content{.base = covering(5)}},
      {"a snapshot takes its records' place",
       {five},
       {.replace = covering(3)},
       content{.base = covering(3), .records = entries(4, 5)}},
      {"or leaves some for those who lag",
       {five},
       {.replace = covering(3), .drop_upto = 1},
       content{.base = covering(3), .records = entries(2, 5)}},
      {"or all",
       {five},
       {.replace = covering(3), .drop_upto = 0},
       content{.base = covering(3), .records = entries(1, 5)}},
      {"which go later",
       {five, {.replace = covering(3), .drop_upto = 1}},
       {.drop_upto = 3},
       content{.base = covering(3), .records = entries(4, 5)}},
      {"no further than the snapshot", {five, {.replace = covering(3)}}, {.drop_upto = 4}},
      {"and not without one", {five}, {.drop_upto = 1}},
      {"a newer snapshot",
       {based},
       {.replace = covering(7)},
       content{.base = covering(7), .records = entries(8, 8)}},
      {"not an older one", {based}, {.replace = covering(4)}},
      {"a snapshot beyond the end", {five}, {.replace = covering(9)}, content{.base = covering(9)}},
      {"keeps no records before a gap", {five}, {.replace = covering(9), .drop_upto = 2}},
      {"and records go on behind it",
       {five},
       {.replace = covering(9), .append = entries(10, 11)},
       content{.base = covering(9), .records = entries(10, 11)}},
      {"another history's takes all",
       {five},
       {.replace = covering(3, 2), .restart = true, .append = entries(4, 4, 2)},
       content{.base = covering(3, 2), .records = entries(4, 4, 2)}},
      {"a restart needs a snapshot", {five}, {.restart = true}},
      {"all at once",
       {five},
       {.state = "vote", .cut_from = 5, .replace = covering(2), .append = entries(5, 7, 3)},
       content{.state = "vote",
               .base = covering(2),
               .records = {entry(3), entry(4), entry(5, 3), entry(6, 3), entry(7, 3)}}},
      {"a refused batch leaves its state too",
       {{.state = "1"}},
       {.state = "2", .append = entries(3, 3)}},
  };
  return all;
}

void expect(const row& r, const std::function<store_ptr()>& start, int& number) {
  CAPTURE(r.what);
  const auto group = "group " + std::to_string(++number);
  content before;
  {
    const auto store = start();
    const auto other = store->open(group + "x");  // a neighbour by key: untouched
    if (must_load(*other) == content{}) must_put(*other, {.state = "s", .append = entries(1, 3)});
    const auto log = store->open(group);
    CHECK(must_load(*log) == content{});
    for (const auto& b : r.before) must_put(*log, b);
    before = must_load(*store->open(group));
    const auto again = store->open(group);
    must_load(*again);
    const auto said = put(*again, r.given);
    CHECK(said.has_value() == r.then.has_value());
    if (!said) CHECK(said.error().why == r.why);
    CHECK(must_load(*store->open(group)) == r.then.value_or(before));
  }
  const auto store = start();
  CHECK(must_load(*store->open(group)) == r.then.value_or(before));
  CHECK(must_load(*store->open(group + "x")) == content{.state = "s", .records = entries(1, 3)});
}

TEST_CASE("journal: what a batch does, in memory") {
  auto disk = std::make_shared<memory_disk>();
  int number = 0;
  for (const auto& r : rows())
    expect(
        r, [&] { return *open_memory_store(disk, {.node = "a"}); }, number);
}

TEST_CASE("journal: what a batch does, on disk") {
  const scratch here;
  int number = 0;
  for (const auto& r : rows())
    expect(
        r, [&] { return must_open({.directory = here / "journal", .node = "a"}); }, number);
}

TEST_CASE("journal: a value that is too large is refused, and does no harm") {
  const auto log = (*open_memory_store(std::make_shared<memory_disk>()))->open("g");
  must_load(*log);
  std::string large(value_max + 1, 'x');
  CHECK(put(*log, {.state = std::move(large)}).error().why == cause::too_large);
  must_put(*log, {.append = entries(1, 1)});
}

TEST_CASE("journal: a handle of a group that was opened anew is closed") {
  const scratch here;
  for (const auto& store : {*open_memory_store(std::make_shared<memory_disk>(), {.node = "a"}),
                            must_open({.directory = here / "journal", .node = "a"})}) {
    const auto old = store->open("g");
    must_load(*old);
    must_put(*old, {.append = entries(1, 1)});
    const auto fresh = store->open("g");
    CHECK(put(*old, {.append = entries(2, 2)}).error().why == cause::closed);
    CHECK(old->load().error().why == cause::closed);
    CHECK(must_load(*fresh).records == entries(1, 1));
    must_put(*fresh, {.append = entries(2, 2)});
  }
}
}  // namespace
}  // namespace troupe::journal

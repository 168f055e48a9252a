#include "patterns/link/record.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {
using namespace troupe::link;

handle some_handle(std::uint8_t n) {
  handle h;
  h.node.bytes.fill(n);
  h.actor = n * 1000u;
  return h;
}

view as_view(const std::string& s) { return {s.data(), s.size()}; }

struct outcome {
  std::size_t records = 0;
  std::optional<record_problem> problem{};
  std::size_t skipped = 0;
  bool operator==(const outcome&) const = default;
};

outcome read_all(const buffer& batch) {
  outcome did;
  record_reader reader{batch};
  while (reader.next()) ++did.records;
  did.problem = reader.problem();
  did.skipped = reader.skipped();
  return did;
}

buffer one(const record& r) {
  buffer out;
  put_record(out, r);
  return out;
}

TEST_CASE("link record: what was written is read") {
  buffer stages;
  put_stages(stages, some_handle(3));
  put_stages(stages, some_handle(4));
  const std::string body = "content";
  for (const auto what : {op::message, op::monitor, op::demonitor, op::down, op::link, op::unlink,
                          op::release, op::error})
    for (const auto by : {sender::none, sender::yours, sender::mine, sender::third})
      for (const auto kind :
           {message_kind::asynchronous, message_kind::request, message_kind::response})
        for (const bool urgent : {false, true})
          for (const bool staged : {false, true}) {
            record r;
            r.what = what;
            r.by = by;
            r.kind = kind;
            r.urgent = urgent;
            r.target = 77;
            r.source = ~0ull;
            r.id = message_id_max;
            if (by == sender::third) r.from = some_handle(9);
            if (staged) r.stages = stages;
            r.body = as_view(body);
            buffer batch = one(r);
            put_record(batch, r);
            record_reader reader{batch};
            for (int i = 0; i < 2; ++i) {
              const auto back = reader.next();
              REQUIRE(back);
              CHECK(back->what == what);
              CHECK(back->by == by);
              CHECK(back->kind == kind);
              CHECK(back->urgent == urgent);
              CHECK(back->target == 77);
              CHECK(back->source == ~0ull);
              CHECK(back->id == message_id_max);
              CHECK(back->from == r.from);
              REQUIRE(back->stage_count() == (staged ? 2 : 0));
              if (staged) CHECK(back->stage(1) == some_handle(4));
              CHECK(std::string{back->body.begin(), back->body.end()} == body);
            }
            CHECK_FALSE(reader.next());
            CHECK_FALSE(reader.problem());
          }
}

TEST_CASE("link record: the body can be serialised in place") {
  buffer out{'x'};
  record r;
  r.target = 5;
  const auto at = begin_record(out, r);
  for (const char c : std::string{"abc"}) out.push_back(c);
  CHECK(end_record(out, at));
  record_reader reader{view{out}.subspan(1)};
  const auto back = reader.next();
  REQUIRE(back);
  CHECK(std::string{back->body.begin(), back->body.end()} == "abc");
}

TEST_CASE("link record: what cannot be right is a problem of the batch") {
  const auto expect = [](const char* what, const buffer& batch, outcome then) {
    CAPTURE(what);
    CHECK(read_all(batch) == then);
  };
  const auto good = one({.target = 1});
  const auto damaged = [&](std::size_t at, int value) {
    auto batch = good;
    batch[at] = static_cast<char>(value);
    return batch;
  };
  expect("an empty batch", {}, {0});
  expect("one record", good, {1});
  expect("a length beyond the batch", damaged(0, 27), {0, record_problem::truncated});
  expect("4 GiB", damaged(3, 255), {0, record_problem::truncated});
  expect("a length of nothing", buffer(4), {0, record_problem::too_short});
  expect("a length within the header", damaged(0, 25), {0, record_problem::too_short});
  expect("flags of another time", damaged(5, 64), {0, record_problem::unknown_flags});
  expect("a fourth kind", damaged(5, 12), {0, record_problem::unknown_kind});
  expect("a stream's message id", damaged(29, 0x10), {0, record_problem::bad_id});
  expect("a third sender without handle", damaged(5, 3), {0, record_problem::too_short});
  expect("stages without a count", damaged(5, 32), {0, record_problem::too_short});
  auto stages = damaged(5, 32);
  stages.push_back(33);
  stages[0] = 27;
  expect("too many stages", stages, {0, record_problem::too_many_stages});
  stages.back() = 1;
  expect("stages that are not there", stages, {0, record_problem::too_short});
  expect("an unknown operation is skipped", damaged(4, 200), {0, std::nullopt, 1});
  auto mixed = damaged(4, 200);
  mixed.insert(mixed.end(), good.begin(), good.end());
  expect("and the next one is read", mixed, {1, std::nullopt, 1});
  for (std::size_t cut = 1; cut < good.size(); ++cut)
    expect("cut", {good.begin(), good.begin() + static_cast<std::ptrdiff_t>(cut)},
           {0, record_problem::truncated});
  for (const auto p :
       {record_problem::truncated, record_problem::too_short, record_problem::unknown_flags,
        record_problem::unknown_kind, record_problem::bad_id, record_problem::too_many_stages})
    CHECK_FALSE(sentence(p).empty());
}
}  // namespace

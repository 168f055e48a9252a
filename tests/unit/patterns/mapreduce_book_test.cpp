// A job's pages in the replicated map: what was put down is read again.
#include "patterns/mapreduce/book.hpp"

#include <algorithm>

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace troupe::mapreduce;
std::vector<storage::key_value> as_read(std::vector<book::entry> put) {
  std::sort(put.begin(), put.end());
  std::vector<storage::key_value> all;
  for (auto& [key, value] : put) all.push_back({.key = key, .value = value});
  return all;
}
job_spec spec() {
  job_spec s;
  s.id = "n1-a-1";
  s.name = "wordcount";
  s.inputs = {"/in"};
  return s;
}
}  // namespace

TEST_CASE("mapreduce book: spec, masters, plan, facts and ending are read as they were put") {
  job_plan plan;
  for (std::uint64_t i = 0; i < 5000; ++i)
    plan.splits.push_back({{{"/in/" + std::string(60, 'x'), i * 10, 10, 50000, 7}}, 10});
  plan.cuts = {"m"};
  plan.token = "t";
  plan.name = "wordcount";
  auto put = book::plan("n1-a-1", plan);
  CHECK(put.size() > 3);
  for (const auto& [key, value] : put) CHECK(value.size() <= book::page_bytes);
  const std::vector<fact> facts{map_finished{3, 1, "n2", {{"n", -4}}},
                                part_written{0, 2, "n3", "/out/x", {}}, part_named{0},
                                task_trouble{task_kind::map, 3, 1, 0, 0, {{"/in", 5}}}};
  for (const auto& f : facts) put.push_back(book::recorded("n1-a-1", f));
  put.push_back(book::spec(spec()));
  put.push_back(book::count("n1-a-1", 2));
  auto got = book::read("n1-a-1", as_read(put));
  REQUIRE(got);
  CHECK(got->spec == spec());
  REQUIRE(got->plan);
  CHECK(*got->plan == plan);
  CHECK(got->record.masters == 2);
  CHECK(got->record.facts.size() == facts.size());
  for (const auto& f : facts)
    CHECK(std::count(got->record.facts.begin(), got->record.facts.end(), f) == 1);
  CHECK_FALSE(got->end);
  job_status last;
  last.state = job_state::cancelled;
  put.push_back(book::end("n1-a-1", {last, true}));
  got = book::read("n1-a-1", as_read(put));
  REQUIRE((got && got->end));
  CHECK(got->end->last.state == job_state::cancelled);
  CHECK(got->end->remove);
}

TEST_CASE("mapreduce book: a plan that was not put down whole is none") {
  job_plan plan;
  for (std::uint64_t i = 0; i < 5000; ++i)
    plan.splits.push_back({{{"/in/" + std::string(60, 'x'), i * 10, 10, 50000, 7}}, 10});
  auto put = book::plan("n1-a-1", plan);
  put.push_back(book::spec(spec()));
  auto without_head = put;
  std::erase_if(without_head, [](const auto& e) { return e.first.ends_with("/plan"); });
  auto got = book::read("n1-a-1", as_read(without_head));
  REQUIRE(got);
  CHECK_FALSE(got->plan);
  put.erase(put.begin());
  got = book::read("n1-a-1", as_read(put));
  REQUIRE(got);
  CHECK_FALSE(got->plan);
  CHECK(book::plan("n1-a-1", {}).size() == 1);  // an input of no bytes
}

TEST_CASE("mapreduce book: what makes no sense is an error that says where") {
  auto put = std::vector<book::entry>{book::spec(spec())};
  put.emplace_back(book::job("n1-a-1") + "fact/map-1", "\xff");
  const auto got = book::read("n1-a-1", as_read(put));
  REQUIRE_FALSE(got);
  CHECK(got.error().find("fact/map-1") != std::string::npos);
  CHECK_FALSE(book::read("n1-a-1", {}));
}

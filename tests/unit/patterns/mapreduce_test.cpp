// The small parts of MapReduce: checksum, splits, partitioners, merging, fairness.
#include "patterns/mapreduce/checksum.hpp"
#include "patterns/mapreduce/fair.hpp"
#include "patterns/mapreduce/merge.hpp"
#include "patterns/mapreduce/partition.hpp"
#include "patterns/mapreduce/splits.hpp"
#include "seeds.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>
namespace {
using namespace troupe::mapreduce;

constexpr std::uint64_t mib = 1 << 20;

std::vector<std::uint64_t> bytes_of(const std::vector<split>& splits) {
  std::vector<std::uint64_t> bytes;
  for (const auto& s : splits) bytes.push_back(s.bytes);
  return bytes;
}
}  // namespace

TEST_CASE("mapreduce: the checksum gives the published values of XXH64") {
  CHECK(checksum_of("") == 0xEF46DB3751D8E999);
  CHECK(checksum_of("a") == 0xD24EC4F1A98C6E5B);
  CHECK(checksum_of("abc") == 0x44BC2CF5AD770999);
  CHECK(checksum_of("Nobody inspects the spammish repetition") == 0xFBCEA83C8A378BF1);
  std::string sanity;  // the buffer of xxhash's own sanity check
  for (std::uint64_t i = 0, generator = 2654435761u; i < 222;
       ++i, generator *= 11400714785074694797u)
    sanity += static_cast<char>(generator >> 56);
  CHECK(checksum_of(sanity.substr(0, 1)) == 0xE934A84ADB052768);
  CHECK(checksum_of(sanity.substr(0, 14)) == 0x8282DCC4994E35C8);
  CHECK(checksum_of(sanity) == 0xB641AE8CB691C174);
  CHECK(checksum_of(sanity, 2654435761u) == 0x20CB8AB7AE10C14A);
}

TEST_CASE("mapreduce: the checksum does not depend on how the input is cut") {
  for (auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    std::mt19937_64 chance{seed};
    std::string text(chance() % 300, '\0');
    for (auto& c : text) c = static_cast<char>(chance());
    checksum pieces;
    for (std::size_t at = 0; at < text.size();) {
      const auto length = chance() % 70;
      pieces.add(std::string_view{text}.substr(at, length));
      at += length;
    }
    CHECK(pieces.value() == checksum_of(text));
  }
}

TEST_CASE("mapreduce: splits") {
  const auto plan = [](std::vector<input_file> files, std::uint64_t target) {
    return bytes_of(plan_splits(std::move(files), target));
  };
  using list = std::vector<std::uint64_t>;
  CHECK(plan({}, 100 * mib) == list{});
  CHECK(plan({{"empty", 0}}, mib) == list{});
  CHECK(plan({{"a", 10}}, 0) == list(10, 1));
  CHECK(plan({{"a", 9 * mib}}, 4 * mib) == list(2, 9 * mib / 2));
  CHECK(plan({{"a", 11 * mib + 1}}, 4 * mib).size() == 3);
  CHECK(plan({{"a", 5 * mib}}, 4 * mib) == list{5 * mib});  // a little over stays whole
  CHECK(plan({{"b", 10}, {"empty", 0}, {"a", 20}}, mib) == list{30});
  CHECK(plan_splits({{"b", 10}, {"a", 20}}, mib) == plan_splits({{"a", 20}, {"b", 10}}, mib));
  CHECK(plan_splits({{"b", 10}, {"a", 20}}, mib).at(0).pieces.at(0).path == "a");
  // large files come first, so that what is left for the end is small
  CHECK(plan({{"a", 10}, {"b", 8 * mib}}, 4 * mib) == list{4 * mib, 4 * mib, 10});
  // no overflow at the largest sizes
  CHECK(plan({{"a", ~0ull}}, 1ull << 62).size() == 4);
}

TEST_CASE("mapreduce: the splits of one file of 1 GB, and of 14,000 small ones of 130 MB") {
  const std::uint64_t gigabyte = 1'000'000'000;
  const auto target = split_target(gigabyte, 4);
  const auto large = plan_splits({{"big", gigabyte}}, target);
  CHECK(large.size() == 16);
  std::uint64_t next = 0;
  for (const auto& s : large) {
    REQUIRE(s.pieces.size() == 1);
    CHECK(s.pieces[0].offset == next);
    CHECK(s.bytes >= target - 1);
    next += s.bytes;
  }
  CHECK(next == gigabyte);

  std::vector<input_file> files;
  std::uint64_t total = 0;
  std::mt19937_64 chance{1};
  for (int i = 0; i < 14'000; ++i) {
    files.push_back({"f" + std::to_string(i), chance() % 18'600});
    total += files.back().size;
  }
  const auto small = plan_splits(files, split_target(total, 4));
  CHECK(small.size() >= 16);
  CHECK(small.size() <= 32);
  std::set<std::string> seen;
  for (const auto& s : small) {
    CHECK(s.bytes > 0);
    CHECK(s.bytes <= split_target(total, 4));
    for (const auto& p : s.pieces) CHECK(seen.insert(p.path).second);
  }
  CHECK(split_target(0, 0) == mib);
  CHECK(split_target(~0ull, 1) == 64 * mib);
}

TEST_CASE("mapreduce: each record is read once, wherever the cuts are") {
  CHECK(records_in("ab\ncd\n", 0, 1) == "ab\n");
  CHECK(records_in("ab\ncd\n", 1, 2) == "");  // ab starts before, cd at 3
  CHECK(records_in("ab\ncd\n", 3, 1) == "cd\n");
  CHECK(records_in("ab\ncd", 2, 9) == "cd");
  CHECK(records_in("\n\n\n", 1, 1) == "\n");
  CHECK(records_in("", 0, 5) == "");
  for (auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    std::mt19937_64 chance{seed};
    std::string text(chance() % 60, 'x');
    for (auto& c : text)
      if (chance() % 4 == 0) c = '\n';
    std::string read;
    for (std::uint64_t at = 0; at < text.size();) {
      const auto length = 1 + chance() % 9;
      read += records_in(text, at, length);
      at += length;
    }
    CHECK(read == text);
  }
}

TEST_CASE("mapreduce: the hash partitioner is even, and the same for ever") {
  CHECK(hash_partition("a", 1) == 0);
  CHECK(hash_partition("", 7) == 6);      // 0xEF46DB37 * 7 >> 32
  CHECK(hash_partition("abc", 16) == 4);  // the upper four bits of 0x44BC...
  std::vector<int> counts(7);
  for (int i = 0; i < 70'000; ++i) ++counts.at(hash_partition("key" + std::to_string(i), 7));
  for (auto count : counts) CHECK(std::abs(count - 10'000) < 400);
}

TEST_CASE("mapreduce: cut points from samples") {
  using list = std::vector<std::string>;
  CHECK(cut_points({}, 4) == list{});
  CHECK(cut_points({"b", "a"}, 1) == list{});
  CHECK(cut_points({"b"}, 4) == list{});
  CHECK(cut_points({"k", "k", "k", "k"}, 4) == list{});
  CHECK(cut_points({"d", "b", "c", "a"}, 2) == list{"c"});
  CHECK(cut_points({"d", "b", "c", "a"}, 4) == list{"b", "c", "d"});
  CHECK(cut_points({"a", "b"}, 8) == list{"b"});
  CHECK(cut_points({"a", "k", "k", "k", "k", "z"}, 3) == list{"k"});
  CHECK(range_partition({"b", "d"}, "a") == 0);
  CHECK(range_partition({"b", "d"}, "b") == 1);
  CHECK(range_partition({"b", "d"}, "cc") == 1);
  CHECK(range_partition({"b", "d"}, "z") == 2);
  CHECK(range_partition({}, "z") == 0);
}

namespace {
struct run {
  std::vector<std::pair<std::string, int>> records;
  std::size_t at = 0;
  bool done() const { return at == records.size(); }
  const std::pair<std::string, int>& head() const { return records[at]; }
  void next() { ++at; }
};
struct by_key {
  bool operator()(const auto& a, const auto& b) const { return a.first < b.first; }
};
}  // namespace

TEST_CASE("mapreduce: merging is sorting that keeps the order of equals") {
  CHECK(loser_tree<run, by_key>{{}}.done());
  CHECK(loser_tree<run, by_key>{{run{}, run{}}}.done());
  for (auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    std::mt19937_64 chance{seed};
    std::vector<run> runs(chance() % 9);
    std::vector<std::pair<std::string, int>> all;
    int origin = 0;
    for (auto& r : runs) {
      for (auto n = chance() % 12; n > 0; --n)
        r.records.emplace_back(std::string(1, static_cast<char>('a' + chance() % 6)), 0);
      std::sort(r.records.begin(), r.records.end());
      for (auto& record : r.records) record.second = ++origin;
      all.insert(all.end(), r.records.begin(), r.records.end());
    }
    std::stable_sort(all.begin(), all.end(), by_key{});
    std::vector<std::pair<std::string, int>> merged;
    for (loser_tree<run, by_key> tree{runs}; !tree.done(); tree.next())
      merged.push_back(tree.top().head());
    CHECK(merged == all);
  }
}

TEST_CASE("mapreduce: a free slot goes to the job with the fewest running tasks for its weight") {
  fair turn;
  CHECK(turn.pick({{"b", 1, 1}, {"a", 1, 2}}) == 0);
  CHECK(turn.pick({{"b", 1, 2}, {"a", 3, 5}}) == 1);
  CHECK(turn.pick({{"b", 0, 1}, {"a", 1, 1}}) == 0);  // weight 0 counts as 1; b was served before a
  // two jobs and a single slot take turns, though both have nothing running whenever it is free
  fair one;
  std::string order;
  for (int i = 0; i < 6; ++i) order += one.pick({{"a"}, {"b"}}) == 0 ? 'a' : 'b';
  CHECK(order == "ababab");
}

TEST_CASE("mapreduce: no job starves, and shares follow the weights") {
  for (auto seed : troupe::test::seeds()) {
    CAPTURE(seed);
    std::mt19937_64 chance{seed};
    fair turn;
    std::vector<fair::claim> jobs{{"a", 1}, {"b", 1}, {"c", 2}};
    std::vector<std::size_t> slots;  // who holds each
    for (int i = 0; i < 8; ++i) {
      slots.push_back(turn.pick(jobs));
      ++jobs[slots.back()].running;
    }
    CHECK(jobs[0].running == 2);
    CHECK(jobs[1].running == 2);
    CHECK(jobs[2].running == 4);
    std::map<std::size_t, int> unserved;
    for (int i = 0; i < 500; ++i) {
      auto& slot = slots[chance() % slots.size()];
      --jobs[slot].running;
      slot = turn.pick(jobs);
      ++jobs[slot].running;
      for (std::size_t j = 0; j < jobs.size(); ++j)
        unserved[j] = jobs[j].running > 0 ? 0 : unserved[j] + 1;
      for (auto [job, rounds] : unserved) CHECK(rounds < 3);
    }
  }
}

TEST_CASE(
    "mapreduce: who has more slots than its share gives some back to those that lack theirs") {
  using needs = std::vector<fair::need>;
  using counts = std::vector<std::uint32_t>;
  struct row {
    const char* what;
    needs of;
    std::uint32_t slots;
    counts beyond;
  };
  for (const auto& [what, of, slots, beyond] : {
           row{"nobody lacks any", {{1, 8, 0}, {1, 0, 0}}, 8, {0, 0}},
           row{"half to the second", {{1, 8, 0}, {1, 0, 9}}, 8, {4, 0}},
           row{"no more than it can use", {{1, 8, 0}, {1, 0, 1}}, 8, {1, 0}},
           row{"who has its share keeps it", {{1, 4, 9}, {1, 4, 9}}, 8, {0, 0}},
           row{"who is below its share gives nothing", {{1, 7, 0}, {1, 1, 9}}, 8, {3, 0}},
           row{"shares follow the weights", {{3, 8, 0}, {1, 0, 9}}, 8, {2, 0}},
           row{"from the one with most", {{1, 5, 0}, {1, 4, 0}, {1, 0, 9}}, 9, {2, 1, 0}},
           row{"one slot each, if there are fewer", {{1, 1, 0}, {1, 0, 3}}, 1, {0, 0}},
           row{"weight 0 counts as 1", {{0, 2, 0}, {0, 0, 3}}, 2, {1, 0}},
           row{"nobody at all", {}, 4, {}},
       }) {
    const auto& shown = what;  // no binding, for clang 14
    CAPTURE(shown);
    CHECK(fair::excess(of, slots) == beyond);
  }
}

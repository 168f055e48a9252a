#include "checking_rows.hpp"
#include "patterns/checking/linearizability.hpp"
using namespace troupe::checking;
using namespace troupe::checking::rows;

namespace {
const auto good = verdict::consistent, bad = verdict::violated;

template <model M>
void expect(const std::string& what, const M& m, const std::vector<row>& rows, verdict then) {
  CAPTURE(what);
  CHECK(to_string(judged(m, rows).what) == to_string(then));
}
}  // namespace

TEST_CASE("linearizability: register (Herlihy and Wing 1990, and the tests of such checkers)") {
  const register_ m;
  expect("nothing at all", m, {}, good);
  expect("a read of what was written", m,
         {did(0, "write", 1, {}, {0, 1}), did(0, "read", {}, 1, {2, 3})}, good);
  expect("a read of the initial value", m, {did(0, "read", {}, {}, {0, 1})}, good);
  expect("a read out of thin air", m, {did(0, "read", {}, 7, {0, 1})}, bad);
  expect("a stale read", m,
         {did(0, "write", 1, {}, {0, 1}), did(0, "write", 2, {}, {2, 3}),
          did(1, "read", {}, 1, {4, 5})},
         bad);
  expect("an old value while the write runs, the new one later", m,
         {did(0, "write", 1, {}, {0, 9}), did(1, "read", {}, {}, {1, 2}),
          did(2, "read", {}, 1, {3, 4})},
         good);
  expect("the new value, then the old one (new-old inversion)", m,
         {did(0, "write", 1, {}, {0, 9}), did(1, "read", {}, 1, {1, 2}),
          did(2, "read", {}, {}, {3, 4})},
         bad);
  expect("overlapping reads may see both", m,
         {did(0, "write", 1, {}, {0, 9}), did(1, "read", {}, 1, {1, 7}),
          did(2, "read", {}, {}, {2, 8})},
         good);
  expect("a long read that began before the write may see it", m,
         {did(0, "write", 100, {}, {0, 100}), did(1, "read", {}, 100, {25, 75}),
          did(2, "read", {}, {}, {30, 60})},
         good);
  expect("two readers disagree about two writes at once", m,
         {did(0, "write", 1, {}, {0, 9}), did(1, "write", 2, {}, {1, 8}),
          did(2, "read", {}, 1, {10, 11}), did(3, "read", {}, 2, {12, 13})},
         bad);
  expect("they agree", m,
         {did(0, "write", 1, {}, {0, 9}), did(1, "write", 2, {}, {1, 8}),
          did(2, "read", {}, 1, {2, 3}), did(3, "read", {}, 2, {10, 13})},
         good);
  expect("a lost update: two writes, and the first one is back", m,
         {did(0, "write", 1, {}, {0, 1}), did(1, "write", 2, {}, {2, 3}),
          did(2, "read", {}, 2, {4, 5}), did(2, "read", {}, 1, {6, 7})},
         bad);
  expect("moments in which nothing takes time", m,
         {did(0, "write", 1, {}, {0, 0}), did(1, "read", {}, 1, {0, 0}),
          did(2, "read", {}, 1, {0, 0})},
         good);
}

TEST_CASE("linearizability: ends that are unknown, and operations that failed") {
  const register_ m;
  expect("a write of unknown end may be seen", m,
         {maybe(0, "write", 1, 0), did(1, "read", {}, 1, {10, 11})}, good);
  expect("it may never happen", m, {maybe(0, "write", 1, 0), did(1, "read", {}, {}, {10, 11})},
         good);
  expect("it may happen late", m,
         {maybe(0, "write", 1, 0), did(1, "read", {}, {}, {1, 2}), did(1, "read", {}, 1, {3, 4})},
         good);
  expect("it happens once", m,
         {maybe(0, "write", 1, 0), did(1, "read", {}, 1, {1, 2}), did(1, "write", 2, {}, {3, 4}),
          did(1, "read", {}, 1, {5, 6})},
         bad);
  expect("two of them are two", m,
         {maybe(0, "write", 1, 0), maybe(3, "write", 1, 0), did(1, "read", {}, 1, {1, 2}),
          did(1, "write", 2, {}, {3, 4}), did(1, "read", {}, 1, {5, 6})},
         good);
  expect("never before it was asked for", m,
         {did(1, "read", {}, 1, {0, 1}), maybe(0, "write", 1, 2)}, bad);
  expect("one that explains this may be needed for that: another of them explains it too", cas{},
         {did(0, "write", 1, {}, {0, 1}), maybe(2, "write", 2, 2), maybe(3, "cas", list{1, 2}, 3),
          did(1, "read", {}, 2, {4, 5}), did(0, "write", 3, {}, {6, 7}),
          did(1, "read", {}, 2, {8, 9})},
         good);
  expect("a read of unknown end says nothing", m,
         {did(0, "write", 1, {}, {0, 1}), maybe(1, "read", {}, 2)}, good);
  expect("a failed write is not seen (dirty read)", m,
         {failed(0, "write", 1, {0, 1}), did(1, "read", {}, 1, {2, 3})}, bad);
  expect("a failed write while it ran is not seen either", m,
         {failed(0, "write", 1, {0, 9}), did(1, "read", {}, 1, {2, 3})}, bad);
  expect("a process goes on after a time-out", m,
         {timed_out(0, "write", 1, {0, 5}), did(0, "read", {}, {}, {6, 7}),
          did(0, "read", {}, 1, {8, 9})},
         good);
}

TEST_CASE("linearizability: compare and set") {
  const cas m;
  const value from1to2 = list{1, 2}, from1to3 = list{1, 3};
  expect("it was the old value", m,
         {did(0, "write", 1, {}, {0, 1}), did(0, "cas", from1to2, {}, {2, 3}),
          did(0, "read", {}, 2, {4, 5})},
         good);
  expect("it was not", m, {did(0, "write", 7, {}, {0, 1}), did(0, "cas", from1to2, {}, {2, 3})},
         bad);
  expect("two from the same value (lost update)", m,
         {did(0, "write", 1, {}, {0, 1}), did(0, "cas", from1to2, true, {2, 9}),
          did(1, "cas", from1to3, true, {3, 8})},
         bad);
  expect("one of them is told that it was another", m,
         {did(0, "write", 1, {}, {0, 1}), did(0, "cas", from1to2, true, {2, 9}),
          did(1, "cas", from1to3, false, {3, 8})},
         good);
  expect("who says that it was another was wrong", m,
         {did(0, "write", 1, {}, {0, 1}), did(1, "cas", from1to3, false, {3, 8})}, bad);
  expect("one failed for another reason", m,
         {did(0, "write", 1, {}, {0, 1}), failed(1, "cas", from1to3, {3, 8})}, good);
  expect(
      "one of unknown end explains the value", m,
      {did(0, "write", 1, {}, {0, 1}), maybe(1, "cas", from1to3, 2), did(0, "read", {}, 3, {4, 5})},
      good);
  expect("unless the value has changed before it was asked for", m,
         {did(0, "write", 1, {}, {0, 1}), did(0, "write", 2, {}, {2, 3}),
          maybe(1, "cas", from1to3, 4), did(0, "read", {}, 3, {5, 6})},
         bad);
  expect("a chain of them of unknown end", m,
         {did(0, "write", 1, {}, {0, 1}), maybe(1, "cas", from1to2, 2),
          maybe(2, "cas", list{2, 4}, 2), did(0, "read", {}, 4, {4, 5})},
         good);
}

TEST_CASE("linearizability: FIFO queue (Herlihy and Wing 1990, figure 1)") {
  const queue m;
  expect("H1: x may go in first though it was asked for second", m,
         {did(0, "enqueue", "x", {}, {0, 4}), did(1, "enqueue", "y", {}, {1, 3}),
          did(1, "dequeue", {}, "x", {5, 6}), did(0, "dequeue", {}, "y", {7, 8}),
          maybe(0, "enqueue", "z", 9)},
         good);
  expect("H2: y came after x, and leaves before it", m,
         {did(0, "enqueue", "x", {}, {0, 1}), did(1, "enqueue", "y", {}, {2, 3}),
          did(0, "dequeue", {}, "y", {4, 5})},
         bad);
  expect("H3: it leaves while it is still being put in", m,
         {did(0, "enqueue", "x", {}, {0, 4}), did(1, "dequeue", {}, "x", {1, 3})}, good);
  expect("H4: it leaves twice", m,
         {did(0, "enqueue", "x", {}, {0, 9}), did(1, "enqueue", "y", {}, {1, 8}),
          did(0, "dequeue", {}, "y", {10, 19}), did(2, "dequeue", {}, "y", {11, 18})},
         bad);
  expect("a duplicate that was put in twice", m,
         {did(0, "enqueue", "y", {}, {0, 1}), did(1, "enqueue", "y", {}, {2, 3}),
          did(0, "dequeue", {}, "y", {10, 19}), did(2, "dequeue", {}, "y", {11, 18})},
         good);
  expect("empty when it was", m,
         {did(0, "dequeue", {}, {}, {0, 1}), did(0, "enqueue", 1, {}, {2, 3})}, good);
  expect("empty when it was not (lost element)", m,
         {did(0, "enqueue", 1, {}, {0, 1}), did(1, "dequeue", {}, {}, {2, 3})}, bad);
  expect("a dequeue of unknown end may have taken it", m,
         {did(0, "enqueue", 1, {}, {0, 1}), maybe(2, "dequeue", {}, 1),
          did(1, "dequeue", {}, {}, {2, 3})},
         good);
  expect("but it takes one only", m,
         {did(0, "enqueue", 1, {}, {0, 1}), did(0, "enqueue", 2, {}, {2, 3}),
          maybe(2, "dequeue", {}, 1), did(1, "dequeue", {}, {}, {4, 5})},
         bad);
}

TEST_CASE("linearizability: lock with fencing tokens") {
  const lock m;
  expect("one after the other", m,
         {did(0, "acquire", {}, 1, {0, 1}), did(0, "release", 1, {}, {2, 3}),
          did(1, "acquire", {}, 2, {4, 5})},
         good);
  expect("granted twice", m, {did(0, "acquire", {}, 1, {0, 1}), did(1, "acquire", {}, 2, {2, 3})},
         bad);
  expect("granted while the release is under way", m,
         {did(0, "acquire", {}, 1, {0, 1}), did(0, "release", 1, {}, {2, 5}),
          did(1, "acquire", {}, 2, {3, 4})},
         good);
  expect("a token that does not rise", m,
         {did(0, "acquire", {}, 5, {0, 1}), did(0, "release", 5, {}, {2, 3}),
          did(1, "acquire", {}, 5, {4, 5})},
         bad);
  expect("without tokens", m,
         {did(0, "acquire", {}, {}, {0, 1}), did(0, "release", {}, {}, {2, 3}),
          did(1, "acquire", {}, {}, {4, 5})},
         good);
  expect("released by another", m,
         {did(0, "acquire", {}, 1, {0, 1}), did(1, "release", 1, {}, {2, 3})}, bad);
  expect("one of unknown end holds it, for all we know", m,
         {maybe(0, "acquire", {}, 0), did(1, "acquire", {}, 1, {1, 2})}, good);
  expect("whoever releases it was the one that held it", m,
         {timed_out(0, "acquire", {}, {0, 1}), timed_out(1, "acquire", {}, {0, 1}),
          did(1, "release", {}, {}, {2, 3}), did(2, "acquire", {}, 7, {4, 5})},
         good);
  expect("it had a token of its own, below the next", m,
         {did(2, "acquire", {}, 1, {0, 1}), did(2, "release", 1, {}, {2, 3}),
          timed_out(0, "acquire", {}, {4, 5}), did(0, "release", {}, {}, {5, 6}),
          did(1, "acquire", {}, 2, {7, 8})},
         bad);
  expect("with room between them", m,
         {did(2, "acquire", {}, 1, {0, 1}), did(2, "release", 1, {}, {2, 3}),
          timed_out(0, "acquire", {}, {4, 5}), did(0, "release", {}, {}, {5, 6}),
          did(1, "acquire", {}, 3, {7, 8})},
         good);
}

TEST_CASE("linearizability: append-only log") {
  const log m;
  expect("offsets and what is there", m,
         {did(0, "append", "a", list{0, "a"}, {0, 1}), did(1, "append", "b", list{1, "b"}, {2, 3}),
          did(0, "read", {}, list{"a", "b"}, {4, 5}), did(0, "read", 1, "b", {6, 7}),
          did(0, "read", 2, {}, {8, 9})},
         good);
  expect("two at the same offset", m,
         {did(0, "append", "a", list{0, "a"}, {0, 9}), did(1, "append", "b", list{0, "b"}, {2, 3})},
         bad);
  expect(
      "readers disagree about the order", m,
      {did(0, "append", "a", {}, {0, 9}), did(1, "append", "b", {}, {0, 9}),
       did(2, "read", {}, list{"a", "b"}, {10, 11}), did(3, "read", {}, list{"b", "a"}, {10, 12})},
      bad);
  expect("one was lost", m,
         {did(0, "append", "a", {}, {0, 1}), did(0, "append", "b", {}, {2, 3}),
          did(1, "read", {}, list{"b"}, {4, 5})},
         bad);
  expect("one of unknown end came late", m,
         {maybe(0, "append", "a", 0), did(1, "append", "b", list{0, "b"}, {2, 3}),
          did(1, "read", {}, list{"b", "a"}, {4, 5})},
         good);
}

TEST_CASE("linearizability: key and value") {
  const kv m;
  expect("texts grow", m,
         {did(0, "put", "a", {}, {0, 1}), did(0, "append", "b", {}, {2, 3}),
          did(1, "get", {}, "ab", {4, 5}), did(1, "delete", {}, {}, {6, 7}),
          did(1, "get", {}, {}, {8, 9})},
         good);
  expect("appends at once, in either order", m,
         {did(0, "append", "a", {}, {0, 9}), did(1, "append", "b", {}, {0, 9}),
          did(2, "get", {}, "ba", {10, 11})},
         good);
  expect("an append that happened twice", m,
         {did(0, "append", "a", {}, {0, 1}), did(2, "get", {}, "aa", {2, 3})}, bad);
  expect("a deleted one is back", m,
         {did(0, "put", 1, {}, {0, 1}), did(1, "delete", {}, {}, {2, 3}),
          did(2, "get", {}, 1, {4, 5})},
         bad);
}

TEST_CASE("linearizability: each key is judged by itself, and the violated ones are named") {
  std::vector<row> rows;
  for (int key = 0; key < 5; ++key) {
    rows.push_back(did(key, "write", 1, {}, {10 * key, 10 * key + 1}, key));
    rows.push_back(did(key, "read", {}, key % 2 == 0 ? 1 : 2, {10 * key + 2, 10 * key + 3}, key));
  }
  const auto r = judged(register_{}, rows);
  CHECK(r.what == bad);
  CHECK(r.keys == std::vector<value>{1, 3});
  CHECK(texts(r.smallest) == std::vector<std::string>{"read() -> 2"});
  CHECK(r.checked == 10);
  CHECK(r.sentence == "no order explains what process 1 saw when read() -> 2 ended, key 1");
}

TEST_CASE("linearizability: beyond the bound nobody knows, and a certain violation still counts") {
  std::vector<row> rows;
  for (int i = 0; i < 12; ++i) rows.push_back(did(i, "write", i, {}, {0, 100}, "hard"));
  rows.push_back(did(20, "read", {}, 99, {101, 102}, "hard"));
  CHECK(judged(register_{}, rows, {.steps = 100}).what == verdict::unknown);
  CHECK(judged(register_{}, rows, {.steps = 100}).steps < 200);
  CHECK(judged(register_{}, rows).what == bad);
  rows.push_back(did(21, "read", {}, 1, {101, 102}, "easy"));
  const auto r = judged(register_{}, rows, {.steps = 100});
  CHECK(r.what == bad);
  CHECK(r.keys == std::vector<value>{"easy"});
}

TEST_CASE("linearizability: what easy keys leave is a hard one's") {
  std::vector<row> rows;
  for (int i = 0; i < 8; ++i) rows.push_back(did(i, "write", i, {}, {0, 100}, "hard"));
  rows.push_back(did(20, "read", {}, 99, {101, 102}, "hard"));
  const auto alone = judged(register_{}, rows).steps;
  for (int i = 0; i < 20; ++i) rows.push_back(did(30 + i, "write", i, {}, {0, 1}, i));
  CHECK(judged(register_{}, rows, {.steps = 2 * alone}).what == bad);
}

TEST_CASE("linearizability: a user's own model") {
  struct counter {
    using state = std::int64_t;
    state initial() const { return 0; }
    std::size_t hash(const state& s) const { return std::hash<state>{}(s); }
    void step(const state& s, const operation& op, std::vector<state>& next) const {
      if (op.f == "add") next.push_back(s + *op.in.integer());
      if (op.f == "read" && (!op.ok() || op.out == value{s})) next.push_back(s);
      // either of two is possible: a model need not be deterministic
      if (op.f == "toss") next.insert(next.end(), {s, s + 1});
    }
  };
  const counter m;
  expect("sums", m, {did(0, "add", 2, {}, {0, 9}), did(1, "read", {}, 2, {1, 2})}, good);
  expect(
      "sums go up only", m,
      {did(0, "add", 2, {}, {0, 9}), did(1, "read", {}, 2, {1, 2}), did(1, "read", {}, {}, {3, 4})},
      bad);
  for (const int sum : {0, 1, 2, 3}) {
    expect("a toss, then another", m,
           {did(0, "toss", {}, {}, {0, 1}), did(0, "toss", {}, {}, {2, 3}),
            did(1, "read", {}, sum, {4, 5})},
           sum <= 2 ? good : bad);
  }
}

TEST_CASE("linearizability: the smallest part still fails, and keeps what it rests upon") {
  std::vector<row> rows;
  for (int i = 0; i < 40; ++i) {
    rows.push_back(did(0, "write", i, {}, {10 * i, 10 * i + 1}));
    rows.push_back(did(1, "read", {}, i, {10 * i + 2, 10 * i + 3}));
  }
  rows.push_back(did(2, "read", {}, 17, {255, 256}));  // stale: 25 is what it should be
  const auto r = judged(register_{}, rows);
  REQUIRE(r.what == bad);
  const auto kept = texts(r.smallest);
  // the stale read, the write it saw, and one that came between them
  REQUIRE(kept.size() == 3);
  CHECK(kept[0] == "write(17)");
  CHECK(kept[1].substr(0, 6) == "write(");
  CHECK(kept[2] == "read() -> 17");
  CHECK(check_linearizability(register_{}, r.smallest).what == bad);
}

TEST_CASE("linearizability: what is over decides; what came later is left out") {
  // the queue's third element is never in the smallest part, though it is dequeued out of order too
  const auto r =
      judged(queue{}, {did(0, "enqueue", 1, {}, {0, 1}), did(0, "enqueue", 2, {}, {2, 3}),
                       did(0, "enqueue", 3, {}, {4, 5}), did(1, "dequeue", {}, 2, {6, 7}),
                       did(1, "dequeue", {}, 1, {8, 9}), did(1, "dequeue", {}, 3, {10, 11})});
  REQUIRE(r.what == bad);
  CHECK(texts(r.smallest) ==
        std::vector<std::string>{"enqueue(1)", "enqueue(2)", "dequeue() -> 2"});
}

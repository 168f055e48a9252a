#include "checking_rows.hpp"
#include "patterns/checking/checks.hpp"
#include "patterns/checking/delivery.hpp"
#include "patterns/checking/exclusion.hpp"
#include "patterns/checking/sequential.hpp"
#include "patterns/checking/session.hpp"
using namespace troupe::checking;
using namespace troupe::checking::rows;

namespace {
const auto good = verdict::consistent, bad = verdict::violated;

report by_name(const std::string& name, const std::vector<row>& rows) {
  const auto* const c = check_named(name);
  REQUIRE(c);
  const auto ops = operations_in(rows);
  REQUIRE(!first_stranger(*c, ops));
  return c->judge(ops, {});
}
void expect(const std::string& what, const std::string& model, const std::vector<row>& rows,
            verdict then, const std::string& says = "") {
  CAPTURE(what);
  CAPTURE(model);
  const auto r = by_name(model, rows);
  CHECK(to_string(r.what) == to_string(then));
  CAPTURE(r.sentence);
  CHECK(r.sentence.find(says) != std::string::npos);
  CHECK(r.smallest.empty() == (then != bad));
  CHECK(r.keys.empty() == (then != bad || model.rfind("sequential", 0) == 0));
}
}  // namespace

TEST_CASE("sequential consistency: a process's own order is kept, real time is not") {
  expect("a stale read that linearizability forbids", "sequential-register",
         {did(0, "write", 1, {}, {0, 1}), did(1, "read", {}, {}, {2, 3})}, good);
  expect("one's own write is seen", "sequential-register",
         {did(0, "write", 1, {}, {0, 1}), did(0, "read", {}, {}, {2, 3})}, bad);
  expect("readers agree about the order", "sequential-register",
         {did(0, "write", 1, {}, {0, 1}), did(1, "write", 2, {}, {0, 1}),
          did(2, "read", {}, 1, {2, 3}), did(2, "read", {}, 2, {4, 5}),
          did(3, "read", {}, 2, {2, 3}), did(3, "read", {}, 1, {4, 5})},
         bad);
  expect("Dekker's: at least one sees the other's flag", "sequential-register",
         {did(0, "write", 1, {}, {0, 1}, "x"), did(0, "read", {}, {}, {2, 3}, "y"),
          did(1, "write", 1, {}, {0, 1}, "y"), did(1, "read", {}, {}, {2, 3}, "x")},
         bad);
  expect("each key by itself would be good", "sequential-register",
         {did(0, "write", 1, {}, {0, 1}, "x"), did(1, "read", {}, {}, {2, 3}, "x")}, good);
  expect("independent readers of independent writes", "sequential-register",
         {did(0, "write", 1, {}, {0, 1}, "x"), did(1, "write", 1, {}, {0, 1}, "y"),
          did(2, "read", {}, 1, {2, 3}, "x"), did(2, "read", {}, {}, {4, 5}, "y"),
          did(3, "read", {}, 1, {2, 3}, "y"), did(3, "read", {}, {}, {4, 5}, "x")},
         bad);
  expect("Herlihy and Wing's H7: two queues", "sequential-queue",
         {did(0, "enqueue", "x", {}, {0, 1}, "p"), did(1, "enqueue", "y", {}, {2, 3}, "q"),
          did(0, "enqueue", "x", {}, {4, 5}, "q"), did(1, "enqueue", "y", {}, {6, 7}, "p"),
          did(0, "dequeue", {}, "y", {8, 9}, "p"), did(1, "dequeue", {}, "x", {10, 11}, "q")},
         bad);
  expect("a write of unknown end comes late, or never", "sequential-register",
         {timed_out(0, "write", 1, {0, 1}), did(0, "read", {}, {}, {2, 3}),
          did(0, "read", {}, 1, {4, 5})},
         good);
  expect("not before what its process had done", "sequential-register",
         {did(0, "read", {}, 1, {0, 1}), maybe(0, "write", 1, 2)}, bad);
  expect("a failed one never", "sequential-register",
         {failed(0, "write", 1, {0, 1}), did(1, "read", {}, 1, {2, 3})}, bad);
  const auto r = by_name("sequential-register",
                         {did(0, "write", 1, {}, {0, 1}), did(0, "write", 2, {}, {2, 3}),
                          did(1, "write", 5, {}, {2, 3}), did(0, "read", {}, 1, {6, 7})});
  CHECK(texts(r.smallest) == std::vector<std::string>{"write(1)", "write(2)", "read() -> 1"});
}

TEST_CASE("sequential consistency: beyond the bound nobody knows") {
  std::vector<row> rows;
  for (int i = 0; i < 12; ++i) rows.push_back(did(i, "write", i, {}, {0, 1}));
  rows.push_back(did(20, "read", {}, 99, {2, 3}));
  CHECK(check_sequential(register_{}, operations_in(rows), {.steps = 50}).what == verdict::unknown);
}

TEST_CASE("session guarantees (Terry et al. 1994)") {
  const std::vector<row> forgets{did(0, "write", 1, {}, {0, 1}), did(0, "read", {}, {}, {2, 3})};
  expect("own write not seen", "read-your-writes", forgets, bad, "before null");
  expect("which is no other guarantee's", "monotonic-reads", forgets, good);
  expect("nor this one's", "writes-follow-reads", forgets, good);
  expect("another's newer write is as good", "session",
         {did(0, "write", 1, {}, {0, 1}), did(1, "write", 2, {}, {0, 1}),
          did(0, "read", {}, 2, {2, 3})},
         good);
  expect("an own older one is not", "read-your-writes",
         {did(0, "write", 1, {}, {0, 1}), did(0, "write", 2, {}, {2, 3}),
          did(0, "read", {}, 1, {4, 5})},
         bad, "circle");
  const std::vector<row> back{did(0, "write", 1, {}, {0, 1}), did(1, "write", 2, {}, {0, 1}),
                              did(2, "read", {}, 1, {2, 3}), did(2, "read", {}, 2, {4, 5}),
                              did(2, "read", {}, 1, {6, 7})};
  expect("a read goes back", "monotonic-reads", back, bad, "monotonic-reads");
  expect("which is nothing to a writer", "read-your-writes", back, good);
  expect("two readers contradict one another", "monotonic-reads",
         {did(0, "write", 1, {}, {0, 1}), did(1, "write", 2, {}, {0, 1}),
          did(2, "read", {}, 1, {2, 3}), did(2, "read", {}, 2, {4, 5}),
          did(3, "read", {}, 2, {2, 3}), did(3, "read", {}, 1, {4, 5})},
         bad);
  const std::vector<row> swapped{did(0, "write", 1, {}, {0, 1}), did(0, "write", 2, {}, {2, 3}),
                                 did(1, "read", {}, 2, {4, 5}), did(1, "read", {}, 1, {6, 7})};
  expect("one's writes arrive in the other order", "monotonic-writes", swapped, bad);
  expect("a reader alone cannot tell", "monotonic-reads", swapped, good);
  const std::vector<row> reply{did(0, "write", 1, {}, {0, 1}), did(1, "read", {}, 1, {2, 3}),
                               did(1, "write", 2, {}, {4, 5}), did(2, "read", {}, 2, {6, 7}),
                               did(2, "read", {}, 1, {8, 9})};
  expect("the answer comes before the question", "writes-follow-reads", reply, bad);
  expect("which only this guarantee forbids", "monotonic-writes", reply, good);
  expect("all is well", "session",
         {did(0, "write", 1, {}, {0, 1}), did(1, "read", {}, {}, {2, 3}),
          did(1, "read", {}, 1, {4, 5}), did(1, "write", 2, {}, {6, 7}),
          did(2, "read", {}, 1, {8, 9}), did(0, "read", {}, 2, {10, 11})},
         good);
  expect("out of thin air", "session", {did(0, "read", {}, 9, {0, 1})}, bad, "nobody wrote");
  expect("a dirty read", "session", {failed(0, "write", 1, {0, 1}), did(1, "read", {}, 1, {2, 3})},
         bad, "failed");
  expect("from the future", "session",
         {did(1, "read", {}, 1, {0, 1}), did(0, "write", 1, {}, {2, 3})}, bad, "later");
  expect("a write of unknown end may be seen, or not", "session",
         {timed_out(0, "write", 1, {0, 1}), did(0, "read", {}, {}, {2, 3}),
          did(1, "read", {}, 1, {2, 3})},
         good);
  expect("values that are written twice cannot be told apart", "session",
         {did(0, "write", 1, {}, {0, 1}), did(0, "write", 1, {}, {2, 3})}, verdict::unknown,
         "more than once");
  expect("keys are not compared", "session",
         {did(0, "write", 1, {}, {0, 1}, "x"), did(0, "write", 1, {}, {2, 3}, "y"),
          did(1, "read", {}, 1, {4, 5}, "y"), did(1, "read", {}, {}, {6, 7}, "x")},
         good);
}

TEST_CASE("delivery accounts") {
  struct account {
    std::string what;
    std::vector<row> rows;
    verdict exactly, least, most;
    std::string says;
  };
  const auto sent = did(0, "send", "m", {}, {0, 1}), unknown = maybe(0, "send", "m", 0),
             refused = failed(0, "send", "m", {0, 1});
  const auto once = did(1, "deliver", {}, "m", {2, 3}), twice = did(2, "deliver", {}, "m", {4, 5});
  const std::vector<account> all{
      {"delivered", {sent, once}, good, good, good, ""},
      {"lost", {sent}, bad, bad, good, "never delivered"},
      {"repeated", {sent, once, twice}, bad, good, bad, "delivered 2 times"},
      {"unknown, lost", {unknown}, good, good, good, ""},
      {"unknown, delivered", {unknown, once}, good, good, good, ""},
      {"unknown, repeated", {unknown, once, twice}, bad, good, bad, "delivered 2 times"},
      {"failed", {refused}, good, good, good, ""},
      {"failed, delivered", {refused, once}, bad, bad, bad, "sending had failed"},
      {"from nowhere", {once}, bad, bad, bad, "nobody has sent"},
      {"too early", {once, did(0, "send", "m", {}, {4, 5})}, bad, bad, bad, "before it was sent"},
      {"in another channel",
       {sent, did(1, "deliver", {}, "m", {2, 3}, "other")},
       bad,
       bad,
       bad,
       ""},
      {"nothing was there", {did(1, "deliver", {}, {}, {0, 1})}, good, good, good, ""},
      {"a delivery of unknown end does not count",
       {sent, maybe(1, "deliver", {}, 2)},
       bad,
       bad,
       good,
       ""},
      {"under one id twice",
       {sent, did(0, "send", "m", {}, {2, 3}), once},
       bad,
       bad,
       bad,
       "same id"},
  };
  for (const auto& a : all) {
    expect(a.what, "exactly-once", a.rows, a.exactly, a.exactly == bad ? a.says : "");
    expect(a.what, "at-least-once", a.rows, a.least, a.least == bad ? a.says : "");
    expect(a.what, "at-most-once", a.rows, a.most, a.most == bad ? a.says : "");
  }
}

TEST_CASE("mutual exclusion with fencing") {
  expect("one after the other", "mutex",
         {did(0, "acquire", {}, 1, {0, 1}), did(0, "access", 1, {}, {2, 3}),
          did(0, "release", 1, {}, {4, 5}), did(1, "acquire", {}, 2, {6, 7}),
          did(1, "access", 2, {}, {8, 9})},
         good);
  const std::vector<row> both{did(0, "acquire", {}, 1, {0, 1}), did(1, "acquire", {}, 2, {2, 3}),
                              did(0, "release", 1, {}, {6, 7})};
  expect("granted twice", "mutex", both, bad, "processes 0 and 1 hold");
  expect("which fencing allows", "fencing", both, good);
  expect("what overlaps only while it is asked for may be apart", "mutex",
         {did(0, "acquire", {}, 1, {0, 3}), did(0, "release", 1, {}, {4, 9}),
          did(1, "acquire", {}, 2, {1, 5})},
         good);
  expect("who is gone after its grant holds nothing later", "mutex",
         {did(0, "acquire", {}, 1, {0, 1}), did(1, "acquire", {}, 2, {5, 6})}, good);
  expect("who still acts does", "mutex",
         {did(0, "acquire", {}, 1, {0, 1}), did(1, "acquire", {}, 2, {5, 6}),
          did(0, "access", 1, {}, {8, 9})},
         bad);
  expect("a grant that may have been is none", "mutex",
         {maybe(0, "acquire", {}, 0), did(1, "acquire", {}, 1, {1, 2})}, good);
  expect("a token falls", "fencing",
         {did(0, "acquire", {}, 2, {0, 1}), did(0, "release", 2, {}, {2, 3}),
          did(1, "acquire", {}, 1, {4, 5})},
         bad, "1 after 2");
  expect("a token stays", "fencing",
         {did(0, "acquire", {}, 2, {0, 1}), did(0, "release", 2, {}, {2, 3}),
          did(1, "acquire", {}, 2, {4, 5})},
         bad, "2 after 2");
  const std::vector<row> held{did(0, "acquire", {}, 2, {0, 1}), did(0, "release", 2, {}, {2, 3})};
  auto kept = held, between = held, taken_over = held;
  kept.push_back(did(0, "acquire", {}, 2, {4, 5}));
  taken_over.push_back(did(1, "acquire", {}, 2, {4, 5}));
  between.push_back(did(1, "acquire", {}, 3, {4, 5}));
  between.push_back(did(1, "release", 3, {}, {6, 7}));
  between.push_back(did(0, "acquire", {}, 2, {8, 9}));
  expect("a token stays, of who keeps his place", "mutex", kept, bad, "2 after 2");
  expect("which kept-mutex allows", "kept-mutex", kept, good);
  expect("but not to another", "kept-mutex", taken_over, bad, "2 after 2");
  expect("nor when another has held", "kept-mutex", between, bad, "2 after 3");
  expect("two at once have the same", "fencing",
         {did(0, "acquire", {}, 2, {0, 9}), did(1, "acquire", {}, 2, {1, 8})}, bad, "twice");
  expect("two at once in any order", "fencing",
         {did(0, "acquire", {}, 3, {0, 9}), did(1, "acquire", {}, 2, {1, 8})}, good);
  const std::vector<row> late{did(0, "acquire", {}, 1, {0, 1}), did(1, "acquire", {}, 2, {2, 3}),
                              did(1, "access", 2, {}, {4, 5})};
  auto accepted = late, refused = late;
  accepted.push_back(did(0, "access", 1, {}, {6, 7}));
  refused.push_back(failed(0, "access", 1, {6, 7}));
  expect("the resource accepts a lower token", "fencing", accepted, bad, "1 after 2");
  expect("it refuses it", "fencing", refused, good);
  expect("locks of two keys have nothing to do with one another", "mutex",
         {did(0, "acquire", {}, 2, {0, 1}, "a"), did(1, "acquire", {}, 1, {2, 3}, "b"),
          did(0, "release", 2, {}, {4, 5}, "a")},
         good);
}

TEST_CASE("at most one leader a term (Raft, figure 3)") {
  const auto leads = [](std::int64_t p, std::int64_t term, std::int64_t at, value group = {}) {
    return did(p, "leader", term, {}, {at, at}, std::move(group));
  };
  expect("each term its own", "leader", {leads(0, 1, 0), leads(1, 2, 1), leads(0, 3, 2)}, good);
  expect("the same one again", "leader", {leads(0, 1, 0), leads(0, 1, 5)}, good);
  expect("two in one", "leader", {leads(0, 1, 0), leads(1, 1, 5)}, bad, "both leaders of term 1");
  expect("of two groups", "leader", {leads(0, 1, 0, "g"), leads(1, 1, 5, "h")}, good);
}

TEST_CASE("what is none of a model's is named") {
  for (const auto& c : all_checks()) {
    CAPTURE(c.name);
    CHECK(!c.help.empty());
    CHECK(check_named(c.name) == &c);
    const auto found = first_stranger(c, operations_in({did(0, "fly", 1, {}, {0, 1})}));
    REQUIRE(found);
    CHECK(found->place == 0);
    CHECK(!found->why.empty());
    CHECK(c.judge({}, {}).what == good);
  }
  CHECK(!check_named("registr"));
}

// Whose line it is, and what may be a lock's name.
#include "patterns/lock/kinds.hpp"

#include <doctest/doctest.h>
using namespace troupe::lock;

TEST_CASE("lock kinds: lines are told apart by their names") {
  const line_name all[] = {{line_kind::lock, "ledger"},
                           {line_kind::latch, "ledger"},
                           {line_kind::barrier, "ledger"},
                           {line_kind::latch, "latch:x"},
                           {line_kind::barrier, ""}};
  for (const auto& one : all) CHECK(whose_line(line_of(one)) == one);
  CHECK(line_of({line_kind::lock, "ledger"}) == "ledger");
  CHECK(line_of({line_kind::latch, "ledger"}) == "latch:ledger");
  CHECK(whose_line("latches:x") == line_name{line_kind::lock, "latches:x"});
  CHECK(whose_line("latch") == line_name{line_kind::lock, "latch"});
}

TEST_CASE("lock kinds: no lock stands in the line of a latch or a barrier") {
  CHECK_FALSE(lock_name_problem("ledger"));
  CHECK_FALSE(lock_name_problem("a:b"));
  CHECK(lock_name_problem("") == "a lock needs a name");
  CHECK(lock_name_problem("latch:x") ==
        "'latch:x' is the line of a latch: a lock's name does not begin with 'latch:'");
  CHECK(lock_name_problem("barrier:x")->find("'barrier:'") != std::string::npos);
}

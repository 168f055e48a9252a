// Operations as pictures: when each was asked for and answered, beside the others. Columns are
// places, not times: what counts is what came before what.
//   process 0  write(1)     [===]
//   process 1  write(2)             [===]
//   process 2  read() -> 1                  [===]
//   process 3  write(3) ?       [~~~~~~~~~~~~~~~~~~~>     its end is unknown
// html_timeline is a whole page, with a lane a process, that needs nothing else.
//   Bounded   both show the first `timeline_operations_max` operations, and say how many there are
#pragma once
#include "patterns/checking/history.hpp"
namespace troupe::checking {
constexpr std::size_t timeline_operations_max = 200;
std::string text_timeline(const operations& ops);
std::string html_timeline(const operations& ops, std::string_view title, std::string_view sentence);
}  // namespace troupe::checking

// room: runtime
// Histories: any bytes are understood or refused by line; what is understood, written and read again is the same, and
// every check judges it within its bound.
#include "patterns/checking/checks.hpp"
#include "patterns/checking/timeline.hpp"
#include "runtime/checking_history.hpp"

#include <cstdint>
#include <cstdlib>

using namespace troupe;

namespace {
void holds(bool what) {
  if (!what) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto read = read_history(text, {.line_bytes_max = 4096, .events_max = 1000});
  holds(read.lines.size() == read.events.size());
  holds(read.faults.size() <= 20 && read.faults.size() <= read.faults_in_all);
  const auto again = read_history(write_history(read.events));
  holds(again.faults_in_all == 0 && again.events == read.events);

  const auto ops = checking::operations_of(read.events);
  if (!ops) return 0;
  for (const auto& c : checking::all_checks()) {
    if (first_stranger(c, *ops)) continue;
    const auto report = c.judge(*ops, {.steps = 200});
    holds(report.steps <= 2000);
    const auto& smallest = report.smallest;
    holds((report.what == checking::verdict::violated) == !smallest.empty());
    (void)checking::text_timeline(smallest);
    (void)checking::html_timeline(smallest, c.name, report.sentence);
  }
  return 0;
}

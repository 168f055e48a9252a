// Session guarantees: what one client, going from replica to replica, is promised.
// Source: D. Terry et al., "Session Guarantees for Weakly Consistent Replicated Data", PDIS 1994.
// What clients see is all there is to judge by, so a guarantee is read as what it says about the
// order in which replicas end up with the writes of a key ("versions"):
//   read_your_writes     a process that wrote v and then reads w: v is w or before it
//   monotonic_reads      a process that read v and then reads w: v is w or before it
//   monotonic_writes     a process that wrote v and then w: v is before w
//   writes_follow_reads  a process that read v and then wrote w: v is before w
// The initial value, null, is before all. The guarantees asked for hold if there is an order of each
// key's versions that fulfils them; if there is none, they say so in a circle, and the shortest is
// shown. Reads that saw what nobody wrote, or only what failed, are violations by themselves.
//   Assumes   operations read and write; each value is written to a key once; one process, one
//             session
//   Unknown   a write of unknown end may be seen, and promises nothing until it is
//   Beware    across keys nothing is concluded: writes of two keys are not compared. Alone,
//             monotonic writes cannot be broken before anyone's eyes: somebody's reads, taken to be
//             monotonic, must tell; so ask for both
#pragma once
#include "patterns/checking/report.hpp"
namespace troupe::checking {
enum class guarantee : std::uint8_t {
  read_your_writes,
  monotonic_reads,
  monotonic_writes,
  writes_follow_reads,
};
std::string_view to_string(guarantee g);  // read-your-writes, ...
constexpr guarantee all_guarantees[] = {guarantee::read_your_writes, guarantee::monotonic_reads,
                                        guarantee::monotonic_writes,
                                        guarantee::writes_follow_reads};

// Why `op` is nothing that session guarantees speak of, as a sentence's end; empty: it is.
std::string session_refusal(const operation& op);
// `unknown` if a value is written twice.
report check_sessions(const operations& ops, const std::vector<guarantee>& promised);
}  // namespace troupe::checking

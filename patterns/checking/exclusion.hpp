// Mutual exclusion and leadership, by what can be told for certain.
// Source: fencing tokens: M. Burrows, "The Chubby Lock Service for Loosely-Coupled Distributed
//         Systems", OSDI 2006 (§2.4, sequencers). Leaders: D. Ongaro, J. Ousterhout, "In Search of
//         an Understandable Consensus Algorithm", USENIX ATC 2014, figure 3, election safety.
//   f        asks    result
//   acquire          the fencing token, or null
//   release  token
//   access   token   of the guarded resource; ok: it has accepted the token
//   leader   term    a process has become leader of that term; the key is its group
// check_exclusion, for each key:
//   holders   a process holds the lock from the moment an acquire has returned to the moment it asks
//             to release it, or to the last thing it did; two never hold it at once. This is what a
//             lock with leases does not promise: a holder that sleeps through its lease's end still
//             believes. So it is asked for by itself
//   tokens    each grant has a token above those of all grants that were over before it began, and
//             no two have the same
//   resource  what has accepted a token accepts no lower one that is asked for later
// check_leaders: no term of a group has two leaders.
#pragma once
#include "patterns/checking/report.hpp"
namespace troupe::checking {
struct exclusion {
  bool holders = true;
  bool tokens = true;
  bool keeps =
      false;  // who has held last may be granted its token once more: it has kept its place
};
std::string exclusion_refusal(const operation& op);
report check_exclusion(const operations& ops, const exclusion& promised = {});

std::string leaders_refusal(const operation& op);
report check_leaders(const operations& ops);
}  // namespace troupe::checking

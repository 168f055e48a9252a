// Views of a cluster's members, as the nodes' event logs tell of them: what a view says never goes
// back.
// Source: A. Das, I. Gupta, A. Motivala, "SWIM", DSN 2002, section 4.2 (incarnations, and what
//   overrides what); the states are Akka's.
//   f          member_joining, member_up, member_leaving, member_exiting, member_unreachable,
//              member_reachable, member_down, member_removed
//   key, asks  the member's name, and its incarnation
//   process    one life of one node: who starts anew sees anew
// For each process:
//   state        of one incarnation only rises: joining, up, leaving, exiting, down, removed.
//                Reachability comes and goes, but not after down
//   incarnation  one that another of the same name has followed never joins, rises or is reached
//                again: it can only go
#pragma once
#include "patterns/checking/report.hpp"
namespace troupe::checking {
std::string views_refusal(const operation& op);
report check_views(const operations& ops);
}  // namespace troupe::checking

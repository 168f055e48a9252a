// Raft's election without a log of anybody's: the first entry of each term is all that is replicated.
// Source: patterns/consensus/raft
//   Promises  at most one leader a term; who leads has a majority's word for it not older than `patience`
//   Costs     2(n-1) votes asked and given before the vote, as many in it, then 2(n-1) a beat
#pragma once
#include "patterns/election/elector.hpp"
namespace troupe::election {
std::unique_ptr<elector> make_raft_elector(const setting& how, std::string_view persisted,
                                           instant now, elector_output& out);
}

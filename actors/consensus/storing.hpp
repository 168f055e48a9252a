// Raft's records as the journal's batches, and what a journal holds as what a replica starts from.
#pragma once
#include "patterns/consensus/raft/raft.hpp"
#include "patterns/result.hpp"
#include "runtime/journal/journal.hpp"

#include <string>
namespace troupe::consensus {
journal::batch batch_of(raft::record&& r);
result<raft::restored, std::string> restored_from(journal::content&& found);
// What the first voters of a group begin with, all alike: these decide, and nothing has happened. For the journal, and for
// the replica that goes on from there.
journal::batch founding(const raft::configuration& voters);
raft::restored founded(const raft::configuration& voters);
}  // namespace troupe::consensus

// A replica's journal on the simulated disk: a `record` (raft.hpp) each, and what they add up to.
//   Promises  a record that a crash tore is known from one that rotted: its length stands before it,
//             twice. The former was never synced, and is nothing; the latter was, and the journal
//             with it cannot be trusted: who wrote it must not vote as if it remembered
#pragma once
#include "patterns/consensus/raft/raft.hpp"
#include "patterns/simulation/disk.hpp"
namespace troupe::raft::simulated {
std::string encode(const record& r);
std::optional<record> decode_record(std::string_view bytes);

// How far the log reaches once the record is durable, and what it says of term and vote.
struct footprint {
  std::uint64_t position = 0;  // on disk
  std::uint64_t number = 0;
  std::optional<std::uint64_t> last{};  // nothing: as before
  std::optional<hard_state> state{};
};
footprint footprint_of(const record& r, std::uint64_t position);

// Nothing: it has rotted.
std::optional<restored> replay(const std::vector<simulation::disk::stored>& records,
                               std::size_t from, restored first_start);
}  // namespace troupe::raft::simulated

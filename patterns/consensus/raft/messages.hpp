// What servers of one group tell each other. A reader of bytes from outside checks them by `plausible`
// first: a peer may be broken, and nothing it says may break us.
#pragma once
#include "patterns/consensus/raft/types.hpp"

#include <variant>
namespace troupe::raft {
struct vote_request {
  std::uint64_t term = 0;  // of a pre-vote: the one that it would stand in
  std::uint64_t last_index = 0;
  std::uint64_t last_term = 0;
  bool pre = false;       // asks who would vote, and changes nothing (dissertation, 9.6)
  bool transfer = false;  // the leader wants it: it is not held to be alive (3.10)
};
TROUPE_MESSAGE(vote_request, term, last_index, last_term, pre, transfer)
struct vote_reply {
  std::uint64_t term = 0;  // granted: the request's; else the voter's
  bool pre = false;
  bool granted = false;
};
TROUPE_MESSAGE(vote_reply, term, pre, granted)
struct append_request {
  std::uint64_t term = 0;
  std::uint64_t prev_index = 0;
  std::uint64_t prev_term = 0;
  std::uint64_t commit = 0;
  std::uint64_t round = 0;
  std::vector<entry> entries{};
};
TROUPE_MESSAGE(append_request, term, prev_index, prev_term, commit, round, entries)
struct append_reply {
  std::uint64_t term = 0;
  std::uint64_t round = 0;
  bool accepted = false;
  std::uint64_t index =
      0;  // accepted: up to here it is as the leader's, and durable. Else: try from here
  std::uint64_t hint_term = 0;  // refused: of the entry there, or 0
  std::uint64_t refused = 0;    // refused: the request's prev_index
};
TROUPE_MESSAGE(append_reply, term, round, accepted, index, hint_term, refused)
struct heartbeat {
  std::uint64_t term = 0;
  std::uint64_t commit = 0;  // never beyond what the receiver is known to have
  std::uint64_t round = 0;
};
TROUPE_MESSAGE(heartbeat, term, commit, round)
struct heartbeat_reply {
  std::uint64_t term = 0;
  std::uint64_t round = 0;
};
TROUPE_MESSAGE(heartbeat_reply, term, round)
struct snapshot_part {
  std::uint64_t term = 0;
  std::uint64_t round = 0;
  std::uint64_t index = 0;
  std::uint64_t last_term = 0;
  configuration config{};
  std::uint64_t size = 0;    // of the whole
  std::uint64_t offset = 0;  // of this part
  std::string bytes{};
};
TROUPE_MESSAGE(snapshot_part, term, round, index, last_term, config, size, offset, bytes)
struct snapshot_reply {
  std::uint64_t term = 0;
  std::uint64_t round = 0;
  std::uint64_t index = 0;
  std::uint64_t offset = 0;  // what it wants next
};
TROUPE_MESSAGE(snapshot_reply, term, round, index, offset)
struct timeout_now {  // stand for election at once (3.10)
  std::uint64_t term = 0;
};
TROUPE_MESSAGE(timeout_now, term)

using message = std::variant<vote_request, vote_reply, append_request, append_reply, heartbeat,
                             heartbeat_reply, snapshot_part, snapshot_reply, timeout_now>;
}  // namespace troupe::raft

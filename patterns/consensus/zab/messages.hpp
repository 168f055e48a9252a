// What servers of one ensemble tell each other. A follower draws a `session` each time it turns to a
// leader, and both put it in all that they say: what is of an older one is not obeyed.
#pragma once
#include "patterns/consensus/zab/fast_election.hpp"

#include <memory>
namespace troupe::zab {
// ---- discovery (phase 1)
struct follower_info {  // FOLLOWERINFO; CEPOCH
  std::uint64_t session = 0;
  std::uint32_t accepted = 0;
};
TROUPE_MESSAGE(follower_info, session, accepted)
struct new_epoch {  // NEWEPOCH; LEADERINFO
  std::uint64_t session = 0;
  std::uint32_t epoch = 0;
};
TROUPE_MESSAGE(new_epoch, session, epoch)
struct ack_epoch {  // ACK-EPOCH
  std::uint64_t session = 0;
  std::uint32_t epoch = 0;
  bool counts = false;  // false: the epoch was accepted from another leader
  std::uint32_t current = 0;
  zxid last{};
};
TROUPE_MESSAGE(ack_epoch, session, epoch, counts, current, last)

// ---- synchronisation (phase 2)
enum class way : std::uint8_t { diff, trunc, snap };
TROUPE_ENUM(way, diff, trunc, snap)
struct synchronise {  // then follow `proposals`
  std::uint64_t session = 0;
  way how{};
  zxid from{};          // trunc: what comes after goes; snap: up to here
  std::string bytes{};  // snap
};
TROUPE_MESSAGE(synchronise, session, how, from, bytes)
struct new_leader {  // NEWLEADER: to be acknowledged once all up to `upto` is there
  std::uint64_t session = 0;
  zxid upto{};
};
TROUPE_MESSAGE(new_leader, session, upto)
struct ack_new_leader {
  std::uint64_t session = 0;
  zxid last{};
};
TROUPE_MESSAGE(ack_new_leader, session, last)
struct up_to_date {  // UPTODATE, and then the leader's word that it still leads
  std::uint64_t session = 0;
  zxid committed{};
};
TROUPE_MESSAGE(up_to_date, session, committed)

// ---- broadcast (phase 3)
struct proposals {  // PROPOSE; also what a follower lacks at first
  std::uint64_t session = 0;
  zxid after{};  // where they go: nothing is between
  std::vector<transaction> what{};
};
TROUPE_MESSAGE(proposals, session, after, what)
struct ack {  // all up to here is durable
  std::uint64_t session = 0;
  zxid last{};
};
TROUPE_MESSAGE(ack, session, last)
struct commit {
  std::uint64_t session = 0;
  zxid upto{};
};
TROUPE_MESSAGE(commit, session, upto)

// ---- whether a leader is one still
struct confirm {
  std::uint64_t session = 0;
  std::uint64_t number = 0;  // rises with each round of questions
};
TROUPE_MESSAGE(confirm, session, number)
struct confirmed {
  std::uint64_t session = 0;
  std::uint64_t number = 0;
};
TROUPE_MESSAGE(confirmed, session, number)

using message =
    std::variant<notification, follower_info, new_epoch, ack_epoch, synchronise, new_leader,
                 ack_new_leader, up_to_date, proposals, ack, commit, confirm, confirmed>;
}  // namespace troupe::zab

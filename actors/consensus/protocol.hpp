// What replicas of one group, their nodes, and the group's users send each other as actor messages.
//   Replica to replica  letter (one of patterns/consensus/raft/messages.hpp)
//   Node to replica     peer_up, peer_down (runtime/peers.hpp); change_members, hand_over, status_query
//   Replica to client   leads: who leads, whenever that changes
//   User to client      command, question: answered with `reply`, or an error whose outcome is told apart;
//                       tell_replicas, tell_leader
//   Client to replica   submit, ask: answered with `answered`
#pragma once
#include "patterns/consensus/raft/messages.hpp"
#include "patterns/message.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe::consensus {
struct letter {
  raft::server from = 0;
  raft::server to = 0;
  std::string name;  // of the sender's node
  raft::message what;
};
TROUPE_MESSAGE(letter, from, to, name, what)

// ---- users
struct command {  // through the log: takes effect once, or the error says that nobody knows
  std::string bytes;
  // Told ahead of it, to whom the leader's state machine may tell such things: nothing that depends on it takes effect.
  std::string note{};
};
TROUPE_MESSAGE(command, bytes, note)
struct question {  // sees all that was done before it was asked
  std::string bytes;
  bool stale = false;  // what the asked node's own replica has will do, if it has one
  bool host = false;   // not of the state machine, but of the leader that hosts it (replica.hpp)
};
TROUPE_MESSAGE(question, bytes, stale, host)
struct reply {
  std::string bytes;
};
TROUPE_MESSAGE(reply, bytes)
struct tell_replicas {  // peer_up and peer_down of replicas go to this one too, beginning now
  caf::actor whom;
};
TROUPE_MESSAGE(tell_replicas, whom)

// ---- client and replica
enum class verdict : std::uint8_t {
  done,
  not_leader,  // nothing was done: ask `leader`, if any
  busy,        // nothing was done: later
  unsure,      // leadership was lost before it was committed: it may be done, or be done later
};
TROUPE_ENUM(verdict, done, not_leader, busy, unsure)
struct submit {
  std::string entry;  // patterns/consensus/sessions.hpp
  std::string note{};
};
TROUPE_MESSAGE(submit, entry, note)
struct ask {
  std::string question;
  bool stale = false;
  bool host = false;
};
TROUPE_MESSAGE(ask, question, stale, host)
struct answered {
  verdict what = verdict::done;
  std::string bytes;
  std::string leader;  // the name of its node, as far as is known
};
TROUPE_MESSAGE(answered, what, bytes, leader)
struct leads {
  std::string node;  // empty: nobody at the moment
  std::uint64_t term = 0;
};
TROUPE_MESSAGE(leads, node, term)
struct tell_leader {  // `leads` goes to this one, now and whenever it changes
  caf::actor whom;
};
TROUPE_MESSAGE(tell_leader, whom)

// ---- operators
struct status_query {
  std::uint32_t version = 1;
};
TROUPE_MESSAGE(status_query, version)
struct follower_row {  // as its leader sees it
  raft::server id = 0;
  std::string name;
  std::uint64_t match = 0;
  std::uint64_t heard_ms = 0;  // ago
};
TROUPE_MESSAGE(follower_row, id, name, match, heard_ms)
struct group_status {
  std::string group;
  std::string node;  // who answers
  raft::server id = 0;
  std::string role;
  std::string leader;
  std::uint64_t term = 0;
  std::uint64_t last = 0;
  std::uint64_t commit = 0;
  std::uint64_t applied = 0;
  std::uint64_t first = 0;  // of what the log still has
  raft::configuration config;
  std::vector<follower_row> followers;
};
TROUPE_MESSAGE(group_status, group, node, id, role, leader, term, last, commit, applied, first,
               config, followers)
// Answered with `answered` once the new configuration is committed and no longer joint.
struct change_members {
  std::vector<raft::peer> add_voters;
  std::vector<raft::peer> add_learners;  // a voter among them votes no more
  std::vector<std::string> remove;       // names
};
TROUPE_MESSAGE(change_members, add_voters, add_learners, remove)
struct hand_over {  // answered with `answered` once somebody else leads, or not in time
  std::string to;   // empty: the follower that has most
};
TROUPE_MESSAGE(hand_over, to)

void register_consensus_types(caf::actor_system_config& config);
}  // namespace troupe::consensus

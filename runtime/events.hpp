// The events that nodes write to their event logs, and the fields of each: the one list that
// checkers rely on. A line holds `time`, `node` and `event` (the struct's name) before these.
// Fields are added at the end, never renamed.
#pragma once
#include "patterns/message.hpp"

#include <cstdint>
#include <string>
namespace troupe::events {
// The node itself.
struct node_started {
  std::uint64_t incarnation = 0;
  std::string address{};
  std::string cluster{};
};
TROUPE_MESSAGE(node_started, incarnation, address, cluster)
struct node_stopped {
  std::uint64_t incarnation = 0;
  std::string reason{};
};
TROUPE_MESSAGE(node_stopped, incarnation, reason)

// Membership, as this node's view changes (Akka's names of the states).
struct member_joining {
  std::string member{};
  std::uint64_t incarnation = 0;
};
TROUPE_MESSAGE(member_joining, member, incarnation)
struct member_up {
  std::string member{};
  std::uint64_t incarnation = 0;
};
TROUPE_MESSAGE(member_up, member, incarnation)
struct member_leaving {
  std::string member{};
  std::uint64_t incarnation = 0;
};
TROUPE_MESSAGE(member_leaving, member, incarnation)
struct member_exiting {
  std::string member{};
  std::uint64_t incarnation = 0;
};
TROUPE_MESSAGE(member_exiting, member, incarnation)
struct member_unreachable {
  std::string member{};
  std::uint64_t incarnation = 0;
};
TROUPE_MESSAGE(member_unreachable, member, incarnation)
struct member_reachable {
  std::string member{};
  std::uint64_t incarnation = 0;
};
TROUPE_MESSAGE(member_reachable, member, incarnation)
struct member_down {
  std::string member{};
  std::uint64_t incarnation = 0;
  std::string reason{};
};
TROUPE_MESSAGE(member_down, member, incarnation, reason)
struct member_removed {
  std::string member{};
  std::uint64_t incarnation = 0;
};
TROUPE_MESSAGE(member_removed, member, incarnation)

// The failure detector: `by` suspects `member`; a member refutes a suspicion of itself with a
// higher incarnation.
struct suspected {
  std::string member{};
  std::uint64_t incarnation = 0;
  std::string by{};
};
TROUPE_MESSAGE(suspected, member, incarnation, by)
struct refuted {
  std::string member{};
  std::uint64_t incarnation = 0;
};
TROUPE_MESSAGE(refuted, member, incarnation)
// A downing strategy decided: who stays and who goes, names joined by commas.
struct downing_decided {
  std::string strategy{};
  std::string down{};
  std::string reason{};
};
TROUPE_MESSAGE(downing_decided, strategy, down, reason)

// Links: one session with one incarnation of a peer.
struct link_up {
  std::string peer{};
  std::uint64_t session = 0;
};
TROUPE_MESSAGE(link_up, peer, session)
struct link_broken {
  std::string peer{};
  std::uint64_t session = 0;
  std::string reason{};
};
TROUPE_MESSAGE(link_broken, peer, session, reason)
struct link_resumed {
  std::string peer{};
  std::uint64_t session = 0;
  std::uint64_t resent = 0;  // frames
};
TROUPE_MESSAGE(link_resumed, peer, session, resent)
struct link_down {
  std::string peer{};
  std::uint64_t session = 0;
  std::string reason{};
};
TROUPE_MESSAGE(link_down, peer, session, reason)
struct link_refused {
  std::string address{};
  std::string reason{};
};
TROUPE_MESSAGE(link_refused, address, reason)

// Jobs. A task is "map-17" or "reduce-3"; an attempt counts from 1.
struct job_submitted {
  std::string job{};
  std::string name{};
};
TROUPE_MESSAGE(job_submitted, job, name)
struct job_planned {  // its input is split: so many tasks there are
  std::string job{};
  std::uint64_t maps = 0;
  std::uint64_t reduces = 0;
};
TROUPE_MESSAGE(job_planned, job, maps, reduces)
struct task_started {
  std::string job{};
  std::string task{};
  std::uint32_t attempt = 0;
  std::string on{};
};
TROUPE_MESSAGE(task_started, job, task, attempt, on)
struct task_finished {
  std::string job{};
  std::string task{};
  std::uint32_t attempt = 0;
  std::string on{};
};
TROUPE_MESSAGE(task_finished, job, task, attempt, on)
struct task_failed {
  std::string job{};
  std::string task{};
  std::uint32_t attempt = 0;
  std::string on{};
  std::string reason{};
};
TROUPE_MESSAGE(task_failed, job, task, attempt, on, reason)
// A finished map whose output was lost with its node runs again.
struct task_lost {
  std::string job{};
  std::string task{};
  std::uint32_t attempt = 0;
  std::string on{};
};
TROUPE_MESSAGE(task_lost, job, task, attempt, on)
struct partition_committed {
  std::string job{};
  std::uint32_t partition = 0;
  std::uint32_t attempt = 0;
};
TROUPE_MESSAGE(partition_committed, job, partition, attempt)
struct job_taken_over {  // by this node, from a master that is gone
  std::string job{};
  std::uint32_t masters = 0;  // that it has had, this one included
  std::uint64_t facts = 0;    // that were recorded of it
};
TROUPE_MESSAGE(job_taken_over, job, masters, facts)
struct job_finished {
  std::string job{};
  std::string outcome{};  // done, failed, cancelled
  std::string reason{};
};
TROUPE_MESSAGE(job_finished, job, outcome, reason)

// Supervision.
struct child_started {
  std::string supervisor{};
  std::string child{};
};
TROUPE_MESSAGE(child_started, supervisor, child)
struct child_ended {
  std::string supervisor{};
  std::string child{};
  std::string reason{};
};
TROUPE_MESSAGE(child_ended, supervisor, child, reason)
struct supervisor_gave_up {
  std::string supervisor{};
  std::string child{};
};
TROUPE_MESSAGE(supervisor_gave_up, supervisor, child)

// A replicated log (patterns/consensus/raft): the node's own part in a group.
struct leader {  // won the election of this term
  std::string group{};
  std::uint64_t term = 0;
};
TROUPE_MESSAGE(leader, group, term)
struct voted {
  std::string group{};
  std::uint64_t term = 0;
  std::uint64_t whom = 0;  // the server's number
};
TROUPE_MESSAGE(voted, group, term, whom)
struct configured {  // in force from now on, committed or not
  std::string group{};
  std::uint64_t index = 0;
  std::uint64_t voters = 0;
  std::uint64_t outgoing = 0;  // while it is joint
  std::uint64_t learners = 0;
};
TROUPE_MESSAGE(configured, group, index, voters, outgoing, learners)
struct restored {  // a snapshot of the leader's took the place of the log
  std::string group{};
  std::uint64_t index = 0;
};
TROUPE_MESSAGE(restored, group, index)
}  // namespace troupe::events

// What a node's gateway answers to a client such as the `troupe` program. Plain values: one request, one reply or an
// error with a code and a sentence.
//   members_query  members_reply   | leave_order   done_reply | submit_order  submit_reply
//   what_if_query  what_if_reply   | down_order    done_reply | job_query     job_reply
//   stats_query    stats_reply     | stop_order    done_reply | jobs_query    jobs_reply
//   map_query      map_reply       | log_..._order done_reply | cancel_order  done_reply
//   tree_query     tree_reply      |
// and log_status_query (cluster/replicated_log.hpp) is answered with consensus::group_status.
#pragma once
#include "patterns/mapreduce/messages.hpp"
#include "patterns/message.hpp"
#include "patterns/storage/watch_hub.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <caf/actor.hpp>
namespace troupe::management {
struct member_row {
  std::string name;
  std::string address;
  std::string state;        // joining, up, leaving, exiting, down, removed
  std::string incarnation;  // of the process: a restarted node has another
  std::vector<std::string> roles;
  std::string reach;  // alive, suspect, unreachable
  double suspicion =
      0.0;  // the failure detector's level at the node asked; 0 while it hears from it
};
TROUPE_MESSAGE(member_row, name, address, state, incarnation, roles, reach, suspicion)

struct members_query {
  std::uint32_t version = 1;
};
TROUPE_MESSAGE(members_query, version)
struct members_reply {
  std::string node;     // who answers
  std::string cluster;  // the cluster's name
  std::vector<member_row> members;
};
TROUPE_MESSAGE(members_reply, node, cluster, members)

// What each downing strategy would do if the members now unreachable to the asked node stayed so.
struct what_if_query {
  std::vector<std::string> unreachable;  // names to suppose unreachable as well
};
TROUPE_MESSAGE(what_if_query, unreachable)
struct verdict {
  std::string strategy;
  std::vector<std::string>
      down;  // the members that would be downed; may hold the asked node itself
  std::string reason;
  bool configured = false;  // the one that the asked node runs with
};
TROUPE_MESSAGE(verdict, strategy, down, reason, configured)
struct what_if_reply {
  std::string node;
  std::vector<std::string> unreachable;
  std::vector<verdict> verdicts;
};
TROUPE_MESSAGE(what_if_reply, node, unreachable, verdicts)

struct leave_order {
  std::string name;
};
TROUPE_MESSAGE(leave_order, name)
struct down_order {
  std::string name;
};
TROUPE_MESSAGE(down_order, name)
struct stop_order {  // the asked node leaves the cluster, and its process ends
  std::string why;
};
TROUPE_MESSAGE(stop_order, why)
struct done_reply {
  std::string what;  // a sentence
};
TROUPE_MESSAGE(done_reply, what)

struct submit_order {
  mapreduce::job_spec job;
};
TROUPE_MESSAGE(submit_order, job)
struct submit_reply {
  std::string id;
  std::string master;  // the node whose master runs it
  bool survives = false;  // its master's death: it is in the replicated log
};
TROUPE_MESSAGE(submit_reply, id, master, survives)
struct job_query {
  std::string id;
};
TROUPE_MESSAGE(job_query, id)
struct job_reply {
  std::string master;
  mapreduce::job_status status;
};
TROUPE_MESSAGE(job_reply, master, status)
struct jobs_query {
  std::uint32_t version = 1;
};
TROUPE_MESSAGE(jobs_query, version)
struct jobs_reply {
  std::vector<job_reply> jobs;
  std::vector<std::string> silent;  // members that did not answer in time: their jobs are missing
};
TROUPE_MESSAGE(jobs_reply, jobs, silent)
struct cancel_order {
  std::string id;
};
TROUPE_MESSAGE(cancel_order, id)

struct map_query {
  std::uint32_t version = 1;
};
TROUPE_MESSAGE(map_query, version)
struct map_reply {
  std::string node;
  caf::actor map;  // takes consensus::command and consensus::question (actors/consensus/client.hpp)
};
TROUPE_MESSAGE(map_reply, node, map)
struct tree_query {  // which begins it, if nobody has used it yet
  std::uint32_t version = 1;
};
TROUPE_MESSAGE(tree_query, version)
struct tree_reply {
  std::string node;
  caf::actor tree;  // takes consensus::command and consensus::question of tree's requests (actors/tree/protocol.hpp)
};
TROUPE_MESSAGE(tree_reply, node, tree)
struct watch_order {  // answered with done_reply; then watch_created, watch_events ... come to `whom`, as requests
  storage::watch what;
  caf::actor whom;
};
TROUPE_MESSAGE(watch_order, what, whom)
struct log_add_order {
  std::string node;
  bool learner = false;
};
TROUPE_MESSAGE(log_add_order, node, learner)
struct log_remove_order {
  std::string node;
};
TROUPE_MESSAGE(log_remove_order, node)
struct log_transfer_order {
  std::string node;  // empty: whoever has most of the log
};
TROUPE_MESSAGE(log_transfer_order, node)

struct stats_query {
  std::uint32_t version = 1;
};
TROUPE_MESSAGE(stats_query, version)
struct stats_reply {
  std::string text;  // metrics in Prometheus' text format
};
TROUPE_MESSAGE(stats_reply, text)
}  // namespace troupe::management

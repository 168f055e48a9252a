// What is said to the coordination tree and what it answers: ZooKeeper's data model.
// Source: P. Hunt, M. Konar, F. Junqueira, B. Reed, "ZooKeeper: Wait-free coordination for
//   Internet-scale systems", USENIX ATC 2010; ZooKeeper 3.8, "Programmer's Guide".
//   Departs   versions are 64 bits wide and never wrap; a parent that is missing is `no_parent`, not
//             `no_node`; no access lists: who may write is the host's to say
//   Beware    fields and alternatives are only ever added at the end: logs and snapshots hold them
#pragma once
#include "patterns/message.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>
namespace troupe::tree {
using zxid = std::uint64_t;        // where in the log an entry stands
using session_id = std::uint64_t;  // the zxid of the entry that opened it; 0 is none
using duration = std::chrono::milliseconds;
using instant = std::chrono::milliseconds;  // of the leaders' clocks, since 1970

// ZooKeeper's Stat.
struct stat {
  zxid created = 0;                    // czxid: rises over all nodes of a name, a fencing token
  zxid modified = 0;                   // mzxid: when the data was last set
  zxid children_modified = 0;          // pzxid: when a child last came or went
  instant created_at{};                // the log's time, which never goes back
  instant modified_at{};               //
  std::uint64_t version = 0;           // changes of the data
  std::uint64_t children_version = 0;  // cversion: children that came, and those that went
  session_id owner = 0;                // of an ephemeral node: it goes with this session
  std::uint64_t data_bytes = 0;
  std::uint64_t children = 0;
};
TROUPE_MESSAGE(stat, created, modified, children_modified, created_at, modified_at, version,
               children_version, owner, data_bytes, children)

enum class mode : std::uint8_t {
  persistent,
  persistent_sequential,  // the parent's counter is appended to the name, as ten digits
  ephemeral,              // goes with its session, and has no children
  ephemeral_sequential,
  container,  // may be reaped once its last child has gone
};
TROUPE_ENUM(mode, persistent, persistent_sequential, ephemeral, ephemeral_sequential, container)

// Commands. They go through the log. Without a version: whatever it is.
struct create {
  std::string path{};  // of a sequential node it may end in a slash: the name is the number alone
  std::string data{};
  mode as = mode::persistent;
};
TROUPE_MESSAGE(create, path, data, as)
struct erase {
  std::string path{};
  std::optional<std::uint64_t> version{};
};
TROUPE_MESSAGE(erase, path, version)
struct set {
  std::string path{};
  std::string data{};
  std::optional<std::uint64_t> version{};
};
TROUPE_MESSAGE(set, path, data, version)
struct check {  // the node is there, in this version
  std::string path{};
  std::optional<std::uint64_t> version{};
};
TROUPE_MESSAGE(check, path, version)
using operation = std::variant<create, erase, set, check>;
struct multi {  // all of them, each seeing what those before it did, or none
  std::vector<operation> operations{};
};
TROUPE_MESSAGE(multi, operations)
struct sync {};  // does nothing: what is read at its zxid is no older than when it was asked for
TROUPE_MESSAGE(sync)

struct open_session {
  duration timeout{};    // brought within the tree's bounds; the reply says what it came to
  std::string secret{};  // drawn by the client: who shows it is the session's owner
};
TROUPE_MESSAGE(open_session, timeout, secret)
struct close_session {};  // the request's own
TROUPE_MESSAGE(close_session)
struct expire_session {  // by the leader, whose clock says so; never taken from a client
  session_id id = 0;
  std::uint64_t term = 0;  // the leader's: void in an entry of another; 0: always valid
};
TROUPE_MESSAGE(expire_session, id, term)
struct reap_container {  // by the leader
  std::string path{};
};
TROUPE_MESSAGE(reap_container, path)
using command = std::variant<create, erase, set, check, multi, sync, open_session, close_session,
                             expire_session, reap_container>;

// An entry of the log.
struct request {
  command what{};
  session_id session = 0;  // under which it is made; 0 is none
  std::string secret{};    // the session's
  instant time{};          // the leader's clock when it took the request
};
TROUPE_MESSAGE(request, what, session, secret, time)

// Questions. They change nothing and go around the log.
struct get {
  std::string path{};
};
TROUPE_MESSAGE(get, path)
struct exists {
  std::string path{};
};
TROUPE_MESSAGE(exists, path)
struct children {
  std::string path{};
  std::string after{};      // only names behind this one: to go on where a reply ended
  std::uint64_t limit = 0;  // 0 is none but the tree's own
};
TROUPE_MESSAGE(children, path, after, limit)
struct session_info {  // is this session open, and the secret its own? How a client comes back
  session_id id = 0;
  std::string secret{};
};
TROUPE_MESSAGE(session_info, id, secret)
struct ephemerals {  // of a session
  session_id id = 0;
};
TROUPE_MESSAGE(ephemerals, id)
struct reapable {};  // containers that had children and have none
TROUPE_MESSAGE(reapable)
struct status {};
TROUPE_MESSAGE(status)
struct browse {  // children with what they are, all as of one moment: beyond ZooKeeper
  std::string path{};
  std::string after{};      // as of `children`
  std::uint64_t limit = 0;  //
  bool data = true;         // theirs, too
  bool below = false;       // all below it, by their paths from there on: parents first
};
TROUPE_MESSAGE(browse, path, after, limit, data, below)
using question =
    std::variant<get, exists, children, session_info, ephemerals, reapable, status, browse>;

enum class refusal : std::uint8_t {
  malformed,
  replayed,
  path_relative,
  path_trailing_slash,
  path_empty_part,
  path_dot_part,
  path_character,
  path_too_long,
  path_too_deep,
  root,
  no_node,
  no_parent,
  node_exists,
  not_empty,
  bad_version,
  ephemeral_parent,
  data_too_large,
  too_many_children,
  sequence_exhausted,
  no_space,
  multi_too_large,
  session_unknown,
  session_needed,
  bad_secret,
  secret_size,
  too_many_sessions,
  too_many_ephemerals,
  stale_term,
  not_a_container,
  container_in_use,
  rolled_back,
  not_tried,
  too_many_watches,
  no_watch,
  behind,
  leaders_only,
};
TROUPE_ENUM(refusal, malformed, replayed, path_relative, path_trailing_slash, path_empty_part,
            path_dot_part, path_character, path_too_long, path_too_deep, root, no_node, no_parent,
            node_exists, not_empty, bad_version, ephemeral_parent, data_too_large,
            too_many_children, sequence_exhausted, no_space, multi_too_large, session_unknown,
            session_needed, bad_secret, secret_size, too_many_sessions, too_many_ephemerals,
            stale_term, not_a_container, container_in_use, rolled_back, not_tried, too_many_watches,
            no_watch, behind, leaders_only)
std::string explain(refusal why);  // a sentence: what was refused, and what to do

// Replies. Whatever was refused changed nothing.
struct refused {
  refusal why = refusal::malformed;
  std::uint64_t version = 0;  // of bad_version: the node's
};
TROUPE_MESSAGE(refused, why, version)
struct created {
  std::string path{};  // as it came to be
  stat is{};
};
TROUPE_MESSAGE(created, path, is)
struct erased {};
TROUPE_MESSAGE(erased)
struct set_done {
  stat is{};
};
TROUPE_MESSAGE(set_done, is)
struct checked {};
TROUPE_MESSAGE(checked)
using operation_done = std::variant<refused, created, erased, set_done, checked>;
// One result an operation. When one was refused, those before it are rolled_back, those after it
// not_tried.
struct multi_done {
  bool succeeded = false;
  std::vector<operation_done> results{};
};
TROUPE_MESSAGE(multi_done, succeeded, results)
struct synced {};
TROUPE_MESSAGE(synced)
struct session_opened {
  session_id id = 0;
  duration timeout{};
};
TROUPE_MESSAGE(session_opened, id, timeout)
struct session_ended {  // closed or expired
  session_id id = 0;
  std::uint64_t nodes = 0;  // gone with it
};
TROUPE_MESSAGE(session_ended, id, nodes)
struct got {
  std::string data{};
  stat is{};
};
TROUPE_MESSAGE(got, data, is)
struct found {
  std::optional<stat> is{};
};
TROUPE_MESSAGE(found, is)
struct names {
  std::vector<std::string> all{};  // in order of their bytes
  bool more = false;  // ends before the last, by the limit or the tree's own: ask on after it
  stat is{};          // of the parent; of ephemerals and reapable: nothing
};
TROUPE_MESSAGE(names, all, more, is)
struct session_is {
  session_id id = 0;
  duration timeout{};
  std::uint64_t nodes = 0;
};
TROUPE_MESSAGE(session_is, id, timeout, nodes)
struct tree_status {
  std::uint64_t nodes = 0;
  std::uint64_t sessions = 0;
  std::uint64_t ephemerals = 0;
  std::uint64_t bytes = 0;
  instant time{};
};
TROUPE_MESSAGE(tree_status, nodes, sessions, ephemerals, bytes, time)
struct child {
  std::string name{};  // of `below`: with those of its parents from there on
  stat is{};
  std::string data{};
};
TROUPE_MESSAGE(child, name, is, data)
struct browsed {
  std::vector<child> all{};  // as `names` has them
  bool more = false;
  stat is{};  // of the parent
};
TROUPE_MESSAGE(browsed, all, more, is)

using answer =
    std::variant<refused, created, erased, set_done, checked, multi_done, synced, session_opened,
                 session_ended, got, found, names, session_is, tree_status, browsed>;
struct reply {
  zxid at = 0;  // the replica's, after it: a client that has seen more asks another replica
  answer what{};
};
TROUPE_MESSAGE(reply, at, what)

// What an entry did, for those who watch: in order, and several of one node where a multi did so.
enum class change : std::uint8_t { created, deleted, data, children };
TROUPE_ENUM(change, created, deleted, data, children)
struct event {
  change what = change::created;
  std::string path{};
};
TROUPE_MESSAGE(event, what, path)
struct effect {  // of one entry
  reply answer{};
  std::vector<event> events{};
};
TROUPE_MESSAGE(effect, answer, events)
}  // namespace troupe::tree

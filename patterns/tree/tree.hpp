// The coordination tree: nodes with data and versions, some of them gone with their session.
// Source: P. Hunt, M. Konar, F. Junqueira, B. Reed, "ZooKeeper: Wait-free coordination for
//   Internet-scale systems", USENIX ATC 2010, section 2; ZooKeeper 3.8's DataTree.
//   Promises  the state and each reply follow from the entries in their order alone, so that every
//             replica agrees; what is refused changes nothing; of a multi all is done or nothing,
//             and all of it has one zxid; an entry that was applied is not applied again
//   Promises  a session ends for all at one point of the order, and its ephemeral nodes end with it,
//             in the same entry: no reader sees the one without the other
//   Promises  `stat.created` rises from one node of a path to the next, and from one sequential node
//             of a parent to the next (in one multi it is equal): a fencing token
//   Promises  numbers of sequential nodes rise; none is given twice by a parent while it lives
//   Assumes   the same settings on all replicas; zxids that rise; around it, if clients repeat
//             requests, the session table of patterns/consensus/sessions.hpp: a create of a
//             sequential node that is done twice makes two
//   Assumes   the host lets no client put an expire_session or reap_container into the log: these are
//             the leader's
//   Beware    a query answers from this replica as it is, which may be behind: `sync` first, then
//             read at its zxid or later; a client goes to no replica with an `at` below its own
//   Beware    the counter of a parent counts all children that came, as ZooKeeper's does; a number
//             taken by hand is refused as node_exists until another child has come
//   Beware    the time of an entry is its leader's: it never goes back, but need not be right
//   Costs     O(log n) an operation; a list of children O(log n) for each that has children itself
#pragma once
#include "patterns/consensus/state_machine.hpp"
#include "patterns/result.hpp"
#include "patterns/tree/messages.hpp"
#include "patterns/tree/path.hpp"
#include "patterns/tree/sessions.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>
namespace troupe::tree {
struct tree_settings {
  path_bounds paths{};
  session_settings sessions{};
  std::uint64_t data_bytes_max = std::uint64_t{1} << 20;
  std::uint64_t children_max = 1'000'000;
  std::uint32_t multi_operations_max = 256;
  std::uint64_t bytes_max = std::uint64_t{2} << 30;  // paths, data and some for each node
  std::uint64_t reply_bytes_max = std::uint64_t{4} << 20;
};
constexpr std::uint64_t node_overhead = 192;  // counted for each node, so that bounds bound all

class data_tree {
 public:
  explicit data_tree(tree_settings bounds = {});
  effect apply(const applied& at, const request& r);
  effect refuse(const applied& at, refusal why);  // an entry that is no request: it has its place
  reply query(const question& q) const;

  zxid at() const { return at_; }  // of the last entry, whatever it did
  std::size_t size() const { return nodes_.size(); }
  std::uint64_t bytes() const { return bytes_; }
  const session_table& sessions() const { return sessions_; }
  const tree_settings& settings() const { return settings_; }
  const stat* look(std::string_view path) const;  // null: no such node
  // The node and all below it, parents first, until f returns false.
  using visitor = std::function<bool(std::string_view path, const stat&)>;
  void walk(std::string_view path, const visitor& f) const;

  std::string snapshot() const;
  result<void, std::string> restore(std::string_view bytes);  // by a snapshot of the same settings

 private:
  struct node {
    std::string data{};
    stat is{};
    std::uint64_t creations = 0;  // of children, ever: the number of the next sequential one
    bool container = false;
  };
  using store = std::map<std::string, node, std::less<>>;
  // What takes an operation of a multi back, in reverse order.
  struct undo_create {
    std::string path;
  };
  struct undo_remove {
    store::node_type was;
  };
  struct undo_set {
    std::string path;
    std::string data;
    stat is;
  };
  struct undo_parent {
    std::string path;
    stat is;
    std::uint64_t creations;
  };
  using undo = std::variant<undo_create, undo_remove, undo_set, undo_parent>;
  struct entry {  // the one under way
    zxid at = 0;
    std::uint64_t term = 0;
    session_id session = 0;
    std::vector<event> events{};
    std::vector<undo>* undoing = nullptr;
  };

  template <class Operation>
  answer on(const Operation& x, entry& e) {
    return plain(perform(x, e));
  }
  answer on(const multi& x, entry& e);
  answer on(const sync&, entry&) { return synced{}; }
  answer on(const open_session& x, entry& e);
  answer on(const close_session&, entry& e);
  answer on(const expire_session& x, entry& e);
  answer on(const reap_container& x, entry& e);
  static answer plain(operation_done done);

  operation_done perform(const create& x, entry& e);
  operation_done perform(const erase& x, entry& e);
  operation_done perform(const set& x, entry& e);
  operation_done perform(const check& x, entry& e);
  // Why the node is not there in this version, if so.
  std::optional<refused> missing(const std::string& path,
                                 const std::optional<std::uint64_t>& version) const;
  void drop(store::iterator it, entry& e);
  session_ended end_session(session_id id, entry& e);
  void touch_parent(std::string_view path, bool came, entry& e);
  void note_container(const std::string& path, const node& n);
  void take_back(undo& u);
  static std::uint64_t cost(const std::string& path, std::uint64_t data) {
    return path.size() + data + node_overhead;
  }

  // (tree_read.cpp)
  answer ask(const get& x) const;
  answer ask(const exists& x) const;
  answer ask(const children& x) const;
  answer ask(const browse& x) const;
  answer ask(const session_info& x) const;
  answer ask(const ephemerals& x) const;
  answer ask(const reapable&) const;
  answer ask(const status&) const;
  template <class Paths>
  names listed(const Paths& all) const;
  // Calls f with each child behind `after`, in order, until it returns false; `deep`: with all below.
  template <class F>
  void each_child(std::string_view path, std::string_view after, bool deep, F f) const;

  tree_settings settings_;
  zxid at_ = 0;
  instant time_{};
  store nodes_;
  std::uint64_t bytes_ = 0;
  session_table sessions_;
  std::set<std::string> idle_;  // containers that had children and have none
};
}  // namespace troupe::tree

// Watches on the coordination tree: who is told when a node comes, goes or changes. Of one replica,
// and of no log: who moves to another replica sets them there again.
// Source: P. Hunt et al., "ZooKeeper", USENIX ATC 2010, section 2.2; ZooKeeper 3.8's WatchManager and
//   DataTree.setWatches, and its persistent and recursive watches (3.6).
//   Beyond it  who resumes persistent watches is told of what has changed since as well, as far as
//              the nodes themselves tell; watches outlive a snapshot that the replica takes over
//   Promises   an event leaves only after what it tells of can be read at this replica, and a node's
//              before those of later entries; a one-shot watch fires once; a watcher is told of one
//              change of one node once, however many watches of its it concerns
//   Promises   after `resume` with the last zxid that the watcher has seen, it has missed no change
//              that left a trace: a node that came and went again in the meantime leaves none but
//              its parent's (`children`), and several changes of a node are told as one
//   Assumes    `fire` is called after each entry, `restored` after each restore, with the same tree;
//              the host sends events and replies to a watcher in the order in which they are made
//   Beware     between a one-shot's event and the next watch changes go untold: read when setting it
//   Beware     who resumes a persistent watch on a node that is not there may be told `deleted` though
//              it never was
//   Costs      a change: a look-up, and one for each part of its path; resuming a recursive watch
//              walks the nodes below it
//   watch      | on             | told of it                                      | ends
//   data       | a node         | data, deleted                                   | fired
//   exists     | no node        | created (on a node it is a data watch)          | fired
//   children   | a node         | children, deleted                               | fired
//   persistent | any path       | created, data, children, deleted                | removed
//   recursive  | any, and below | created, data, deleted (resumed: children, too) | removed
#pragma once
#include "patterns/result.hpp"
#include "patterns/tree/tree.hpp"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>
namespace troupe::tree {
using watcher_id = std::uint64_t;  // given by the host: a client's connection or session
enum class watch_kind : std::uint8_t { data, exists, children, persistent, recursive };
TROUPE_ENUM(watch_kind, data, exists, children, persistent, recursive)

struct watch {
  std::string path{};
  watch_kind kind = watch_kind::data;
};
TROUPE_MESSAGE(watch, path, kind)
struct told {
  watcher_id whom = 0;
  event is{};
  zxid at = 0;  // the replica's: reading at it or later shows the change, or a newer one
};
TROUPE_MESSAGE(told, whom, is, at)
using watch_output = std::vector<told>;

struct watch_settings {
  std::uint32_t watches_max = 1'000'000;
  std::uint32_t watches_of_one_max = 100'000;
};

class watches {
 public:
  explicit watches(watch_settings bounds = {}) : settings_{bounds} {}
  // The kind that it is: an exists watch on a node that is there is a data watch.
  result<watch_kind, refusal> add(watcher_id whom, const watch& w, const data_tree& t);
  result<void, refusal> remove(watcher_id whom, const watch& w);
  void drop(watcher_id whom);  // all of its
  // Sets them again for one who has seen everything up to `seen`, elsewhere or here. Each is set or
  // fires at once. What is refused sets none of them.
  result<void, refusal> resume(watcher_id whom, zxid seen, const std::vector<watch>& all,
                               const data_tree& t, watch_output& out);
  void fire(const data_tree& t, const effect& done, watch_output& out);
  void restored(const data_tree& t, watch_output& out);  // the tree has jumped ahead, by a snapshot

  std::size_t size() const { return size_; }
  std::size_t of(watcher_id whom) const;

 private:
  using on_path = std::map<std::string, std::set<watcher_id>, std::less<>>;
  struct key {
    watch_kind kind = watch_kind::data;
    std::string path{};
    auto operator<=>(const key&) const = default;
  };
  using audience = std::set<watcher_id>;
  on_path& table(watch_kind kind) { return tables_[static_cast<std::size_t>(kind)]; }
  void put(watcher_id whom, watch_kind kind, const std::string& path);
  bool take(watcher_id whom, watch_kind kind, const std::string& path);
  void once(watch_kind kind, const std::string& path, audience& who);
  void always(watch_kind kind, std::string_view path, audience& who) const;
  void above(std::string_view path, audience& who) const;
  result<void, refusal> room(watcher_id whom, const std::set<key>& more) const;
  // What has changed since then that this watch is for. False: a one-shot, and it has fired.
  static bool catch_up(const key& w, zxid since, const data_tree& t, std::vector<event>& missed);
  static void tell(watcher_id whom, const std::vector<event>& missed, const data_tree& t,
                   watch_output& out);

  watch_settings settings_;
  zxid seen_ = 0;  // everything up to here has been told
  std::array<on_path, 5> tables_;
  std::map<watcher_id, std::set<key>> by_watcher_;
  std::size_t size_ = 0;
};
}  // namespace troupe::tree

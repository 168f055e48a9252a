// Watches on the map: every change of the keys watched, in order, from a revision on.
// Source: etcd v3 (server/storage/mvcc/watchable_store.go). Departs from it: what a slow watcher has
//   not taken yet is not copied for it; the map's own history is its queue.
//   Promises  a watcher is given each change of its keys from its first revision on, once, in order,
//             and each revision whole: who resumes at `next` has missed nothing and sees nothing
//             twice; where that cannot be done it is told (`compacted`, `overrun`) and never
//             starts or goes on silently late
//   Promises  a note of progress r comes after all changes up to r
//   Assumes   `advance` is called after the map has applied something (one entry or many) or was
//             restored, and all calls of one hub are given the same map
//   Beware    a watcher has at most `window` changes under way (and the rest of one revision): the
//             host says with `taken` how far it has got, or nothing more comes
//   Costs     a change: one look-up, and a comparison for each watch on more than one key;
//             a watcher behind: the map's history from its place on, read again as it takes
//   Beware    a note is in no history: who is behind, or watches elsewhere, does not get it
//   watcher  | change of its keys            | taken            | history passes it by
//   current  | delivered, or behind if full  | window opens     |
//   behind   |                               | goes on reading  | overrun: closed
#pragma once
#include "patterns/storage/map.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>
namespace troupe::storage {
using watch_id = std::uint64_t;  // given by the host, never used twice

struct watch {
  selection keys{};
  revision from = 0;  // the first revision to be seen; 0: what comes after now
  bool prev_kv = false;
  bool puts = true;
  bool erasures = true;
  bool once = false;         // it is over, without a word, with the first that is told of its keys
  std::string notes_with{};  // notes on its one key are told while this key is there; empty: none
};
TROUPE_MESSAGE(watch, keys, from, prev_kv, puts, erasures, once, notes_with)

// Outputs, in this order for each watcher.
struct watch_created {
  watch_id id = 0;
  revision next = 0;  // nothing before it will be shown
};
TROUPE_MESSAGE(watch_created, id, next)
struct watch_events {
  watch_id id = 0;
  revision at = 0;
  std::vector<event> events{};  // all that concern it of this revision
};
TROUPE_MESSAGE(watch_events, id, at, events)
// What somebody says of a key ahead of what he does to it: to those who watch it now, while it is still the one that was
// created then.
struct note {
  std::string key{};
  revision created = 0;
};
TROUPE_MESSAGE(note, key, created)

struct watch_noted {
  watch_id id = 0;
};
TROUPE_MESSAGE(watch_noted, id)
struct watch_progress {
  watch_id id = 0;
  revision upto = 0;
};
TROUPE_MESSAGE(watch_progress, id, upto)
enum class watch_end : std::uint8_t {
  compacted,  // it asked for a revision that history does not have any more
  overrun,    // it was too slow: history went on without it
  too_many,
  cancelled,  // at its own wish
  closed,     // the hub's host ends: resume at another
};
TROUPE_ENUM(watch_end, compacted, overrun, too_many, cancelled, closed)
struct watch_ended {
  watch_id id = 0;
  watch_end why = watch_end::closed;
  revision next = 0;  // where it would have gone on: resume here elsewhere, unless it is below ...
  revision lowest = 0;  // ... the first revision that a watch can start at here
};
TROUPE_MESSAGE(watch_ended, id, why, next, lowest)
using watch_output = std::vector<
    std::variant<watch_created, watch_events, watch_noted, watch_progress, watch_ended>>;

struct watch_settings {
  std::uint32_t window = 1024;  // changes under way to one watcher
  std::uint32_t watchers_max = 100'000;
};

class watch_hub {
 public:
  explicit watch_hub(watch_settings bounds = {}) : settings_{bounds} {}

  void open(watch_id id, watch what, const map& m, watch_output& out);
  void cancel(watch_id id, const map& m, watch_output& out);
  // The watcher has dealt with everything up to this revision.
  void taken(watch_id id, revision upto, const map& m, watch_output& out);
  void advance(const map& m, watch_output& out);
  void note(const storage::note& what, const map& m, watch_output& out) const;
  // A note for each current watcher that has been told nothing since the last one.
  void progress(watch_output& out);
  void progress(watch_id id, watch_output& out);  // of one, if it is current
  void close(const map& m, watch_output& out);    // all
  std::size_t size() const { return watchers_.size(); }
  std::size_t behind() const { return behind_.size(); }

 private:
  struct batch {
    revision at = 0;
    std::size_t events = 0;
  };
  struct watcher {
    watch what{};
    revision next = 0;          // of one behind: where to read on; of a current one: not before
    revision told = 0;          // by events or a note
    std::deque<batch> sent{};   // and not taken
    std::size_t under_way = 0;  // changes in them
  };
  using store = std::map<watch_id, watcher>;
  void show(watch_id id, watcher& w, revision at, std::vector<event> events,
            watch_output& out) const;
  bool full(const watcher& w) const { return w.under_way >= settings_.window; }
  void advance_one(watch_id id, revision at, const std::vector<event>& all, watch_output& out);
  void drop_overrun(const map& m, watch_output& out);
  void read_on(watch_id id, const map& m, watch_output& out);
  void end(store::iterator it, watch_end why, const map& m, watch_output& out);
  void list(watch_id id, const selection& keys);
  void unlist(watch_id id, const selection& keys);

  watch_settings settings_;
  revision seen_ = 0;  // all current watchers have been shown everything up to here
  store watchers_;
  std::map<std::string, std::set<watch_id>, std::less<>> exact_;  // current ones, by their key
  std::set<watch_id> wide_;                                       // current ones on more keys
  std::set<watch_id> behind_;
};
}  // namespace troupe::storage

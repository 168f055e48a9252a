// The replicated map: keys in order, each change with a revision, and the history of the last ones.
// Source: etcd v3 (server/storage/mvcc, server/etcdserver/txn); see map_messages.hpp.
//   Promises  the state and each reply follow from the commands in their order alone, so that every
//             replica agrees; one command that changes anything takes one revision, whatever it
//             changes; what is refused changes nothing; a read at a retained revision is the map as
//             it was then; `changes` has every change after floor(), complete and in order
//   Assumes   the same settings on all replicas
//   Beware    it never knows the time: who finds that a lease has run out (lease_keeper.hpp) has
//             its revocation put into the log
//   Beware    history forgets by itself beyond `history_events` and `history_bytes`, and always
//             whole revisions: a reader or watcher of an older one is told so
//   Beware    `got.more` may be set without a limit: a reply holds `reply_bytes_max` at most
//   Costs     O(log n) a put or read of one key; a range walks its keys, and of the past those deleted since as well
#pragma once
#include "patterns/result.hpp"
#include "patterns/storage/map_messages.hpp"
#include "patterns/storage/versions.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>
namespace troupe::storage {
constexpr lease_id lease_ids_own = lease_id{1} << 32;  // the map chooses from here on

struct map_settings {
  std::uint64_t key_bytes_max = 4096;
  std::uint64_t value_bytes_max = std::uint64_t{1} << 20;
  std::uint32_t txn_operations_max = 128;  // compares, and each branch
  std::uint32_t leases_max = 1'000'000;
  duration ttl_min{500};
  duration ttl_max{std::chrono::hours{24 * 365}};
  std::uint64_t bytes_max = std::uint64_t{2} << 30;  // keys, values and history
  std::uint64_t history_events = 100'000;
  std::uint64_t history_bytes = std::uint64_t{64} << 20;  // of the keys and values that were put
  std::uint64_t reply_bytes_max = std::uint64_t{4} << 20;
};

class map {
 public:
  explicit map(map_settings bounds = {}) : settings_{bounds} {}
  map(const map&) = delete;  // history points at the keys: a copy is made by snapshot and restore
  map(map&&) = default;
  map& operator=(const map&) = delete;
  map& operator=(map&&) = default;
  ~map() = default;
  reply apply(const command& c, std::uint64_t term = 0);
  reply query(const question& q) const;

  revision at() const { return revision_; }          // of the last change
  revision floor() const { return floor_; }          // the oldest that can be read
  std::size_t size() const { return live_.size(); }  // keys
  revision created(const std::string& key) const {   // 0: it is not there
    const auto found = live_.find(key);
    return found == live_.end() ? 0 : (*found)->second.newest().create;
  }
  std::uint64_t bytes() const { return bytes_; }
  const map_settings& settings() const { return settings_; }
  // The changes of each revision from `first` on, revision by revision, until f returns false; of
  // these keys only, and then only revisions that changed any of them. `first` is above floor().
  using revision_visitor = std::function<bool(revision, const std::vector<event>&)>;
  void changes(revision first, const revision_visitor& f, const selection& keys = prefix("")) const;
  std::vector<granted> leases_granted() const;

  std::string snapshot() const;
  result<void, std::string> restore(std::string_view bytes);  // by a snapshot of the same settings

 private:
  using store = std::map<std::string, versions, std::less<>>;
  struct by_key {
    using is_transparent = void;
    bool operator()(store::iterator a, store::iterator b) const { return a->first < b->first; }
    bool operator()(store::iterator a, const std::string& b) const { return a->first < b; }
    bool operator()(const std::string& a, store::iterator b) const { return a < b->first; }
  };
  using present = std::set<store::iterator, by_key>;
  struct past {  // one change, in the order they were made
    revision at = 0;
    store::iterator key{};
  };
  struct lease_record {
    duration ttl{};
    std::set<std::string> keys{};
  };
  template <class Keys>
  using bounds_of = std::pair<typename Keys::const_iterator, typename Keys::const_iterator>;
  using found = std::pair<const std::string*, const version*>;

  answer on(const put& x, std::uint64_t term);
  answer on(const erase& x, std::uint64_t term);
  answer on(const txn& x, std::uint64_t term);
  answer on(const lease_grant& x, std::uint64_t term);
  answer on(const lease_revoke& x, std::uint64_t term);
  answer on(const compact& x, std::uint64_t term);
  answer ask(const get& x) const;
  answer ask(const lease_list& x) const;
  answer ask(const lease_info& x) const;
  answer ask(const status& x) const;

  // What would be refused. (map_check.cpp)
  result<void, refusal> check(const put& x) const;
  result<void, refusal> check(const selection& keys) const;
  result<void, refusal> check(const txn& x) const;
  result<void, refusal> check(const compare& x) const;
  result<void, refusal> check_form(const put& x) const;
  result<void, refusal> check_branch(const std::vector<operation>& ops) const;
  result<void, refusal> check_chosen(const std::vector<operation>& ops) const;
  bool holds(const compare& c) const;

  // What is there. (map_read.cpp)
  template <class Keys>  // store or present
  static bounds_of<Keys> within(const Keys& all, const selection& keys);
  static const version* valid(const versions& all, revision at);  // 0: now; null: no such key then
  got read(const get& x, std::uint64_t& budget) const;
  std::vector<found> sorted(const get& x) const;
  static key_value shown(const std::string& key, const version& v);
  static event seen(const std::string& key, const versions& all, revision at);

  put_done write(const put& x);
  erase_done remove(const erase& x, std::uint64_t& budget);
  void append(store::iterator where, version v);
  void attach(const std::string& key, lease_id from, lease_id to);
  void finish();  // a command: its changes become a revision, history sheds what is too much
  void forget_upto(revision floor);
  void forget(const past& p);
  static std::uint64_t cost(const std::string& key, const version& v);

  map_settings settings_;
  revision revision_ = 0;
  revision floor_ = 0;
  std::uint32_t changed_ = 0;  // by the command under way
  lease_id next_lease_ = lease_ids_own;
  store keys_;    // also those deleted, while history has them
  present live_;  // and those that are not
  std::deque<past> history_;
  std::uint64_t history_bytes_ = 0;
  std::map<lease_id, lease_record> leases_;
  std::uint64_t bytes_ = 0;
};
}  // namespace troupe::storage

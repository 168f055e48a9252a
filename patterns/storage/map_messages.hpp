// What is said to the replicated map and what it answers: etcd v3's data model.
// Source: etcd 3.5, api/etcdserverpb/rpc.proto and "etcd API" (etcd.io/docs/v3.5/learning/api).
//   Departs   the first change has revision 1 (etcd's has 2); after a compaction to revision r reads
//             at r work, and watches start at r + 1
//   Beware    fields and alternatives are only ever added at the end: logs and snapshots hold them
#pragma once
#include "patterns/message.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>
namespace troupe::storage {
using revision = std::uint64_t;
using lease_id = std::uint64_t;  // 0 is none
using duration = std::chrono::milliseconds;
using instant = std::chrono::milliseconds;  // since any fixed origin

struct key_value {
  std::string key{};
  std::string value{};
  revision create_revision =
      0;                      // when the key came into being; rises over all keys: a fencing token
  revision mod_revision = 0;  // when it was last put
  std::uint64_t version = 0;  // puts since it came into being
  lease_id lease = 0;
};
TROUPE_MESSAGE(key_value, key, value, create_revision, mod_revision, version, lease)

enum class extent : std::uint8_t { one, range, prefix };
TROUPE_ENUM(extent, one, range, prefix)
// Which keys: one; those from `key` to before `end` (to the last, if `end` is empty); or all that
// begin with `key` (all, if it is empty).
struct selection {
  std::string key{};
  std::string end{};
  extent what = extent::one;
};
TROUPE_MESSAGE(selection, key, end, what)
inline selection one(std::string key) { return {std::move(key), {}, extent::one}; }
inline selection range(std::string from, std::string to) {
  return {std::move(from), std::move(to), extent::range};
}
inline selection prefix(std::string key) { return {std::move(key), {}, extent::prefix}; }
bool covers(const selection& keys, std::string_view key);

// Commands. They go through the log.
struct put {
  std::string key{};
  std::string value{};
  lease_id lease = 0;
  bool prev_kv = false;     // the reply shows what was there
  bool keep_lease = false;  // of the key as it is; `lease` must be 0 then
};
TROUPE_MESSAGE(put, key, value, lease, prev_kv, keep_lease)
struct erase {
  selection keys{};
  bool prev_kv = false;
};
TROUPE_MESSAGE(erase, keys, prev_kv)

enum class order : std::uint8_t { ascending, descending };
TROUPE_ENUM(order, ascending, descending)
enum class aspect : std::uint8_t { key, value, version, create_revision, mod_revision, lease };
TROUPE_ENUM(aspect, key, value, version, create_revision, mod_revision, lease)
struct get {
  selection keys{};
  revision at = 0;          // 0 is now; inside a transaction nothing else is allowed
  std::uint64_t limit = 0;  // 0 is none but the map's own
  bool keys_only = false;
  bool count_only = false;
  aspect by = aspect::key;
  order sorted = order::ascending;
  revision create_max = 0;  // only those created up to here; 0 is all
};
TROUPE_MESSAGE(get, keys, at, limit, keys_only, count_only, by, sorted, create_max)

enum class relation : std::uint8_t { equal, not_equal, less, greater };
TROUPE_ENUM(relation, equal, not_equal, less, greater)
// Of each key selected; of a single key that is absent, numbers are 0 and no value compares.
struct compare {
  selection keys{};
  aspect what = aspect::version;  // `key` is refused
  relation is = relation::equal;
  std::uint64_t number = 0;
  std::string value{};
};
TROUPE_MESSAGE(compare, keys, what, is, number, value)
inline compare absent(std::string key) {
  return {one(std::move(key)), aspect::create_revision, relation::equal, 0, {}};
}
inline compare present(std::string key) {
  return {one(std::move(key)), aspect::create_revision, relation::greater, 0, {}};
}
using operation = std::variant<put, erase, get>;
struct txn {
  std::vector<compare> when{};  // all hold
  std::vector<operation> then{};
  std::vector<operation> otherwise{};
};
TROUPE_MESSAGE(txn, when, then, otherwise)

struct lease_grant {
  duration ttl{};
  lease_id id = 0;  // chosen by the client, below lease_ids_own; 0: the map chooses
};
TROUPE_MESSAGE(lease_grant, ttl, id)
struct lease_revoke {
  lease_id id = 0;
  std::uint64_t term = 0;  // of a keeper's: void in an entry of another term; 0: always valid
};
TROUPE_MESSAGE(lease_revoke, id, term)
struct compact {  // history before this revision is forgotten
  revision upto = 0;
};
TROUPE_MESSAGE(compact, upto)
using command = std::variant<put, erase, txn, lease_grant, lease_revoke, compact>;

// Questions. They change nothing and go around the log.
struct lease_list {};
TROUPE_MESSAGE(lease_list)
struct lease_info {  // what is left of its time, only the leader's lease_keeper knows
  lease_id id = 0;
  bool keys = false;
};
TROUPE_MESSAGE(lease_info, id, keys)
struct status {};
TROUPE_MESSAGE(status)
using question = std::variant<get, lease_list, lease_info, status>;

enum class refusal : std::uint8_t {
  malformed,
  key_empty,
  key_too_long,
  value_too_large,
  txn_too_large,
  duplicate_key,
  not_in_txn,
  bad_compare,
  lease_unknown,
  lease_exists,
  lease_reserved,
  lease_ambiguous,
  ttl_out_of_range,
  too_many_leases,
  stale_term,
  compacted,
  future_revision,
  no_space,
};
TROUPE_ENUM(refusal, malformed, key_empty, key_too_long, value_too_large, txn_too_large,
            duplicate_key, not_in_txn, bad_compare, lease_unknown, lease_exists, lease_reserved,
            lease_ambiguous, ttl_out_of_range, too_many_leases, stale_term, compacted,
            future_revision, no_space)
std::string explain(refusal why);  // a sentence: what was refused, and what to do

// Replies. Whatever was refused changed nothing.
struct refused {
  refusal why = refusal::malformed;
  revision lowest = 0;  // of compacted: the oldest revision that can be read
};
TROUPE_MESSAGE(refused, why, lowest)
struct put_done {
  std::optional<key_value> previous{};
};
TROUPE_MESSAGE(put_done, previous)
struct erase_done {
  std::uint64_t count = 0;
  std::vector<key_value> previous{};
  bool more = false;  // previous ends before the last, by the map's own limit
};
TROUPE_MESSAGE(erase_done, count, previous, more)
struct got {
  std::vector<key_value> items{};
  std::uint64_t count = 0;  // of the keys selected; at least so many, when there is more
  bool more = false;        // items ends before the last: by the limit, or by the map's own
};
TROUPE_MESSAGE(got, items, count, more)
using operation_done = std::variant<put_done, erase_done, got>;
struct txn_done {
  bool succeeded = false;
  std::vector<operation_done> replies{};
};
TROUPE_MESSAGE(txn_done, succeeded, replies)
struct granted {
  lease_id id = 0;
  duration ttl{};
};
TROUPE_MESSAGE(granted, id, ttl)
struct revoked {
  std::uint64_t keys = 0;  // deleted with it
};
TROUPE_MESSAGE(revoked, keys)
struct compaction_done {};
TROUPE_MESSAGE(compaction_done)
struct leases {
  std::vector<granted> all{};
};
TROUPE_MESSAGE(leases, all)
struct lease_state {
  lease_id id = 0;
  duration ttl{};
  std::vector<std::string> keys{};
};
TROUPE_MESSAGE(lease_state, id, ttl, keys)
struct map_status {
  std::uint64_t keys = 0;
  std::uint64_t leases = 0;
  std::uint64_t bytes = 0;
  revision lowest = 0;  // the oldest that can be read
};
TROUPE_MESSAGE(map_status, keys, leases, bytes, lowest)

using answer = std::variant<refused, put_done, erase_done, got, txn_done, granted, revoked,
                            compaction_done, leases, lease_state, map_status>;
struct reply {
  revision at = 0;  // the map's, after the command
  answer what{};
};
TROUPE_MESSAGE(reply, at, what)

// What a watcher sees. `kv` of a deletion holds the key and, as mod_revision, when it went.
enum class change : std::uint8_t { put, erased };
TROUPE_ENUM(change, put, erased)
struct event {
  change what = change::put;
  key_value kv{};
  std::optional<key_value> previous{};
};
TROUPE_MESSAGE(event, what, kv, previous)
}  // namespace troupe::storage

// The replicated map as one would write it without a thought for memory: every revision's whole
// state is kept, and everything is found by looking at all of it. What the real one must equal.
#pragma once
#include "patterns/storage/map.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>
namespace troupe::test {
class naive_map {
 public:
  using state = std::map<std::string, storage::key_value>;
  explicit naive_map(storage::map_settings bounds) : settings_{bounds} {}

  storage::reply apply(const storage::command& c, std::uint64_t term) {
    now_ = states_.back();
    const auto leases = leases_;
    changed_.clear();
    auto what = std::visit([&](const auto& x) { return on(x, term); }, c);
    if (std::holds_alternative<storage::refused>(what)) {
      leases_ = leases;
    } else if (!changed_.empty()) {
      states_.push_back(now_);
      for (const auto& key : changed_) log_.push_back({next() - 1, key});
      shed();
    }
    return {at(), what};
  }
  storage::reply query(const storage::question& q) const {
    if (const auto* g = std::get_if<storage::get>(&q)) {
      if (auto why = bad(g->keys)) return {at(), storage::refused{*why}};
      if (g->at > at()) return {at(), storage::refused{storage::refusal::future_revision}};
      if (g->at != 0 && g->at < floor_)
        return {at(), storage::refused{storage::refusal::compacted, floor_}};
      return {at(), read(*g, g->at == 0 ? states_.back() : states_[g->at])};
    }
    if (const auto* l = std::get_if<storage::lease_info>(&q)) {
      const auto found = leases_.find(l->id);
      if (found == leases_.end()) return {at(), storage::refused{storage::refusal::lease_unknown}};
      storage::lease_state s{l->id, found->second, {}};
      if (l->keys)
        for (const auto& [key, kv] : states_.back())
          if (kv.lease == l->id) s.keys.push_back(key);
      return {at(), s};
    }
    storage::leases all;
    for (const auto& [id, ttl] : leases_) all.all.push_back({id, ttl});
    return {at(), all};
  }
  storage::revision at() const { return states_.size() - 1; }
  storage::revision floor() const { return floor_; }
  const state& as_of(storage::revision r) const { return states_[r]; }
  // What a watcher of these keys sees of a revision.
  std::vector<storage::event> events(storage::revision r, const storage::selection& keys) const {
    std::vector<storage::event> out;
    for (const auto& [when, key] : log_) {
      if (when != r || !inside(keys, key)) continue;
      storage::event e;
      const auto before = states_[r - 1].find(key);
      if (before != states_[r - 1].end()) e.previous = before->second;
      if (const auto after = states_[r].find(key); after != states_[r].end()) {
        e.kv = after->second;
      } else {
        e.what = storage::change::erased;
        e.kv.key = key;
        e.kv.mod_revision = r;
      }
      out.push_back(e);
    }
    return out;
  }
  static bool inside(const storage::selection& s, const std::string& key) {
    if (s.what == storage::extent::one) return key == s.key;
    if (s.what == storage::extent::prefix) return key.compare(0, s.key.size(), s.key) == 0;
    return key >= s.key && (s.end.empty() || key < s.end);
  }

 private:
  using refusal = storage::refusal;
  using why = std::optional<refusal>;
  storage::revision next() const { return states_.size(); }

  why bad(const storage::selection& s) const {
    if (s.what == storage::extent::one && s.key.empty()) return refusal::key_empty;
    if (s.key.size() > settings_.key_bytes_max || s.end.size() > settings_.key_bytes_max)
      return refusal::key_too_long;
    return {};
  }
  why bad(const storage::put& p) const {
    if (p.key.empty()) return refusal::key_empty;
    if (p.key.size() > settings_.key_bytes_max) return refusal::key_too_long;
    if (p.value.size() > settings_.value_bytes_max) return refusal::value_too_large;
    if (p.keep_lease && p.lease != 0) return refusal::lease_ambiguous;
    return {};
  }
  storage::answer on(const storage::put& p, std::uint64_t) {
    if (auto w = bad(p)) return storage::refused{*w};
    if (p.lease != 0 && leases_.count(p.lease) == 0)
      return storage::refused{refusal::lease_unknown};
    return write(p);
  }
  storage::answer on(const storage::erase& e, std::uint64_t) {
    if (auto w = bad(e.keys)) return storage::refused{*w};
    return remove(e);
  }
  storage::answer on(const storage::txn& t, std::uint64_t) {
    for (const auto& c : t.when) {
      if (c.what == storage::aspect::key) return storage::refused{refusal::bad_compare};
      if (auto w = bad(c.keys)) return storage::refused{*w};
      if (c.value.size() > settings_.value_bytes_max)
        return storage::refused{refusal::value_too_large};
    }
    for (const auto* branch : {&t.then, &t.otherwise})
      if (auto w = bad(*branch)) return storage::refused{*w};
    bool holds = true;
    for (const auto& c : t.when) holds = holds && compares(c);
    storage::txn_done done{holds, {}};
    for (const auto& op : holds ? t.then : t.otherwise) {
      if (const auto* p = std::get_if<storage::put>(&op)) {
        if (p->lease != 0 && leases_.count(p->lease) == 0)
          return storage::refused{refusal::lease_unknown};
        done.replies.emplace_back(write(*p));
      } else if (const auto* e = std::get_if<storage::erase>(&op)) {
        done.replies.emplace_back(remove(*e));
      } else {
        done.replies.emplace_back(read(std::get<storage::get>(op), now_));
      }
    }
    return done;
  }
  why bad(const std::vector<storage::operation>& ops) const {
    std::multiset<std::string> puts;
    why first;
    for (const auto& op : ops) {
      why w;
      if (const auto* p = std::get_if<storage::put>(&op)) {
        w = bad(*p);
        puts.insert(p->key);
        if (!w && puts.count(p->key) > 1) w = refusal::duplicate_key;
      } else if (const auto* e = std::get_if<storage::erase>(&op)) {
        w = bad(e->keys);
      } else {
        w = bad(std::get<storage::get>(op).keys);
        if (!w && std::get<storage::get>(op).at != 0) w = refusal::not_in_txn;
      }
      if (w) return w;
    }
    for (const auto& op : ops)
      if (const auto* e = std::get_if<storage::erase>(&op))
        for (const auto& key : puts)
          if (inside(e->keys, key)) return refusal::duplicate_key;
    return {};
  }
  template <class T>
  static bool related(const T& a, storage::relation is, const T& b) {
    if (is == storage::relation::equal) return a == b;
    if (is == storage::relation::not_equal) return !(a == b);
    return is == storage::relation::less ? a < b : b < a;
  }
  bool compares(const storage::compare& c) const {
    const auto one = [&](const storage::key_value& kv) {
      if (c.what == storage::aspect::value) return related(kv.value, c.is, c.value);
      return related(number(kv, c.what), c.is, c.number);
    };
    std::size_t n = 0;
    bool all = true;
    for (const auto& [key, kv] : now_)
      if (inside(c.keys, key)) {
        ++n;
        all = all && one(kv);
      }
    if (n > 0) return all;
    return c.what != storage::aspect::value && one(storage::key_value{});
  }
  static std::uint64_t number(const storage::key_value& kv, storage::aspect what) {
    if (what == storage::aspect::version) return kv.version;
    if (what == storage::aspect::create_revision) return kv.create_revision;
    if (what == storage::aspect::mod_revision) return kv.mod_revision;
    return kv.lease;
  }
  storage::answer on(const storage::lease_grant& g, std::uint64_t) {
    if (g.ttl < settings_.ttl_min || g.ttl > settings_.ttl_max)
      return storage::refused{refusal::ttl_out_of_range};
    if (g.id >= storage::lease_ids_own) return storage::refused{refusal::lease_reserved};
    if (leases_.count(g.id) > 0) return storage::refused{refusal::lease_exists};
    const auto id = g.id != 0 ? g.id : storage::lease_ids_own + chosen_++;
    leases_[id] = g.ttl;
    return storage::granted{id, g.ttl};
  }
  storage::answer on(const storage::lease_revoke& r, std::uint64_t term) {
    if (r.term != 0 && r.term != term) return storage::refused{refusal::stale_term};
    if (leases_.erase(r.id) == 0) return storage::refused{refusal::lease_unknown};
    std::vector<std::string> keys;
    for (const auto& [key, kv] : now_)
      if (kv.lease == r.id) keys.push_back(key);
    for (const auto& key : keys) {
      now_.erase(key);
      changed_.push_back(key);
    }
    return storage::revoked{keys.size()};
  }
  storage::answer on(const storage::compact& c, std::uint64_t) {
    if (c.upto > at()) return storage::refused{refusal::future_revision};
    if (c.upto < floor_) return storage::refused{refusal::compacted, floor_};
    floor_ = c.upto;
    return storage::compaction_done{};
  }
  storage::put_done write(const storage::put& p) {
    storage::put_done done;
    auto& kv = now_[p.key];
    if (p.prev_kv && kv.version > 0) done.previous = kv;
    kv.key = p.key;
    kv.value = p.value;
    if (kv.version++ == 0) kv.create_revision = next();
    kv.mod_revision = next();
    if (!p.keep_lease) kv.lease = p.lease;
    changed_.push_back(p.key);
    return done;
  }
  storage::erase_done remove(const storage::erase& e) {
    storage::erase_done done;
    for (auto it = now_.begin(); it != now_.end();) {
      if (!inside(e.keys, it->first)) {
        ++it;
        continue;
      }
      ++done.count;
      if (e.prev_kv) done.previous.push_back(it->second);
      changed_.push_back(it->first);
      it = now_.erase(it);
    }
    return done;
  }
  static storage::got read(const storage::get& g, const state& from) {
    std::vector<storage::key_value> all;
    for (const auto& [key, kv] : from)
      if (inside(g.keys, key) && (g.create_max == 0 || kv.create_revision <= g.create_max))
        all.push_back(kv);
    const auto less = [&](const storage::key_value& a, const storage::key_value& b) {
      if (g.by == storage::aspect::key) return a.key < b.key;
      if (g.by == storage::aspect::value) return a.value < b.value;
      return number(a, g.by) < number(b, g.by);
    };
    std::stable_sort(all.begin(), all.end(), [&](const auto& a, const auto& b) {
      return g.sorted == storage::order::ascending ? less(a, b) : less(b, a);
    });
    storage::got out;
    out.count = all.size();
    if (g.count_only) return out;
    if (g.limit != 0 && all.size() > g.limit) {
      out.more = true;
      all.resize(g.limit);
      // in order of keys the search stops at the one that shows that there is more
      if (g.by == storage::aspect::key && g.sorted == storage::order::ascending)
        out.count = g.limit + 1;
    }
    if (g.keys_only)
      for (auto& kv : all) kv.value.clear();
    out.items = std::move(all);
    return out;
  }
  // History beyond its bounds goes, oldest first, by whole revisions; the newest stays.
  void shed() {
    for (;;) {
      std::uint64_t events = 0, bytes = 0;
      auto oldest = at();
      for (const auto& [when, key] : log_) {
        if (when <= floor_) continue;
        oldest = std::min(oldest, when);
        ++events;
        const auto kv = states_[when].find(key);
        bytes += key.size() + 64 + (kv == states_[when].end() ? 0 : kv->second.value.size());
      }
      if (oldest == at() ||
          (events <= settings_.history_events && bytes <= settings_.history_bytes))
        return;
      floor_ = oldest;
    }
  }

  storage::map_settings settings_;
  std::vector<state> states_{state{}};  // by revision
  std::vector<std::pair<storage::revision, std::string>> log_;
  storage::revision floor_ = 0;
  std::map<storage::lease_id, storage::duration> leases_;
  std::uint64_t chosen_ = 0;
  state now_;
  std::vector<std::string> changed_;
};
}  // namespace troupe::test

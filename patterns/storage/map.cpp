#include "patterns/storage/map.hpp"

#include <algorithm>
#include <utility>
namespace troupe::storage {
namespace {
constexpr std::uint64_t version_overhead =
    64;  // counted for each, so that bounds also bound empty ones
}  // namespace

reply map::apply(const command& c, std::uint64_t term) {
  auto what = std::visit([&](const auto& x) { return on(x, term); }, c);
  finish();
  return {revision_, std::move(what)};
}

answer map::on(const put& x, std::uint64_t) {
  if (auto r = check(x); !r) return refused{r.error()};
  return write(x);
}

answer map::on(const erase& x, std::uint64_t) {
  if (auto r = check(x.keys); !r) return refused{r.error()};
  auto budget = settings_.reply_bytes_max;
  return remove(x, budget);
}

answer map::on(const txn& x, std::uint64_t) {
  if (auto r = check(x); !r) return refused{r.error()};
  const bool succeeded =
      std::all_of(x.when.begin(), x.when.end(), [&](const compare& c) { return holds(c); });
  const auto& chosen = succeeded ? x.then : x.otherwise;
  if (auto r = check_chosen(chosen); !r) return refused{r.error()};
  txn_done done{succeeded, {}};
  auto budget = settings_.reply_bytes_max;
  for (const auto& op : chosen) {
    if (const auto* p = std::get_if<put>(&op)) {
      done.replies.emplace_back(write(*p));
    } else if (const auto* e = std::get_if<erase>(&op)) {
      done.replies.emplace_back(remove(*e, budget));
    } else {
      done.replies.emplace_back(read(std::get<get>(op), budget));
    }
  }
  return done;
}

answer map::on(const lease_grant& x, std::uint64_t) {
  if (x.ttl < settings_.ttl_min || x.ttl > settings_.ttl_max)
    return refused{refusal::ttl_out_of_range};
  if (x.id >= lease_ids_own) return refused{refusal::lease_reserved};
  if (leases_.contains(x.id)) return refused{refusal::lease_exists};
  if (leases_.size() >= settings_.leases_max) return refused{refusal::too_many_leases};
  const auto id = x.id != 0 ? x.id : next_lease_++;
  leases_.emplace(id, lease_record{x.ttl, {}});
  return granted{id, x.ttl};
}

answer map::on(const lease_revoke& x, std::uint64_t term) {
  if (x.term != 0 && x.term != term) return refused{refusal::stale_term};
  const auto found = leases_.find(x.id);
  if (found == leases_.end()) return refused{refusal::lease_unknown};
  const auto keys = std::move(found->second.keys);
  leases_.erase(found);
  for (const auto& key : keys) append(keys_.find(key), version{});
  return revoked{keys.size()};
}

answer map::on(const compact& x, std::uint64_t) {
  if (x.upto > revision_) return refused{refusal::future_revision};
  if (x.upto < floor_) return refused{refusal::compacted, floor_};
  forget_upto(x.upto);
  return compaction_done{};
}

put_done map::write(const put& x) {
  const auto where = keys_.try_emplace(x.key).first;
  const auto* before = valid(where->second, 0);
  put_done done;
  if (before != nullptr && x.prev_kv) done.previous = shown(x.key, *before);
  version v{.create = revision_ + 1, .number = 1, .lease = x.lease, .value = x.value};
  if (before != nullptr) {
    v.create = before->create;
    v.number = before->number + 1;
    if (x.keep_lease) v.lease = before->lease;
  }
  attach(x.key, before != nullptr ? before->lease : 0, v.lease);
  append(where, std::move(v));
  return done;
}

erase_done map::remove(const erase& x, std::uint64_t& budget) {
  erase_done done;
  auto [it, end] = within(live_, x.keys);
  while (it != end) {
    const auto where = *it++;
    const auto& [key, all] = *where;
    const auto& before = all.newest();
    ++done.count;
    if (x.prev_kv) {
      const auto size = cost(key, before);
      done.more = done.more || size > budget;
      if (!done.more) {
        budget -= size;
        done.previous.push_back(shown(key, before));
      }
    }
    attach(key, before.lease, 0);
    append(where, version{});
  }
  return done;
}

// A change by the command under way; a version without a number is a deletion.
void map::append(store::iterator where, version v) {
  const bool was = !where->second.empty() && !where->second.newest().erased();
  v.mod = revision_ + 1;
  v.place = changed_++;
  if (was && v.erased()) live_.erase(where);
  if (!was && !v.erased()) live_.insert(where);
  const auto size = cost(where->first, v);
  bytes_ += size;
  history_bytes_ += size;
  where->second.push(std::move(v));
  history_.push_back({revision_ + 1, where});
}

void map::attach(const std::string& key, lease_id from, lease_id to) {
  if (from == to) return;
  if (from != 0) {
    if (const auto lease = leases_.find(from); lease != leases_.end())
      lease->second.keys.erase(key);
  }
  if (to != 0) leases_.at(to).keys.insert(key);
}

void map::finish() {
  if (changed_ == 0) return;
  changed_ = 0;
  ++revision_;
  auto floor = floor_;
  auto events = history_.size();
  auto bytes = history_bytes_;
  // whole revisions go, and the newest always stays
  for (std::size_t i = 0; history_[i].at < revision_ &&
                          (events > settings_.history_events || bytes > settings_.history_bytes);) {
    floor = history_[i].at;
    for (; history_[i].at == floor; ++i) {
      --events;
      bytes -= cost(history_[i].key->first, *history_[i].key->second.at(floor));
    }
  }
  if (floor != floor_) forget_upto(floor);
}

void map::forget_upto(revision floor) {
  floor_ = floor;
  while (!history_.empty() && history_.front().at <= floor) {
    forget(history_.front());
    history_.pop_front();
  }
}

// Of its key, what was before this change; and the change as well, if it was a deletion. Changes of
// one key are forgotten in order, so that none is left that would point at a key that goes.
void map::forget(const past& p) {
  auto& all = p.key->second;
  history_bytes_ -= cost(p.key->first, *all.at(p.at));
  while (all.begin()->mod < p.at) bytes_ -= cost(p.key->first, all.take_oldest());
  if (all.begin()->erased()) bytes_ -= cost(p.key->first, all.take_oldest());
  if (all.empty()) keys_.erase(p.key);
}

std::uint64_t map::cost(const std::string& key, const version& v) {
  return key.size() + v.value.size() + version_overhead;
}
}  // namespace troupe::storage

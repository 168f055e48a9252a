#include "patterns/storage/watch_hub.hpp"

#include <algorithm>
#include <cassert>
#include <utility>
namespace troupe::storage {
namespace {
// What this watch shows of a revision's changes.
std::vector<event> seen_by(const watch& w, const std::vector<event>& all) {
  std::vector<event> seen;
  for (const auto& e : all) {
    if (!(e.what == change::put ? w.puts : w.erasures) || !covers(w.keys, e.kv.key)) continue;
    seen.push_back(e);
    if (!w.prev_kv) seen.back().previous.reset();
  }
  return seen;
}
}  // namespace

void watch_hub::open(watch_id id, watch what, const map& m, watch_output& out) {
  assert(!watchers_.contains(id));
  advance(m, out);
  const auto lowest = m.floor() + 1;
  const auto next = what.from == 0 ? m.at() + 1 : what.from;
  if (watchers_.size() >= settings_.watchers_max)
    return out.emplace_back(watch_ended{id, watch_end::too_many, next, lowest}), void();
  if (next < lowest)
    return out.emplace_back(watch_ended{id, watch_end::compacted, next, lowest}), void();
  watchers_.emplace(id, watcher{.what = std::move(what), .next = next, .told = next - 1});
  out.emplace_back(watch_created{id, next});
  behind_.insert(id);
  read_on(id, m, out);
}

void watch_hub::cancel(watch_id id, const map& m, watch_output& out) {
  const auto it = watchers_.find(id);
  if (it != watchers_.end()) end(it, watch_end::cancelled, m, out);
}

void watch_hub::taken(watch_id id, revision upto, const map& m, watch_output& out) {
  advance(m, out);
  const auto it = watchers_.find(id);
  if (it == watchers_.end()) return;
  auto& w = it->second;
  while (!w.sent.empty() && w.sent.front().at <= upto) {
    w.under_way -= w.sent.front().events;
    w.sent.pop_front();
  }
  if (behind_.contains(id) && !full(w)) read_on(id, m, out);
}

void watch_hub::advance(const map& m, watch_output& out) {
  if (m.at() > seen_ && !watchers_.empty()) {
    drop_overrun(m, out);
    m.changes(std::max(seen_, m.floor()) + 1, [&](revision at, const std::vector<event>& all) {
      std::set<watch_id> concerned = wide_;
      for (const auto& e : all) {
        if (const auto on_key = exact_.find(e.kv.key); on_key != exact_.end())
          concerned.insert(on_key->second.begin(), on_key->second.end());
      }
      for (const auto id : concerned) advance_one(id, at, all, out);
      return true;
    });
  } else if (!behind_.empty()) {
    drop_overrun(m, out);  // a compaction makes no revision
  }
  seen_ = std::max(seen_, m.at());
}

void watch_hub::advance_one(watch_id id, revision at, const std::vector<event>& all,
                            watch_output& out) {
  auto& w = watchers_.at(id);
  if (at < w.next) return;
  auto seen = seen_by(w.what, all);
  if (seen.empty()) return;
  if (!full(w)) return show(id, w, at, std::move(seen), out);
  w.next = at;
  unlist(id, w.what.keys);
  behind_.insert(id);
}

void watch_hub::note(const storage::note& what, const map& m, watch_output& out) const {
  const auto found = exact_.find(what.key);
  if (found == exact_.end() || m.created(what.key) != what.created) return;
  for (const auto id : found->second)
    if (const auto& with = watchers_.at(id).what.notes_with; !with.empty() && m.created(with) != 0)
      out.emplace_back(watch_noted{id});
}

void watch_hub::progress(watch_output& out) {
  for (const auto& [id, w] : watchers_) progress(id, out);
}

void watch_hub::progress(watch_id id, watch_output& out) {
  const auto it = watchers_.find(id);
  if (it == watchers_.end() || behind_.contains(id) || it->second.told >= seen_) return;
  it->second.told = seen_;
  out.emplace_back(watch_progress{id, seen_});
}

void watch_hub::close(const map& m, watch_output& out) {
  while (!watchers_.empty()) end(watchers_.begin(), watch_end::closed, m, out);
}

void watch_hub::show(watch_id id, watcher& w, revision at, std::vector<event> events,
                     watch_output& out) const {
  w.told = at;
  w.under_way += events.size();
  w.sent.push_back({at, events.size()});
  out.emplace_back(watch_events{id, at, std::move(events)});
}

// Watchers that history has left: what they have not seen is not there any more.
void watch_hub::drop_overrun(const map& m, watch_output& out) {
  std::vector<watch_id> gone;
  for (const auto id : behind_) {
    if (watchers_.at(id).next <= m.floor()) gone.push_back(id);
  }
  if (seen_ < m.floor()) {
    for (const auto& [id, w] : watchers_) {
      if (!behind_.contains(id) && w.next <= m.floor()) gone.push_back(id);
    }
  }
  for (const auto id : gone) end(watchers_.find(id), watch_end::overrun, m, out);
}

// From the map's history until the watcher's window is full, or it is current.
void watch_hub::read_on(watch_id id, const map& m, watch_output& out) {
  auto& w = watchers_.at(id);
  bool current = true;
  m.changes(
      w.next,
      [&](revision at, const std::vector<event>& all) {
        auto seen = seen_by(w.what, all);
        if (!seen.empty() && full(w)) {
          w.next = at;
          current = false;
          return false;
        }
        if (!seen.empty()) show(id, w, at, std::move(seen), out);
        return true;
      },
      w.what.keys);
  if (!current) return;
  behind_.erase(id);
  list(id, w.what.keys);
}

void watch_hub::end(store::iterator it, watch_end why, const map& m, watch_output& out) {
  const auto id = it->first;
  const auto& w = it->second;
  const bool behind = behind_.erase(id) > 0;
  const auto next = behind ? w.next : std::max(w.next, seen_ + 1);
  if (!behind) unlist(id, w.what.keys);
  watchers_.erase(it);
  out.emplace_back(watch_ended{id, why, next, m.floor() + 1});
}

void watch_hub::list(watch_id id, const selection& keys) {
  if (keys.what == extent::one) {
    exact_[keys.key].insert(id);
  } else {
    wide_.insert(id);
  }
}

void watch_hub::unlist(watch_id id, const selection& keys) {
  wide_.erase(id);
  if (keys.what != extent::one) return;
  const auto found = exact_.find(keys.key);
  found->second.erase(id);
  if (found->second.empty()) exact_.erase(found);
}
}  // namespace troupe::storage

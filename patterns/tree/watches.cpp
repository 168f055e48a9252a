#include "patterns/tree/watches.hpp"

#include <algorithm>
#include <cassert>
#include <utility>
namespace troupe::tree {
namespace {
bool lasts(watch_kind kind) {
  return kind == watch_kind::persistent || kind == watch_kind::recursive;
}

// A node is not there. Had it been there then, whatever is left above it has lost a child since.
bool may_have_gone(std::string_view path, zxid since, const data_tree& t) {
  while (t.look(path) == nullptr) path = parent_of(path);
  return t.look(path)->children_modified > since;
}

void changes_of(std::string_view path, const stat& is, zxid since, std::vector<event>& missed) {
  if (is.created > since) {
    missed.push_back({change::created, std::string{path}});
  } else if (is.modified > since) {
    missed.push_back({change::data, std::string{path}});
  }
  if (is.children_modified > std::max(since, is.created))
    missed.push_back({change::children, std::string{path}});
}
}  // namespace

result<watch_kind, refusal> watches::add(watcher_id whom, const watch& w, const data_tree& t) {
  if (auto ok = check_path(w.path, t.settings().paths); !ok) return unexpected{ok.error()};
  const bool there = t.look(w.path) != nullptr;
  auto kind = w.kind;
  if (!there && (kind == watch_kind::data || kind == watch_kind::children))
    return unexpected{refusal::no_node};
  if (there && kind == watch_kind::exists) kind = watch_kind::data;
  if (auto ok = room(whom, {key{kind, w.path}}); !ok) return unexpected{ok.error()};
  seen_ = std::max(seen_, t.at());
  put(whom, kind, w.path);
  return kind;
}

result<void, refusal> watches::remove(watcher_id whom, const watch& w) {
  if (!take(whom, w.kind, w.path)) return unexpected{refusal::no_watch};
  return {};
}

void watches::drop(watcher_id whom) {
  const auto it = by_watcher_.find(whom);
  if (it == by_watcher_.end()) return;
  const auto all = it->second;
  for (const auto& k : all) take(whom, k.kind, k.path);
}

result<void, refusal> watches::resume(watcher_id whom, zxid seen, const std::vector<watch>& all,
                                      const data_tree& t, watch_output& out) {
  if (seen > t.at()) return unexpected{refusal::behind};
  std::set<key> wanted;
  for (const auto& w : all) {
    if (auto ok = check_path(w.path, t.settings().paths); !ok) return ok;
    wanted.insert(key{w.kind, w.path});
  }
  if (auto ok = room(whom, wanted); !ok) return ok;
  seen_ = std::max(seen_, t.at());
  std::vector<event> missed;
  for (const auto& k : wanted) {
    if (catch_up(k, seen, t, missed)) put(whom, k.kind, k.path);
  }
  tell(whom, missed, t, out);
  return {};
}

bool watches::catch_up(const key& w, zxid since, const data_tree& t, std::vector<event>& missed) {
  const auto* is = t.look(w.path);
  const auto fired = [&](change what) {
    missed.push_back({what, w.path});
    return false;
  };
  switch (w.kind) {
    case watch_kind::data:
      if (is == nullptr) return fired(change::deleted);
      return is->modified > since ? fired(change::data) : true;
    case watch_kind::exists:
      return is != nullptr ? fired(change::created) : true;
    case watch_kind::children:
      if (is == nullptr) return fired(change::deleted);
      return is->children_modified > since ? fired(change::children) : true;
    case watch_kind::persistent:
    case watch_kind::recursive:
      break;
  }
  if (is == nullptr) {
    if (may_have_gone(w.path, since, t)) fired(change::deleted);
  } else if (w.kind == watch_kind::persistent) {
    changes_of(w.path, *is, since, missed);
  } else {
    t.walk(w.path, [&](std::string_view path, const stat& each) {
      changes_of(path, each, since, missed);
      return true;
    });
  }
  return true;
}

// Each once, in the order in which they were found.
void watches::tell(watcher_id whom, const std::vector<event>& missed, const data_tree& t,
                   watch_output& out) {
  std::set<std::pair<change, std::string_view>> before;
  for (const auto& e : missed) {
    if (before.emplace(e.what, e.path).second) out.push_back({whom, e, t.at()});
  }
}

void watches::fire(const data_tree& t, const effect& done, watch_output& out) {
  assert(t.at() >= done.answer.at);  // or the events would be ahead of what can be read
  for (const auto& e : done.events) {
    audience who;
    switch (e.what) {
      case change::created:
        once(watch_kind::exists, e.path, who);
        above(e.path, who);
        break;
      case change::data:
        once(watch_kind::data, e.path, who);
        above(e.path, who);
        break;
      case change::deleted:
        once(watch_kind::data, e.path, who);
        once(watch_kind::children, e.path, who);
        above(e.path, who);
        break;
      case change::children:
        once(watch_kind::children, e.path, who);
        break;
    }
    always(watch_kind::persistent, e.path, who);
    for (const auto whom : who) out.push_back({whom, e, t.at()});
  }
  seen_ = std::max(seen_, t.at());
}

void watches::restored(const data_tree& t, watch_output& out) {
  std::vector<std::pair<watcher_id, key>> over;
  for (const auto& [whom, all] : by_watcher_) {
    std::vector<event> missed;
    for (const auto& k : all) {
      if (!catch_up(k, seen_, t, missed)) over.emplace_back(whom, k);
    }
    tell(whom, missed, t, out);
  }
  for (const auto& [whom, k] : over) take(whom, k.kind, k.path);
  seen_ = std::max(seen_, t.at());
}

std::size_t watches::of(watcher_id whom) const {
  const auto it = by_watcher_.find(whom);
  return it == by_watcher_.end() ? 0 : it->second.size();
}

void watches::put(watcher_id whom, watch_kind kind, const std::string& path) {
  if (!by_watcher_[whom].insert(key{kind, path}).second) return;
  table(kind)[path].insert(whom);
  ++size_;
}

bool watches::take(watcher_id whom, watch_kind kind, const std::string& path) {
  const auto own = by_watcher_.find(whom);
  if (own == by_watcher_.end() || own->second.erase(key{kind, path}) == 0) return false;
  if (own->second.empty()) by_watcher_.erase(own);
  const auto it = table(kind).find(path);
  it->second.erase(whom);
  if (it->second.empty()) table(kind).erase(it);
  --size_;
  return true;
}

void watches::once(watch_kind kind, const std::string& path, audience& who) {
  assert(!lasts(kind));
  const auto it = table(kind).find(path);
  if (it == table(kind).end()) return;
  const auto all = it->second;
  for (const auto whom : all) take(whom, kind, path);
  who.insert(all.begin(), all.end());
}

void watches::always(watch_kind kind, std::string_view path, audience& who) const {
  const auto& all = tables_[static_cast<std::size_t>(kind)];
  if (const auto it = all.find(path); it != all.end())
    who.insert(it->second.begin(), it->second.end());
}

// The recursive watches that cover it.
void watches::above(std::string_view path, audience& who) const {
  for (; path != "/"; path = parent_of(path)) always(watch_kind::recursive, path, who);
  always(watch_kind::recursive, "/", who);
}

result<void, refusal> watches::room(watcher_id whom, const std::set<key>& more) const {
  const auto own = by_watcher_.find(whom);
  std::size_t fresh = 0;
  for (const auto& k : more) fresh += own == by_watcher_.end() || !own->second.contains(k) ? 1 : 0;
  if (fresh > 0 &&
      (size_ + fresh > settings_.watches_max || of(whom) + fresh > settings_.watches_of_one_max))
    return unexpected{refusal::too_many_watches};
  return {};
}
}  // namespace troupe::tree

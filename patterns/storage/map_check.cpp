// What the map refuses, and whether a transaction's comparisons hold. All of a command is looked at
// before any of it is done.
#include "patterns/storage/map.hpp"

#include <algorithm>
#include <set>
namespace troupe::storage {
namespace {
using verdict = result<void, refusal>;

template <class T>
bool related(const T& a, relation is, const T& b) {
  switch (is) {
    case relation::equal:
      return a == b;
    case relation::not_equal:
      return a != b;
    case relation::less:
      return a < b;
    case relation::greater:
      return a > b;
  }
  return false;
}

bool compares(const compare& c, const version& v) {
  switch (c.what) {
    case aspect::value:
      return related(v.value, c.is, c.value);
    case aspect::version:
      return related(v.number, c.is, c.number);
    case aspect::create_revision:
      return related(v.create, c.is, c.number);
    case aspect::mod_revision:
      return related(v.mod, c.is, c.number);
    case aspect::lease:
      return related(v.lease, c.is, c.number);
    case aspect::key:
      break;
  }
  return false;
}
}  // namespace

verdict map::check_form(const put& x) const {
  if (x.key.empty()) return unexpected{refusal::key_empty};
  if (x.key.size() > settings_.key_bytes_max) return unexpected{refusal::key_too_long};
  if (x.value.size() > settings_.value_bytes_max) return unexpected{refusal::value_too_large};
  if (x.keep_lease && x.lease != 0) return unexpected{refusal::lease_ambiguous};
  return {};
}

verdict map::check(const put& x) const {
  if (auto r = check_form(x); !r) return r;
  if (x.lease != 0 && !leases_.contains(x.lease)) return unexpected{refusal::lease_unknown};
  if (bytes_ + cost(x.key, {.value = x.value}) > settings_.bytes_max)
    return unexpected{refusal::no_space};
  return {};
}

verdict map::check(const selection& keys) const {
  if (keys.what == extent::one && keys.key.empty()) return unexpected{refusal::key_empty};
  if (std::max(keys.key.size(), keys.end.size()) > settings_.key_bytes_max)
    return unexpected{refusal::key_too_long};
  return {};
}

verdict map::check(const compare& x) const {
  if (x.what == aspect::key) return unexpected{refusal::bad_compare};
  return check(x.keys);
}

verdict map::check(const txn& x) const {
  const auto most = std::max({x.when.size(), x.then.size(), x.otherwise.size()});
  if (most > settings_.txn_operations_max) return unexpected{refusal::txn_too_large};
  for (const auto& c : x.when) {
    if (auto r = check(c); !r) return r;
    if (c.value.size() > settings_.value_bytes_max) return unexpected{refusal::value_too_large};
  }
  if (auto r = check_branch(x.then); !r) return r;
  return check_branch(x.otherwise);
}

// Of whichever branch: a key is changed once, so that one revision has one version of it.
verdict map::check_branch(const std::vector<operation>& ops) const {
  std::set<std::string_view> written;
  for (const auto& op : ops) {
    if (const auto* p = std::get_if<put>(&op)) {
      if (auto r = check_form(*p); !r) return r;
      if (!written.insert(p->key).second) return unexpected{refusal::duplicate_key};
    } else if (const auto* e = std::get_if<erase>(&op)) {
      if (auto r = check(e->keys); !r) return r;
    } else {
      const auto& g = std::get<get>(op);
      if (auto r = check(g.keys); !r) return r;
      if (g.at != 0) return unexpected{refusal::not_in_txn};
    }
  }
  for (const auto& op : ops) {
    const auto* e = std::get_if<erase>(&op);
    if (e == nullptr) continue;
    for (const auto key : written)
      if (covers(e->keys, key)) return unexpected{refusal::duplicate_key};
  }
  return {};
}

// Of the branch that is to be done: what depends on the state.
verdict map::check_chosen(const std::vector<operation>& ops) const {
  auto bytes = bytes_;
  bool writes = false;
  for (const auto& op : ops) {
    const auto* p = std::get_if<put>(&op);
    if (p == nullptr) continue;
    writes = true;
    if (p->lease != 0 && !leases_.contains(p->lease)) return unexpected{refusal::lease_unknown};
    bytes += cost(p->key, {.value = p->value});
  }
  if (writes && bytes > settings_.bytes_max) return unexpected{refusal::no_space};
  return {};
}

bool map::holds(const compare& c) const {
  auto [it, end] = within(live_, c.keys);
  const bool any = it != end;
  for (; it != end; ++it)
    if (!compares(c, (*it)->second.newest())) return false;
  return any || (c.what != aspect::value && compares(c, version{}));
}
}  // namespace troupe::storage

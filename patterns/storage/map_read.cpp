// Reading the map: as it is, as it was at a revision, and as changes.
#include "patterns/storage/map.hpp"

#include <algorithm>
#include <utility>
namespace troupe::storage {
namespace {
// the first key that does not begin with it; empty: there is none
std::string after_prefix(std::string_view prefix) {
  std::string end{prefix};
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}
}  // namespace

bool covers(const selection& keys, std::string_view key) {
  switch (keys.what) {
    case extent::one:
      return key == keys.key;
    case extent::range:
      return key >= keys.key && (keys.end.empty() || key < keys.end);
    case extent::prefix:
      return key.starts_with(keys.key);
  }
  return false;
}

reply map::query(const question& q) const {
  return {revision_, std::visit([&](const auto& x) { return ask(x); }, q)};
}

answer map::ask(const get& x) const {
  if (auto r = check(x.keys); !r) return refused{r.error()};
  if (x.at > revision_) return refused{refusal::future_revision};
  if (x.at != 0 && x.at < floor_) return refused{refusal::compacted, floor_};
  auto budget = settings_.reply_bytes_max;
  return read(x, budget);
}

answer map::ask(const lease_list&) const { return leases{leases_granted()}; }

answer map::ask(const lease_info& x) const {
  const auto found = leases_.find(x.id);
  if (found == leases_.end()) return refused{refusal::lease_unknown};
  lease_state state{x.id, found->second.ttl, {}};
  if (x.keys) state.keys.assign(found->second.keys.begin(), found->second.keys.end());
  return state;
}

answer map::ask(const status&) const {
  return map_status{live_.size(), leases_.size(), bytes_, floor_};
}

std::vector<granted> map::leases_granted() const {
  std::vector<granted> all;
  all.reserve(leases_.size());
  for (const auto& [id, lease] : leases_) all.push_back({id, lease.ttl});
  return all;
}

template <class Keys>
map::bounds_of<Keys> map::within(const Keys& all, const selection& keys) {
  const auto begin = all.lower_bound(keys.key);
  if (keys.what == extent::one) return {begin, all.upper_bound(keys.key)};
  const auto end = keys.what == extent::prefix ? after_prefix(keys.key) : keys.end;
  if (end.empty()) return {begin, all.end()};
  if (end <= keys.key) return {begin, begin};
  return {begin, all.lower_bound(end)};
}
template map::bounds_of<map::store> map::within(const store&, const selection&);
template map::bounds_of<map::present> map::within(const present&, const selection&);

const version* map::valid(const versions& all, revision at) {
  if (all.empty()) return nullptr;
  const auto* v = at == 0 ? &all.newest() : all.at(at);
  return v == nullptr || v->erased() ? nullptr : v;
}

// In order, and with one more than the limit asks for, so that it shows whether there is more.
std::vector<map::found> map::sorted(const get& x) const {
  std::vector<found> all;
  const bool as_stored = x.by == aspect::key && x.sorted == order::ascending;
  const bool bounded = as_stored && x.limit != 0 && !x.count_only;
  const auto look = [&](const std::string& key, const versions& of) {
    const auto* v = valid(of, x.at);
    if (v == nullptr || (x.create_max != 0 && v->create > x.create_max)) return true;
    all.emplace_back(&key, v);
    return !(bounded && all.size() > x.limit);
  };
  if (x.at == 0) {
    auto [it, end] = within(live_, x.keys);
    while (it != end && look((*it)->first, (*it)->second)) ++it;
  } else {
    auto [it, end] = within(keys_, x.keys);
    while (it != end && look(it->first, it->second)) ++it;
  }
  if (as_stored || x.count_only) return all;
  const auto before = [&](const found& a, const found& b) {
    switch (x.by) {
      case aspect::key:
        return *a.first < *b.first;
      case aspect::value:
        return a.second->value < b.second->value;
      case aspect::version:
        return a.second->number < b.second->number;
      case aspect::create_revision:
        return a.second->create < b.second->create;
      case aspect::mod_revision:
        return a.second->mod < b.second->mod;
      case aspect::lease:
        return a.second->lease < b.second->lease;
    }
    return false;
  };
  std::stable_sort(all.begin(), all.end(), [&](const found& a, const found& b) {
    return x.sorted == order::ascending ? before(a, b) : before(b, a);
  });
  return all;
}

got map::read(const get& x, std::uint64_t& budget) const {
  const auto all = sorted(x);
  got out;
  out.count = all.size();
  if (x.count_only) return out;
  for (const auto& [key, v] : all) {
    const auto size = x.keys_only ? cost(*key, version{}) : cost(*key, *v);
    out.more = (x.limit != 0 && out.items.size() == x.limit) || size > budget;
    if (out.more) break;
    budget -= size;
    out.items.push_back(shown(*key, *v));
    if (x.keys_only) out.items.back().value.clear();
  }
  return out;
}

key_value map::shown(const std::string& key, const version& v) {
  return {key, v.value, v.create, v.mod, v.number, v.lease};
}

event map::seen(const std::string& key, const versions& all, revision at) {
  const auto& v = *all.at(at);
  event e{v.erased() ? change::erased : change::put, shown(key, v), {}};
  if (const auto* before = all.before(v); before != nullptr && !before->erased())
    e.previous = shown(key, *before);
  return e;
}

void map::changes(revision first, const revision_visitor& f, const selection& keys) const {
  auto it = std::lower_bound(history_.begin(), history_.end(), first,
                             [](const past& p, revision r) { return p.at < r; });
  std::vector<event> events;
  while (it != history_.end()) {
    const auto at = it->at;
    events.clear();
    for (; it != history_.end() && it->at == at; ++it) {
      if (covers(keys, it->key->first)) events.push_back(seen(it->key->first, it->key->second, at));
    }
    if (!events.empty() && !f(at, events)) return;
  }
}
}  // namespace troupe::storage

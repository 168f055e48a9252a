#include "patterns/membership/receptionist.hpp"

#include <algorithm>
namespace troupe::receptionist {
namespace {
bool valid(const std::vector<offer>& offers) {
  return offers.size() <= offers_max &&
         std::all_of(offers.begin(), offers.end(), [](const offer& o) {
           return !o.key.empty() && o.key.size() <= key_bytes_max;
         });
}
}  // namespace

core::core(std::string self, duration beacon_interval)
    : self_(std::move(self)), interval_(beacon_interval) {
  owners_[self_].shown = owners_[self_].linked = true;
}

void core::step(const input& in, instant now, output& out) {
  std::visit([&](const auto& x) { on(x, now, out); }, in);
}

std::vector<listed> core::listing(const std::string& key) const {
  std::vector<listed> all;
  const auto at = by_key_.find(key);
  if (at == by_key_.end()) return all;
  for (const auto& one : at->second) {
    if (visible(one.first, owners_.at(one.first))) all.push_back(one);
  }
  return all;
}

std::set<std::uint64_t> core::actors_of(const std::string& owner) const {
  std::set<std::uint64_t> all;
  const auto at = owners_.find(owner);
  if (at == owners_.end()) return all;
  for (const auto& what : at->second.offers) all.insert(what.actor);
  return all;
}

bool core::visible(const std::string& name, const owner& o) const {
  return name == self_ || (o.linked && o.shown);
}

void core::add(const std::string& to, const offer& what, output& out) {
  owner& o = owners_[to];
  if (!o.offers.insert(what).second) return;
  by_key_[what.key].emplace(to, what.actor);
  if (visible(to, o)) out.changed.insert(what.key);
}

void core::remove(const std::string& from, const offer& what, output& out) {
  owner& o = owners_[from];
  if (o.offers.erase(what) == 0) return;
  auto& listed_here = by_key_[what.key];
  listed_here.erase({from, what.actor});
  if (listed_here.empty()) by_key_.erase(what.key);
  if (visible(from, o)) out.changed.insert(what.key);
}

void core::touch_all(const owner& o, output& out) const {
  for (const auto& what : o.offers) out.changed.insert(what.key);
}

void core::forget_if_void(const std::string& name) {
  const auto at = owners_.find(name);
  if (at != owners_.end() && name != self_ && !at->second.linked && !at->second.shown) {
    owners_.erase(at);
  }
}

// ---- its own actors
void core::tell(change what, output& out) {
  owner& mine = owners_[self_];
  what.base = mine.version;
  what.version = ++mine.version;
  for (const auto& [name, o] : owners_) {
    if (name != self_ && o.linked) out.send.push_back({name, what});
  }
}

void core::on(const enroll& e, instant, output& out) {
  const owner& mine = owners_[self_];
  if (e.what.key.empty()) return out.refused.push_back(refusal::key_empty);
  if (e.what.key.size() > key_bytes_max) return out.refused.push_back(refusal::key_too_long);
  if (mine.offers.contains(e.what)) return;
  if (mine.offers.size() >= offers_max) return out.refused.push_back(refusal::too_many);
  add(self_, e.what, out);
  tell({.added = {e.what}}, out);
}

void core::on(const withdraw& x, instant, output& out) {
  if (!owners_[self_].offers.contains(x.what)) {
    return out.refused.push_back(refusal::not_enrolled);
  }
  remove(self_, x.what, out);
  tell({.gone = {x.what}}, out);
}

void core::on(const ended& x, instant, output& out) {
  change all;
  for (const auto& what : owners_[self_].offers) {
    if (what.actor == x.actor) all.gone.push_back(what);
  }
  for (const auto& what : all.gone) remove(self_, what, out);
  if (!all.gone.empty()) tell(std::move(all), out);
}

// ---- others
void core::on(const linked& x, instant, output& out) {
  if (x.owner == self_) return;
  owner& o = owners_[x.owner];
  o.linked = true;
  o.asked = false;
  const owner& mine = owners_[self_];
  out.send.push_back({x.owner, whole{mine.version, {mine.offers.begin(), mine.offers.end()}}});
}

void core::on(const unlinked& x, instant, output& out) {
  const auto at = owners_.find(x.owner);
  if (at == owners_.end() || x.owner == self_) return;
  const std::set<offer> dead = at->second.offers;
  for (const auto& what : dead) remove(x.owner, what, out);
  at->second.version = 0;
  at->second.linked = at->second.asked = false;
  forget_if_void(x.owner);
}

void core::on(const shown& x, instant, output& out) {
  if (x.owner == self_) return;
  owner& o = owners_[x.owner];
  if (!o.shown && o.linked) touch_all(o, out);
  o.shown = true;
}

void core::on(const hidden& x, instant, output& out) {
  const auto at = owners_.find(x.owner);
  if (at == owners_.end() || x.owner == self_) return;
  if (visible(x.owner, at->second)) touch_all(at->second, out);
  at->second.shown = false;
  forget_if_void(x.owner);
}

void core::on(const heard& x, instant, output& out) {
  const auto at = owners_.find(x.owner);
  if (at == owners_.end() || x.owner == self_ || !at->second.linked) return;
  std::visit([&](const auto& m) { take(x.owner, m, out); }, x.what);
}

void core::ask_whole(const std::string& of, output& out) {
  owner& o = owners_[of];
  if (o.asked) return;
  o.asked = true;
  out.send.push_back({of, ask{o.version}});
}

void core::take(const std::string& from, const whole& m, output& out) {
  owner& o = owners_[from];
  if (m.version < o.version || !valid(m.offers)) return;
  const std::set<offer> now{m.offers.begin(), m.offers.end()};
  const std::set<offer> before = o.offers;
  for (const auto& what : before) {
    if (!now.contains(what)) remove(from, what, out);
  }
  for (const auto& what : now) add(from, what, out);
  o.version = m.version;
  o.asked = false;
}

void core::take(const std::string& from, const change& m, output& out) {
  owner& o = owners_[from];
  if (m.version <= o.version || !valid(m.added)) return;
  if (m.base != o.version || o.offers.size() + m.added.size() > offers_max) {
    return ask_whole(from, out);
  }
  for (const auto& what : m.gone) remove(from, what, out);
  for (const auto& what : m.added) add(from, what, out);
  o.version = m.version;
}

void core::take(const std::string& from, const beacon& m, output& out) {
  if (m.version <= owners_[from].version) return;
  owners_[from].asked = false;  // the answer to an earlier one may be lost
  ask_whole(from, out);
}

void core::take(const std::string& from, const ask&, output& out) {
  const owner& mine = owners_[self_];
  out.send.push_back({from, whole{mine.version, {mine.offers.begin(), mine.offers.end()}}});
}

void core::on(const tick&, instant now, output& out) {
  if (now < next_beacon_) return;
  next_beacon_ = now + interval_;
  const auto version = owners_[self_].version;
  if (version == 0) return;
  for (const auto& [name, o] : owners_) {
    if (name != self_ && o.linked) out.send.push_back({name, beacon{version}});
  }
}
}  // namespace troupe::receptionist

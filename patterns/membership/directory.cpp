#include "patterns/membership/directory.hpp"

#include "patterns/membership/lifeguard.hpp"

#include <algorithm>
#include <utility>
namespace troupe::membership {
namespace {
event_kind kind_of(member_state s) {
  switch (s) {
    case member_state::joining:
      return event_kind::joined;
    case member_state::up:
      return event_kind::up;
    case member_state::leaving:
      return event_kind::leaving;
    case member_state::exiting:
      return event_kind::exiting;
    case member_state::down:
      return event_kind::downed;
    case member_state::removed:
      return event_kind::removed;
  }
  return event_kind::removed;
}

// A record without what is said of its reachability.
record without_doubt(record r) {
  r.liveness = reach::alive;
  r.witnesses.clear();
  return r;
}
}  // namespace

directory::directory(options how, record self) : how_(std::move(how)), self_(self.id) {
  std::sort(self.roles.begin(), self.roles.end());
  self.roles.erase(std::unique(self.roles.begin(), self.roles.end()), self.roles.end());
  digest_ = notes_[self_].digest = membership::digest(self);
  mine_ = &members_.emplace(self_, std::move(self)).first->second;
}

const record* directory::find(const member_id& id) const {
  const auto at = members_.find(id);
  return at == members_.end() ? nullptr : &at->second;
}

instant directory::entered(const member_id& who) const {
  const auto at = notes_.find(who);
  return at == notes_.end() ? instant{} : at->second.entered;
}

void directory::changed(const record& r, changes& out) {
  notes& n = notes_[r.id];
  ++version_;
  digest_ += membership::digest(r) - n.digest;
  n.digest = membership::digest(r);
  out.news.push_back(r.id);
}

// What a change of state, here or elsewhere, brings with it; `was` is the state before.
void directory::entered_state(record& r, member_state was, instant now, const std::string& reason,
                              changes& out) {
  notes_[r.id].entered = now;
  if (r.state == member_state::removed && was < member_state::exiting) {  // it has not left: it was
    record down = r;                                                      // downed, elsewhere
    down.state = member_state::down;
    out.events.push_back({event_kind::downed, std::move(down), reason});
  }
  out.events.push_back({kind_of(r.state), r, reason});
  if (was < member_state::down && !present(r)) {
    --size_;
    unreachable_ -= r.liveness == reach::unreachable ? 1 : 0;
    suspects_.erase(r.id);
    out.gone.push_back(r.id);
  }
  if (r.state == member_state::removed) tombstones_.emplace_back(now, r.id);
  changed(r, out);
  schedule();
}

void directory::replaced(const record& by, instant now, changes& out) {
  if (by.replaces.empty()) return;
  const member_id predecessor{by.id.name, by.replaces};
  const std::string reason = "its process was restarted as " + to_string(by.id);
  advance(predecessor, member_state::down, reason, now, out);
  advance(predecessor, member_state::removed, reason, now, out);
}

void directory::insert(record fresh, instant now, changes& out) {
  replaced(fresh, now, out);
  for (auto at = members_.lower_bound({fresh.id.name, {}});
       at != members_.end() && at->first.name == fresh.id.name; ++at) {
    if (at->second.replaces == fresh.id.incarnation) return;  // news of the past
  }
  const member_id id = fresh.id;
  record& r = members_[id] = std::move(fresh);
  ++size_;
  out.fresh.push_back(id);
  record at_joining = r;
  at_joining.state = member_state::joining;
  out.events.push_back({event_kind::joined, std::move(at_joining), {}});
  if (r.state != member_state::joining) out.events.push_back({kind_of(r.state), r, {}});
  notes_[id].entered = now;
  changed(r, out);
  schedule();
}

void directory::admit(record joiner, instant now, changes& out) {
  if (find(joiner.id) == nullptr) insert(without_doubt(std::move(joiner)), now, out);
}

void directory::apply(const record& heard, instant now, changes& out) {
  if (!valid(heard)) return;
  if (heard.id == self_) return apply_self(heard, now, out);
  auto at = members_.find(heard.id);
  if (at == members_.end()) {
    if (!present(heard)) return;  // nobody to forget
    insert(without_doubt(heard), now, out);
    at = members_.find(heard.id);
    if (at == members_.end()) return;
  } else if (present(at->second) || at->second.state < heard.state) {
    absorb(at->second, heard, now, out);
  }
  if (heard.liveness != reach::alive && heard.generation == at->second.generation) {
    doubt(at->second, heard.witnesses, heard.liveness == reach::unreachable, now, out);
  }
}

void directory::absorb(record& known, const record& heard, instant now, changes& out) {
  const record before = known;
  if (!merge(known, without_doubt(heard))) return;
  changed(known, out);
  if (before.liveness != known.liveness) {  // a higher generation: it has refuted
    suspects_.erase(known.id);
    const bool was_unreachable = before.liveness == reach::unreachable;
    if (present(before)) {
      unreachable_ -= was_unreachable ? 1 : 0;
      out.events.push_back(
          {was_unreachable ? event_kind::reachable : event_kind::cleared, known, {}});
    }
  }
  if (before.state < known.state) entered_state(known, before.state, now, {}, out);
  if (before.replaces != known.replaces) replaced(known, now, out);
  schedule();
}

void directory::apply_self(const record& heard, instant now, changes& out) {
  record& mine = *mine_;
  if (!present(mine)) return;
  const bool accused = heard.liveness != reach::alive && heard.generation >= mine.generation;
  if (accused || heard.generation > mine.generation) {
    mine.generation = std::min(heard.generation + 1, generation_max);
    out.refuted = out.refuted || accused;
    changed(mine, out);
  }
  if (heard.age != 0 && (mine.age == 0 || heard.age < mine.age)) {
    mine.age = heard.age;
    changed(mine, out);
  }
  if (heard.state > mine.state) {
    const auto was = std::exchange(mine.state, heard.state);
    entered_state(mine, was, now, "by word of other members", out);
  }
}

void directory::suspect(const member_id& whom, const std::string& witness, instant now,
                        changes& out) {
  const auto at = members_.find(whom);
  if (at != members_.end() && whom != self_) doubt(at->second, {witness}, false, now, out);
}

void directory::doubt(record& r, const std::vector<std::string>& witnesses, bool verdict,
                      instant now, changes& out) {
  if (!present(r) || r.liveness == reach::unreachable) return;
  if (r.liveness == reach::alive) r.witnesses.clear();
  ++version_;
  const std::size_t before = r.witnesses.size();
  for (const auto& w : witnesses) {
    const auto place = std::lower_bound(r.witnesses.begin(), r.witnesses.end(), w);
    const bool known = place != r.witnesses.end() && *place == w;
    if (!known && r.witnesses.size() < witnesses_max) r.witnesses.insert(place, w);
  }
  if (r.liveness == reach::alive) {
    r.liveness = reach::suspect;
    notes& n = notes_[r.id];
    n.suspected = now;
    n.answered = {};
    suspects_.insert(r.id);
    out.events.push_back({event_kind::suspected, r, {}});
    out.news.push_back(r.id);
    if (!std::binary_search(r.witnesses.begin(), r.witnesses.end(), self_.name)) {
      out.doubted.push_back(r.id);
    }
  } else if (verdict && witnesses.size() >= 2) {
    convict(r, out);
  } else if (r.witnesses.size() > before && before <= how_.confirmations) {
    out.news.push_back(r.id);  // as many as count are worth spreading; more say nothing new
  }
  schedule();
}

void directory::convict(record& r, changes& out) {
  r.liveness = reach::unreachable;
  ++unreachable_;
  suspects_.erase(r.id);
  std::string reason = "no answer to";
  for (const auto& w : r.witnesses) reason += ' ' + w;
  out.events.push_back({event_kind::unreachable, r, std::move(reason)});
  changed(r, out);
}

void directory::answered(const member_id& who, instant sent, instant now) {
  if (!suspects_.contains(who)) return;
  notes& n = notes_[who];
  if (sent >= n.suspected) n.answered = now;
  schedule();
}

instant directory::verdict_at(const record& r) const {
  const notes& n = notes_.at(r.id);
  // Who could confirm: everybody alive here but this member itself.
  const std::size_t silent = suspects_.size() + unreachable_;
  const std::size_t others = size_ > silent + 1 ? size_ - silent - 1 : 0;
  const auto expected = static_cast<unsigned>(std::min<std::size_t>(how_.confirmations, others));
  const auto given = r.witnesses.empty() ? 0U : static_cast<unsigned>(r.witnesses.size() - 1);
  const instant at =
      n.suspected + suspicion_timeout(how_.suspicion_min, how_.suspicion_max, given, expected);
  if (n.answered == instant{}) return at;
  // It does answer: what is missing is its refutation, and that comes.
  return std::min(std::max(at, n.answered + 2 * how_.probe_interval),
                  n.suspected + how_.suspicion_max);
}

void directory::schedule() {
  due_ = instant::max();
  for (const auto& id : suspects_) due_ = std::min(due_, verdict_at(members_.at(id)));
}

void directory::advance(const member_id& who, member_state to, const std::string& reason,
                        instant now, changes& out) {
  const auto at = members_.find(who);
  if (at == members_.end() || at->second.state >= to) return;
  const auto was = std::exchange(at->second.state, to);
  entered_state(at->second, was, now, reason, out);
}

void directory::grow(const member_id& who, std::uint64_t age, instant now, changes& out) {
  const auto at = members_.find(who);
  if (at == members_.end() || at->second.state != member_state::joining) return;
  at->second.age = age;
  advance(who, member_state::up, {}, now, out);
}

void directory::cut_off(std::vector<std::string> names, changes& out) {
  record& mine = *mine_;
  if (mine.cut_off == names || mine.generation >= generation_max) return;
  mine.cut_off = std::move(names);
  ++mine.generation;
  changed(mine, out);
}

void directory::expire(instant now, changes& out) {
  while (now >= due_) {
    for (const auto& id : std::set<member_id>{suspects_}) {
      record& r = members_.at(id);
      if (now >= verdict_at(r)) convict(r, out);
    }
    schedule();
  }
  while (!tombstones_.empty() && (tombstones_.size() > how_.tombstones_max ||
                                  now - tombstones_.front().first >= how_.tombstone_for)) {
    if (tombstones_.front().second != self_) {
      members_.erase(tombstones_.front().second);
      notes_.erase(tombstones_.front().second);
      ++version_;
    }
    tombstones_.pop_front();
  }
}
}  // namespace troupe::membership

// What a member does by itself, beside probing: spreading news, comparing views, moving others on.
#include "patterns/membership/swim_work.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
namespace troupe::membership {
// What is due at a time; as long as neither the view has changed nor that time has come, there is
// nothing to look for.
void swim::duties(work& w) {
  if (w.now < next_move_ && directory_.version() == moved_at_) return;
  moved_at_ = directory_.version();  // what changes below is looked at again
  const record& self = directory_.self();
  const duration here = w.now - directory_.entered(id());
  if (self.state == member_state::leaving && here >= how_.leaving_for) {
    directory_.advance(id(), member_state::exiting, {}, w.now, w.c);
  }
  const bool others = std::any_of(members().begin(), members().end(), [&](const auto& m) {
    return m.first != id() && present(m.second) && reachable(m.second);
  });
  if (self.state == member_state::exiting && (!others || here >= how_.exit_within)) {
    directory_.advance(id(), member_state::removed, "left", w.now, w.c);
  }
  lead(w);
  std::vector<member_id> done;
  for (const auto& [other, r] : members()) {
    // Whoever should have removed it is gone as well.
    const bool long_down =
        r.state == member_state::down && w.now - directory_.entered(other) >= 3 * how_.down_for;
    if (long_down && other != id()) done.push_back(other);
  }
  for (const auto& other : done) {
    directory_.advance(other, member_state::removed, {}, w.now, w.c);
  }
  settle(w);
  next_move_ = next_move(w.now);
}

// When the next member will have been in its state for as long as something waits for.
instant swim::next_move(instant now) const {
  instant next = instant::max();
  const auto wait = [&](const member_id& who, duration so_long) {
    const instant then = directory_.entered(who) + so_long;
    if (then > now) next = std::min(next, then);
  };
  for (const auto& [other, r] : members()) {
    if (r.state == member_state::leaving) wait(other, how_.leaving_for);
    if (r.state == member_state::exiting)
      wait(other, how_.exiting_for), wait(other, how_.exit_within);
    if (r.state == member_state::down) wait(other, how_.down_for), wait(other, 3 * how_.down_for);
  }
  return next;
}

// The oldest reachable member moves others on. Two who both think it is they do no harm: states only
// rise, and of two ages the lower stays.
void swim::lead(work& w) {
  const record* first = oldest(members());
  if (first == nullptr) return orphaned(w);
  if (first->id != id()) return;
  std::uint64_t age = 0;
  for (const auto& [other, r] : members()) age = std::max(age, r.age);
  std::vector<std::pair<member_id, member_state>> moves;
  for (const auto& [other, r] : members()) {
    const duration here = w.now - directory_.entered(other);
    if (r.state == member_state::joining && r.liveness == reach::alive) {
      moves.emplace_back(other, member_state::up);
    } else if (r.state == member_state::exiting && other != id() && here >= how_.exiting_for) {
      moves.emplace_back(other, member_state::removed);
    } else if (r.state == member_state::down && here >= how_.down_for) {
      moves.emplace_back(other, member_state::removed);
    }
    // Two living members of one name: the younger was let in where the elder was not known.
    const record* namesake = present(r) ? present_by_name(members(), other.name) : nullptr;
    if (namesake != nullptr && namesake->id != other) {
      const bool elder = r.age != 0 && (namesake->age == 0 || older(r, *namesake));
      moves.emplace_back(elder ? namesake->id : other, member_state::down);
    }
  }
  for (const auto& [other, to] : moves) {
    if (to == member_state::up) {
      directory_.grow(other, ++age, w.now, w.c);
    } else {
      const auto* reason = to == member_state::down ? "its name is taken" : "";
      directory_.advance(other, to, reason, w.now, w.c);
    }
    if (to == member_state::removed) {  // it waits for this word to go
      settle(w);
      send(*directory_.find(other), gossip{head(other.incarnation), whole()}, w);
    }
  }
  if (!moves.empty()) next_gossip_ = w.now;
  settle(w);
}

// Whoever could have moved this one up is gone for good: the cluster ended before it was a part of
// it. A welcome may come so late that all the others have begun anew by then; going on alone would
// be a second cluster, for ever.
void swim::orphaned(work& w) {
  const bool hope = std::any_of(members().begin(), members().end(), [](const auto& m) {
    return present(m.second) && m.second.state != member_state::joining;
  });
  if (hope) return;
  directory_.advance(id(), member_state::down, "the cluster that let it in has ended", w.now, w.c);
}

void swim::resolve(work& w) {
  if (!resolve_ && w.now < next_resolve_) return;
  resolve_ = false;
  carry_out(resolver_.step(members(), id(), w.now), w);
}

void swim::on(const lease_answer& a, work& w) {
  if (where() == standing::member) carry_out(resolver_.answered(a, members(), w.now), w);
}

// What is given back goes before what is asked: the keeper takes them in order.
void swim::order_lease(work& w) {
  for (const auto number : resolver_.unused()) {
    w.out.lease.emplace_back(lease_return{cluster_, number, id()});
  }
  if (auto claim = resolver_.claim()) {
    claim->cluster = cluster_;
    w.out.lease.emplace_back(std::move(*claim));
  }
}

void swim::carry_out(const decision& d, work& w) {
  order_lease(w);
  next_resolve_ = resolver_.due().value_or(instant::max());
  if (d.down.empty()) return;
  const bool asks = d.what == verdict::acquire;
  event taken{asks ? event_kind::asks_lease : event_kind::decided, directory_.self(), d.reason, {}};
  for (const auto& whom : d.down) taken.names.push_back(whom.name);
  w.out.events.push_back(std::move(taken));
  if (asks) return;
  // Its side is told before it goes, and whoever goes is told too where it can be.
  std::vector<record> told;
  for (const auto& [other, r] : members()) {
    if (present(r) && reachable(r) && other != id() && told.size() < 64) told.push_back(r);
  }
  for (const auto& whom : d.down) {
    directory_.advance(whom, member_state::down, d.reason, w.now, w.c);
  }
  settle(w);
  for (const auto& r : told) send(r, gossip{head(r.id.incarnation), whole()}, w);
}

void swim::spread(work& w) {
  if (!news_.empty() && w.now >= next_gossip_) {
    next_gossip_ = w.now + how_.gossip_interval;
    for (const auto& other : prober_.choose(members(), how_.gossip_fanout, {id()})) {
      auto updates = news(other);
      if (updates.empty()) break;
      send(*directory_.find(other), gossip{head(other.incarnation), std::move(updates)}, w);
    }
  }
  if (w.now >= next_sync_) {
    // As long as the news does not change, members agree by digest; this is for what digests leave
    // out.
    const double growth = std::max(1.0, std::log2(static_cast<double>(directory_.size()) / 16));
    next_sync_ =
        w.now + duration{std::llround(static_cast<double>(how_.sync_interval.count()) * growth)};
    for (const auto& other : prober_.choose(members(), 1, {id()})) {
      send(*directory_.find(other), sync{head(other.incarnation), whole(), true}, w);
    }
    call_out(w);
  }
}

// A seed that is not in the view may run on its own: it came back after it had been removed, say.
// Whoever is there learns from the first word that there is a cluster.
void swim::call_out(work& w) {
  if (!counted(directory_.self())) return;
  std::set<std::string> known;
  for (const auto& [other, r] : members()) {
    if (present(r)) known.insert(r.address);
  }
  for (const auto& seed : bootstrap_.strangers(known)) {
    w.out.send.push_back({seed, {}, sync{head({}), {}, false}});
  }
}

// Views that stay different although no news is under way are exchanged as a whole.
void swim::compare(const header& with, work& w) {
  if (with.digest == directory_.digest()) return;
  const duration spreading =
      how_.gossip_interval *
      static_cast<int>(3 + 2 * std::ceil(std::log2(static_cast<double>(directory_.size()) + 1)));
  if (w.now - quiet_since_ < spreading) return;
  const record* other = directory_.find(with.from);
  if (other == nullptr) return;
  quiet_since_ = w.now;  // not again with the next answer
  send(*other, sync{head(with.from.incarnation), whole(), true}, w);
}

// The detectors' part: a silence that is unusual asks for a probe out of turn.
void swim::watch(work& w) {
  if (health_.score() > 0) return;  // our own slowness says nothing of others
  while (!silences_.empty() && silences_.begin()->first <= w.now) {
    const member_id other = silences_.extract(silences_.begin()).value().second;
    const auto judge = detectors_.find(other);
    if (judge == detectors_.end()) continue;
    const bool silent = !judge->second->available(w.now);
    const instant again = w.now + how_.gossip_interval;
    silences_.emplace(silent ? again : std::max(again, judge->second->unavailable_at()), other);
    const record* r = directory_.find(other);
    if (!silent || r == nullptr || r->liveness != reach::alive) continue;
    prober_.urgent(other, members(), id(), health_, w.now, w.a);
    return;  // one at a time
  }
}

std::vector<record> swim::news(const member_id& receiver) {
  std::vector<record> all;
  // Lifeguard's buddy system (section IV.C): a suspect hears of it with the first word.
  const record* r = directory_.find(receiver);
  if (r != nullptr && r->liveness != reach::alive && present(*r)) all.push_back(*r);
  for (const auto& about :
       news_.pick(how_.gossip_batch, transmissions(how_.gossip_factor, directory_.size()))) {
    const record* known = directory_.find(about);
    if (known != nullptr && (all.empty() || all.front().id != about)) all.push_back(*known);
  }
  return all;
}

std::vector<record> swim::whole() const {
  std::vector<record> all;
  for (const auto& [other, r] : members()) all.push_back(r);
  return all;
}

header swim::head(const std::string& incarnation) const {
  return {.from = id(),
          .address = directory_.self().address,
          .cluster = cluster_,
          .to = incarnation,
          .digest = directory_.digest()};
}

void swim::send(const record& to, message what, work& w) {
  w.out.send.push_back({to.address, to.id.incarnation, std::move(what)});
}
}  // namespace troupe::membership

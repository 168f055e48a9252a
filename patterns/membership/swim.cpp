#include "patterns/membership/swim.hpp"

#include "patterns/membership/swim_work.hpp"

#include <algorithm>
#include <utility>
namespace troupe::membership {
namespace {
instant earliest(std::initializer_list<instant> times) { return std::min(times); }

// Each part draws from a generator of its own, so that none shifts another's draws.
std::uint64_t derived(std::uint64_t seed, std::uint64_t part) {
  return std::mt19937_64{seed * 1000003 + part}();
}

record fresh(record self) {
  self.state = member_state::joining;
  self.age = 0;
  self.liveness = reach::alive;
  self.witnesses.clear();
  self.cut_off.clear();
  self.replaces.clear();
  return self;
}
}  // namespace

swim::swim(options how, record self, std::vector<std::string> seeds, std::vector<std::string> known,
           std::uint64_t seed, instant now)
    : how_(std::move(how)),
      directory_(how_, fresh(self)),
      prober_(how_, derived(seed, 1), now),
      health_(how_.health_max),
      bootstrap_(self.address, std::move(seeds), known,
                 {how_.join_interval, how_.form_after, how_.reform_after}, now),
      resolver_(how_.resolving),
      chance_(derived(seed, 2)),
      elsewhere_(known.begin(), known.end()),
      due_(now),
      quiet_since_(now),
      next_gossip_(now),
      next_sync_(now + how_.sync_interval),
      next_duties_(now),
      next_resolve_(now),
      next_move_(now) {}

void swim::step(const input& in, instant now, output& out) {
  work w{now, out};
  w.now = own_time(now, w);
  std::visit([&](const auto& x) { on(x, w); }, in);
  settle(w);
  if (!over_ && directory_.over()) finish(w);
  const instant wanted =
      where() == standing::looking
          ? bootstrap_.due()
          : earliest({prober_.due(), directory_.due(), next_duties_,
                      news_.empty() ? instant::max() : next_gossip_, next_sync_, next_resolve_});
  due_ = std::max(wanted, w.now);  // what is overdue by then was not asked for in time
  if (over_) due_ = w.now + std::chrono::hours{1};
}

instant swim::due() const { return due_ + paused_; }

standing swim::where() const {
  return over_ ? standing::over : cluster_ == 0 ? standing::looking : standing::member;
}

// The time that passed while this process was able to take steps. Everybody's silence is measured
// in it, so that a freeze of our own is not held against others.
instant swim::own_time(instant now, work& w) {
  const instant mine = now - paused_;
  if (over_ || due_ > mine || mine - due_ <= how_.late_slack) return mine;
  const duration late = mine - due_;
  paused_ += late;
  health_.worse();
  if (late > how_.pause_max && cluster_ != 0) {
    directory_.advance(id(), member_state::down, "frozen for so long that it may be forgotten",
                       due_, w.c);
  }
  return due_;
}

void swim::on(const tick&, work& w) {
  if (over_) return;
  if (cluster_ == 0) return look(w);
  directory_.expire(w.now, w.c);
  prober_.tick(members(), id(), directory_.unreachable(), health_, w.now, w.a);
  if (auto names = prober_.cut_off(w.now); names != directory_.self().cut_off) {
    directory_.cut_off(std::move(names), w.c);
  }
  settle(w);
  if (w.now >= next_duties_) {
    duties(w);
    watch(w);
    next_duties_ = w.now + how_.gossip_interval;
  }
  resolve(w);
  settle(w);
  spread(w);
}

void swim::on(const leave& l, work& w) {
  const std::string& name = l.name.empty() ? id().name : l.name;
  if (over_) return w.out.refused.push_back(refusal::over);
  if (cluster_ == 0) return w.out.refused.push_back(refusal::not_joined);
  const record* r = present_by_name(members(), name);
  if (r == nullptr) return w.out.refused.push_back(refusal::not_found);
  directory_.advance(r->id, member_state::leaving, "asked to leave", w.now, w.c);
  next_gossip_ = w.now;
}

void swim::on(const down& d, work& w) {
  if (over_) return w.out.refused.push_back(refusal::over);
  if (cluster_ == 0) return w.out.refused.push_back(refusal::not_joined);
  const record* r = present_by_name(members(), d.name);
  if (r == nullptr) return w.out.refused.push_back(refusal::not_found);
  const record whom = *r;
  directory_.advance(whom.id, member_state::down, "by an operator", w.now, w.c);
  settle(w);
  if (whom.id != id()) send(whom, gossip{head(whom.id.incarnation), whole()}, w);
  next_gossip_ = w.now;
}

void swim::on(const link_hint& h, work& w) {
  if (where() != standing::member) return;
  for (const auto& [other, r] : members()) {
    if (other.incarnation != h.incarnation || !present(r) || other == id()) continue;
    if (!h.connected) prober_.urgent(other, members(), id(), health_, w.now, w.a);
    if (h.connected && !reachable(r)) w.a.pings.emplace_back(other, 0);
  }
}

void swim::on(const disowned& d, work& w) {
  if (over_) return;
  directory_.advance(id(), exiting_ ? member_state::removed : member_state::down,
                     exiting_ ? "left" : "declared down by " + d.by, w.now, w.c);
}

void swim::on(const also_known& a, work&) { bootstrap_.also_known(a.text, a.address); }

void swim::on(const own_address& o, work&) {
  bootstrap_.also_known(o.text, directory_.self().address);
}

// Carries out what the parts have found, until there is nothing left.
void swim::settle(work& w) {
  while (!w.c.empty() || !w.a.empty()) {
    const changes c = std::exchange(w.c, {});
    const prober::actions a = std::exchange(w.a, {});
    for (const auto& about : c.news) news_.add(about);
    if (!c.news.empty()) {
      quiet_since_ = w.now;
      resolve_ = true;
    }
    for (const auto& e : c.events) {
      if (e.member.id == id() && e.what == event_kind::exiting) exiting_ = true;
      w.out.events.push_back(e);
    }
    if (c.refuted) health_.worse();
    if (c.refuted || !c.gone.empty()) next_gossip_ = w.now;
    for (const auto& id : c.fresh) {
      prober_.joined(id);
      alone_ = false;
    }
    for (const auto& id : c.gone) {
      prober_.forget(id);
      detectors_.erase(id);
    }
    // A suspicion of another's is confirmed or refuted sooner if some look for themselves; about as
    // many as confirmations count, however large the cluster.
    for (const auto& id : c.doubted) {
      if (chance_() % std::max<std::size_t>(directory_.size(), 1) < 2 * (how_.confirmations + 1)) {
        prober_.urgent(id, members(), this->id(), health_, w.now, w.a);
      }
    }
    for (const auto& id : a.quiet) {
      prober_.urgent(id, members(), this->id(), health_, w.now, w.a);
    }
    for (const auto& failed : a.failed) directory_.suspect(failed, id().name, w.now, w.c);
    for (const auto& [target, sequence] : a.pings) {
      if (const record* r = directory_.find(target)) {
        send(*r, ping{head(target.incarnation), sequence, news(target)}, w);
      }
    }
    for (const auto& q : a.requests) {
      const record* mediator = directory_.find(q.mediator);
      const record* target = directory_.find(q.target);
      if (mediator == nullptr || target == nullptr) continue;
      send(*mediator,
           ping_request{head(q.mediator.incarnation), q.sequence, q.target, target->address,
                        news(q.mediator)},
           w);
    }
    for (const auto& q : a.replies) {
      const record* origin = directory_.find(q.origin);
      if (origin == nullptr) continue;
      if (q.alive) {
        send(*origin, ack{head(q.origin.incarnation), q.sequence, q.target, news(q.origin)}, w);
      } else {
        send(*origin, nack{head(q.origin.incarnation), q.sequence}, w);
      }
    }
  }
}

// This member is down or removed.
void swim::finish(work& w) {
  const bool left = exiting_ && directory_.self().state == member_state::removed;
  farewell(w);
  resolver_.give_up();
  order_lease(w);
  over_ = true;
  std::string reason;
  for (const auto& e : w.out.events) {
    if (e.member.id == id() && !e.reason.empty()) reason = e.reason;
  }
  w.out.events.push_back({left ? event_kind::self_left : event_kind::self_downed, directory_.self(),
                          std::move(reason)});
}

// Those who can hear it should not have to find out by silence.
void swim::farewell(work& w) {
  constexpr std::size_t told_max = 64;
  std::size_t told = 0;
  for (const auto& [other, r] : members()) {
    const bool worth = reachable(r) && r.state != member_state::removed && other != id();
    if (worth && told++ < told_max) send(r, gossip{head(other.incarnation), whole()}, w);
  }
}

void swim::look(work& w) {
  const auto next = bootstrap_.step(w.now);
  for (const auto& address : next.ask) {
    w.out.send.push_back({address, {}, join{head({}), how_.cluster_name, directory_.self()}});
  }
  if (!next.waiting.empty()) {
    w.out.events.push_back({event_kind::waiting, directory_.self(), next.waiting});
  }
  if (!next.form) return;
  cluster_ = std::max<std::uint64_t>(chance_(), 1);
  w.out.events.push_back({event_kind::formed, directory_.self(), {}});
  directory_.grow(id(), 1, w.now, w.c);
  next_duties_ = next_gossip_ = next_resolve_ = w.now;
  next_sync_ = w.now + how_.sync_interval;
}

double swim::suspicion(const member_id& of, instant now) const {
  const auto at = detectors_.find(of);
  return at == detectors_.end() ? 0 : at->second->suspicion(std::max(instant{}, now - paused_));
}

std::vector<std::string> swim::known_addresses() const {
  std::set<std::string> all = elsewhere_;
  for (const auto& [other, r] : members()) {
    if (other != id()) all.insert(r.address);
  }
  all.erase(directory_.self().address);
  return {all.begin(), all.end()};
}

std::vector<std::string> swim::present_addresses() const {
  std::set<std::string> all;
  for (const auto& [other, r] : members()) {
    if (other != id() && present(r)) all.insert(r.address);
  }
  return {all.begin(), all.end()};
}
}  // namespace troupe::membership

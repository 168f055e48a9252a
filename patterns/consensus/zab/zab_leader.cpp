// A leader's part: Medeiros 2012, algorithms 3 to 5, "leader L".
#include "patterns/consensus/zab/zab.hpp"

#include <functional>
namespace troupe::zab {
replica::follower* replica::known(server from, std::uint64_t session, instant now) {
  const auto found = others_.find(from);
  if (!leads() || found == others_.end() || found->second.session != session) return nullptr;
  found->second.heard = now;
  return &found->second;
}

void replica::receive(server from, follower_info& m, instant now, output& out) {
  if (!leads() || phase_ == phase::election) return;
  auto& f = others_[from];
  if (m.session < f.session) return;
  if (m.session > f.session) f = {.session = m.session};
  f.accepted = m.accepted;
  f.heard = now;
  if (epoch_ == 0) return choose_epoch(out);
  if (m.accepted > epoch_ && of_.votes(from)) return look(now, out);
  if (f.at == stage::greeted) out.send.push_back({from, new_epoch{f.session, epoch_}});
}

// Later than any that a quorum has accepted. Its own acceptance is durable before others hear of it.
void replica::choose_epoch(output& out) {
  if (epoch_ != 0 || !of_.quorum_says([&](server s) { return s == self_ || others_.contains(s); }))
    return;
  epoch_ = state_.accepted;
  for (const auto& [s, f] : others_) epoch_ = std::max(epoch_, f.accepted);
  ++epoch_;
  state_.accepted = epoch_;
  state_.by = self_;
  persist_state(out);
  accepted_in_ = records_;
  for (const auto& [s, f] : others_) out.send.push_back({s, new_epoch{f.session, epoch_}});
}

void replica::receive(server from, ack_epoch& m, instant now, output& out) {
  auto* f = known(from, m.session, now);
  if (!f || epoch_ == 0 || m.epoch != epoch_ || f->at != stage::greeted) return;
  f->at = stage::discovered;
  f->counts = m.counts;
  f->current = m.current;
  f->last = m.last;
  if (phase_ == phase::discovery) return discovered(now, out);
  bring_up(from, *f, out);
}

// A quorum has accepted the epoch, and none of it has a better history than this.
void replica::discovered(instant now, output& out) {
  const auto accepts = [&](server s) {
    if (s == self_) return synced_ >= accepted_in_;
    const auto f = others_.find(s);
    return f != others_.end() && f->second.at == stage::discovered && f->second.counts;
  };
  if (epoch_ == 0 || !of_.quorum_says(accepts)) return;
  for (const auto& [s, f] : others_)
    if (accepts(s) && std::pair{f.current, f.last} > std::pair{state_.current, log_.last()})
      return look(now, out);
  state_.current = epoch_;
  persist_state(out);
  current_in_ = records_;
  uncommitted_ = log_.size() - log_.after(committed_);
  enter(phase::synchronisation, out);
  for (auto& [s, f] : others_)
    if (f.at == stage::discovered) bring_up(s, f, out);
}

// From what it has to what is here: no more of it goes than what is not here.
void replica::bring_up(server to, follower& f, output& out) {
  if (f.last < log_.base()) {
    f.how = way::snap;
    f.from = log_.base();
  } else {
    f.from = log_.last_not_above(f.last);
    f.how = f.from == f.last ? way::diff : way::trunc;
  }
  f.acked = f.sent = f.was = f.from;
  f.upto = log_.last();  // what comes later is no part of the history that the epoch begins with
  say_sync(to, f, out);
  if (send_proposals(to, f, out)) out.send.push_back({to, new_leader{f.session, f.upto}});
}

void replica::say_sync(server to, const follower& f, output& out) const {
  out.send.push_back(
      {to, synchronise{f.session, *f.how, f.from, f.how == way::snap ? *base_.bytes : ""}});
}

// False: what it lacks is in the snapshot by now. It is to come anew.
bool replica::send_proposals(server to, follower& f, output& out) {
  if (f.sent < log_.base()) return false;
  while (f.sent < log_.last()) {
    proposals p{f.session, f.sent, log_.slice(f.sent, how_.request_bytes)};
    f.sent = p.what.back().at;
    (f.at == stage::synchronised ? out.send_now : out.send).push_back({to, std::move(p)});
  }
  return true;
}

void replica::receive(server from, ack_new_leader& m, instant now, output& out) {
  auto* f = known(from, m.session, now);
  if (!f || f->at == stage::greeted) return;
  f->at = stage::synchronised;
  f->acked = std::max(f->acked, std::min(m.last, log_.last()));
  establish(out);
  if (established()) out.send.push_back({from, up_to_date{f->session, committed_}});
  advance(out);
}

void replica::receive(server from, ack& m, instant now, output& out) {
  auto* f = known(from, m.session, now);
  if (!f || f->at == stage::greeted) return;
  f->acked = std::max(f->acked, std::min(m.last, log_.last()));
  advance(out);
}

void replica::establish(output& out) {
  const auto has = [&](server s) {
    if (s == self_) return synced_ >= current_in_;
    const auto f = others_.find(s);
    return f != others_.end() && f->second.at == stage::synchronised;
  };
  if (phase_ != phase::synchronisation || !of_.quorum_says(has)) return;
  enter(phase::broadcast, out);
  out.events.push_back({event_kind::established, phase_, epoch_, self_, log_.last()});
  for (const auto& [s, f] : others_)
    if (f.at == stage::synchronised) out.send.push_back({s, up_to_date{f.session, committed_}});
  advance(out);
}

// What a quorum of those that have the whole history has made durable.
zxid replica::acked_by_quorum() const {
  std::vector<zxid> all;
  for (const auto s : of_.voters) {
    const auto f = others_.find(s);
    all.push_back(s == self_                                                  ? durable_
                  : f != others_.end() && f->second.at == stage::synchronised ? f->second.acked
                                                                              : zxid{});
  }
  std::sort(all.begin(), all.end(), std::greater<>{});
  return all[of_.quorum() - 1];
}

void replica::advance(output& out) {
  if (!established()) return;
  const auto upto = acked_by_quorum();
  if (upto <= committed_) return;
  commit_to(upto, out);
  uncommitted_ = log_.size() - log_.after(committed_);
  for (const auto& [s, f] : others_)
    if (f.at == stage::synchronised) out.send_now.push_back({s, commit{f.session, committed_}});
}

// New transactions, to all that have been brought up to those before.
void replica::serve(output& out) {
  std::vector<server> anew;
  for (auto& [s, f] : others_)
    if (f.how && !send_proposals(s, f, out)) anew.push_back(s);
  for (const auto s : anew) others_.erase(s);
}

void replica::beat(instant now, output& out) {
  if (now >= silent_at() || (phase_ != phase::broadcast && now - since_ >= how_.begin))
    return look(now, out);
  beat_at_ = now + how_.beat;
  for (auto& [s, f] : others_) {
    if (epoch_ != 0 && f.at == stage::greeted)
      out.send.push_back({s, new_epoch{f.session, epoch_}});
    if (!f.how) continue;
    if (f.acked == f.was) f.sent = f.acked;  // what was sent may be lost
    f.was = f.acked;
    if (f.at == stage::discovered && f.from >= log_.base()) say_sync(s, f, out);
  }
  serve(out);
  for (const auto& [s, f] : others_) {
    if (f.at == stage::discovered && f.how) out.send.push_back({s, new_leader{f.session, f.upto}});
    if (f.at == stage::synchronised && phase_ == phase::broadcast)
      out.send.push_back({s, up_to_date{f.session, committed_}});
  }
  ask_whether_leading(out);
}

// When a quorum has not been heard of for too long.
instant replica::silent_at() const {
  std::vector<instant> all;
  for (const auto s : of_.voters) {
    const auto f = others_.find(s);
    if (s != self_) all.push_back(f == others_.end() ? since_ : std::max(f->second.heard, since_));
  }
  if (all.empty()) return instant::max();
  std::sort(all.begin(), all.end(), std::greater<>{});
  return all[of_.quorum() - 2] + how_.silence;
}
}  // namespace troupe::zab

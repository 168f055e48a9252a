// A follower's part: Medeiros 2012, algorithms 3 to 5, "follower F". An observer's is the same.
#include "patterns/consensus/zab/zab.hpp"
namespace troupe::zab {
bool replica::of_session(server from, std::uint64_t session, instant now) {
  if (from != leader_ || session_ == 0 || session != session_) return false;
  heard_ = now;
  return true;
}

void replica::follow(instant now, output& out) {
  beat_at_ = now + how_.beat;
  if (phase_ == phase::discovery)
    out.send.push_back({leader_, follower_info{session_, state_.accepted}});
}

void replica::receive(server from, new_epoch& m, instant now, output& out) {
  if (!of_session(from, m.session, now) || synchronising_) return;
  if (m.epoch < state_.accepted) return look(now, out);
  if (m.epoch > state_.accepted) {
    state_.accepted = m.epoch;
    state_.by = from;
    persist_state(out);
  }
  // One epoch, one leader: who has accepted it of another may follow, but its word does not count.
  out.send.push_back(
      {from, ack_epoch{session_, m.epoch, state_.by == from, state_.current, log_.last()}});
}

// Once a session: it may come again, and late, when more has been acknowledged.
void replica::receive(server from, synchronise& m, instant now, output& out) {
  if (!of_session(from, m.session, now) || synchronising_) return;
  if (m.how == way::snap) {
    if (m.from <= committed_) return look(now, out);
    base_ = {m.from, std::make_shared<const std::string>(std::move(m.bytes))};
    log_.restart(m.from);
    committed_ = m.from;
    auto& r = to_persist(out);
    r.base = base_;
    r.restart = true;
    out.restore = base_;
    out.events.push_back({event_kind::restored, phase_, state_.accepted, leader_, m.from});
  } else {
    // Nothing that was committed goes, whoever says so.
    if (m.from < committed_ || !log_.has(m.from)) return look(now, out);
    if (m.from < log_.last()) {
      log_.cut(m.from);
      to_persist(out).cut = m.from;
    }
  }
  if (out.persist) syncing_.back().last = log_.last();
  synchronising_ = true;
  enter(phase::synchronisation, out);
  out.send.push_back({from, ack{session_, log_.last()}});
}

void replica::receive(server from, proposals& m, instant now, output& out) {
  if (!of_session(from, m.session, now) || !synchronising_) return;
  if (log_.has(m.after)) {
    take(m.what, out);
  } else if (m.after > log_.last() && early_.size() < how_.early_max) {
    early_[m.after] = std::move(m.what);
  }
  for (auto next = early_.begin(); next != early_.end() && log_.has(next->first);
       next = early_.erase(next))
    take(next->second, out);
  out.send.push_back({from, ack{session_, log_.last()}});
}

void replica::take(std::vector<transaction>& what, output& out) {
  for (auto& t : what)
    if (t.at > log_.last()) append(std::move(t), out);
}

// The history first, then the epoch: with both it may win an election.
void replica::receive(server from, new_leader& m, instant now, output& out) {
  if (!of_session(from, m.session, now) || !synchronising_) return;
  if (log_.last() < m.upto) return out.send.push_back({from, ack{session_, log_.last()}});
  if (state_.current != state_.accepted) {
    state_.current = state_.accepted;
    persist_state(out);
  }
  out.send.push_back({from, ack_new_leader{session_, log_.last()}});
}

void replica::receive(server from, up_to_date& m, instant now, output& out) {
  if (!of_session(from, m.session, now) || !synchronising_) return;
  if (phase_ == phase::synchronisation) enter(phase::broadcast, out);
  commit_to(m.committed, out);
  out.send.push_back({from, ack{session_, log_.last()}});
}

void replica::receive(server from, commit& m, instant now, output& out) {
  if (of_session(from, m.session, now) && phase_ == phase::broadcast) commit_to(m.upto, out);
}
}  // namespace troupe::zab

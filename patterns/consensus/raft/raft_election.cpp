// Elections: section 5.2 and 5.4.1; pre-vote (dissertation, 9.6); transfer (3.10).
#include "patterns/consensus/raft/quorum.hpp"
#include "patterns/consensus/raft/raft.hpp"
namespace troupe::raft {
void replica::become(role as, output& out) {
  if (role_ == role::leader && as != role::leader) {
    others_.clear();
    transferring_to_ = 0;
    refuse_reads(out);
  }
  role_ = as;
  out.events.push_back({.kind = event_kind::became, .as = as, .term = state_.term});
}

void replica::wait_anew(instant now) {
  std::uniform_int_distribution<duration::rep> wait{0, how_.election.count()};
  election_at_ = now + how_.election + duration{wait(chance_)};
}

bool replica::leader_is_alive(instant now) const {
  if (role_ == role::leader) return true;
  return !leader_lost_ && now < leader_heard_ + how_.election;
}

void replica::follow(std::uint64_t term, server leader, instant now, output& out) {
  if (term > state_.term) {
    state_ = {term, 0};
    persist_state(out);
    leader_ = 0;
    incoming_.reset();
  }
  if (role_ != role::follower) {
    become(role::follower, out);
    wait_anew(now);
  }
  ballots_.clear();
  if (leader == 0) return;
  if (leader_ != leader) {
    leader_ = leader;
    out.events.push_back({.kind = event_kind::leader_is, .term = state_.term, .whom = leader});
  }
  leader_lost_ = false;
  leader_heard_ = now;
  wait_anew(now);
}

// Who is removed by a configuration that is not committed yet may be the only one to have it: the
// others then wait for its vote, and would not get it (4.2.2).
bool replica::may_stand() const {
  if (votes(config(), self_)) return true;
  return configs_.index() > commit_ && votes(configs_.as_of(configs_.index() - 1), self_);
}

void replica::stand(bool pre, bool transferring, instant now, output& out) {
  leader_ = 0;
  ballots_.clear();
  if (pre) {
    ballots_[self_] = true;
    become(role::pre_candidate, out);
  } else {
    state_ = {state_.term + 1, self_};
    persist_state(out);
    voted_in_ = records_;
    become(role::candidate, out);
    out.events.push_back({.kind = event_kind::voted, .term = state_.term, .whom = self_});
  }
  wait_anew(now);
  const vote_request ask{.term = pre ? state_.term + 1 : state_.term,
                         .last_index = log_.last(),
                         .last_term = log_.last_term(),
                         .pre = pre,
                         .transfer = transferring};
  for (const auto& p : everybody(config()))
    if (p.id != self_ && votes(config(), p.id)) out.send.push_back({p.id, ask});
  count(now, out);  // alone
}

void replica::count(instant now, output& out) {
  const auto granted = [&](server s) {
    const auto found = ballots_.find(s);
    return found != ballots_.end() && found->second;
  };
  if (!quorum_says(config(), granted)) return;
  if (role_ == role::pre_candidate) return stand(false, false, now, out);
  lead(now, out);
}

// Its own vote counts once it is durable: who is alone and leads before would, after a crash, lead
// the same term again, and others may have its entries of the first time.
void replica::vote_durable(std::uint64_t number, instant now, output& out) {
  if (role_ != role::candidate || number < voted_in_) return;
  ballots_[self_] = true;
  count(now, out);
}

void replica::receive(server from, vote_request& m, instant now, output& out) {
  if (m.pre) {
    const bool yes =
        m.term > state_.term && log_.up_to_date(m.last_term, m.last_index) && !leader_is_alive(now);
    out.send.push_back({from, vote_reply{yes ? m.term : state_.term, true, yes}});
    return;
  }
  const bool yes = (role_ == role::follower || role_ == role::pre_candidate) && leader_ == 0 &&
                   (state_.vote == 0 || state_.vote == from) &&
                   log_.up_to_date(m.last_term, m.last_index);
  if (yes) {
    if (state_.vote != from) {
      state_.vote = from;
      persist_state(out);
      out.events.push_back({.kind = event_kind::voted, .term = state_.term, .whom = from});
    }
    follow(state_.term, 0, now, out);
    wait_anew(now);
  }
  out.send.push_back({from, vote_reply{state_.term, false, yes}});
}

void replica::receive(server from, vote_reply& m, instant now, output& out) {
  if (m.pre) {
    if (role_ != role::pre_candidate || (m.granted && m.term != state_.term + 1)) return;
  } else if (role_ != role::candidate) {
    return;
  }
  ballots_[from] = m.granted;
  count(now, out);
}

void replica::lead(instant now, output& out) {
  leader_ = self_;
  leader_lost_ = false;
  led_since_ = now;
  rounds_ = {};
  transferring_to_ = 0;
  lease_void_ = false;
  others_.clear();
  uncommitted_bytes_ = 0;
  for (const auto& p : everybody(config())) {
    if (p.id == self_) continue;
    others_.emplace(p.id, progress{log_.last() + 1}).first->second.heard = now;
  }
  become(role::leader, out);
  out.events.push_back({.kind = event_kind::leader_is, .term = state_.term, .whom = self_});
  first_of_term_ = append({state_.term, entry_kind::nothing, {}}, out);
  beat_at_ = beat_after(now);
  spread(now, out);
}

// A leader that no majority answers leads nobody (6.2).
// A leader that was kept from running hears nobody for as long: that is not the others' silence. Who was away for an
// election time-out or longer may have a successor. Leases know nothing of this.
void replica::forgive(duration away) {
  if (away < how_.heartbeat / 2 || away >= how_.election) return;
  for (auto& [s, p] : others_) p.heard += away;
}

void replica::check_quorum(instant now, output& out) {
  if (transferring_to_ != 0 && now >= transfer_until_) transferring_to_ = 0;
  const auto heard = [&](server s) {
    if (s == self_) return now;
    const auto found = others_.find(s);
    return found == others_.end() ? led_since_ : found->second.heard;
  };
  if (now - reached_by_quorum<instant>(config(), now, heard) < how_.election) return;
  leader_ = 0;
  follow(state_.term, 0, now, out);
}

void replica::on(transfer& in, instant now, output& out) {
  const auto no = [&](refusal why) { out.turned_away.push_back({in.cookie, why, leader_}); };
  if (role_ != role::leader) return no(refusal::not_leader);
  if (transferring_to_ != 0) return no(refusal::transferring);
  const auto found = others_.find(in.to);
  if (found == others_.end() || !holds(config().voters, in.to)) return no(refusal::no_such_server);
  transferring_to_ = in.to;
  told_to_stand_ = false;
  transfer_until_ = now + how_.election;
  out.taken.push_back({in.cookie, log_.last(), state_.term});
  hand_over(out);
  if (!told_to_stand_) send_entries(in.to, found->second, out);
}

// Once it has everything.
void replica::hand_over(output& out) {
  const auto found = others_.find(transferring_to_);
  if (told_to_stand_ || found == others_.end() || found->second.match() < log_.last()) return;
  told_to_stand_ = lease_void_ = true;
  out.send.push_back({transferring_to_, timeout_now{state_.term}});
}

void replica::receive(server from, timeout_now&, instant now, output& out) {
  if (from != leader_ || !holds(config().voters, self_)) return;
  stand(false, true, now, out);
}
}  // namespace troupe::raft

#include "patterns/consensus/raft/raft.hpp"

#include "patterns/consensus/raft/quorum.hpp"

#include <algorithm>
#include <cassert>
namespace troupe::raft {
replica::replica(server self, const options& how, restored from, std::uint64_t seed, instant now)
    : self_{self},
      how_{how},
      chance_{seed},
      state_{from.state},
      base_{std::move(from.base)},
      configs_{base_.config, base_.index} {
  log_.restart(base_.index, base_.term);
  for (auto& e : from.entries) {
    if (e.kind == entry_kind::configuration) {
      // what was appended was decoded before; a journal's bytes have a checksum
      if (auto c = decode_configuration(e.bytes)) configs_.push(log_.last() + 1, std::move(*c));
    }
    log_.append(std::move(e));
  }
  commit_ = base_.index;
  durable_ = log_.last();
  leader_heard_ = now;
  wait_anew(now);
}

void replica::step(input in, instant now, output& out) {
  const auto commit_before = commit_;
  std::visit([&](auto& event) { on(event, now, out); }, in);
  assert(commit_ >= commit_before);
  if (commit_ != commit_before) {
    out.committed = commit_;
    out.events.push_back({.kind = event_kind::committed, .term = state_.term, .index = commit_});
  }
}

instant replica::due() const {
  if (role_ == role::leader) return std::min(beat_at_, tell_at_);
  return may_stand() ? election_at_ : instant::max();
}

void replica::on(received& in, instant now, output& out) {
  if (in.from == self_ || in.from == 0 || !heed_term(in, now, out)) return;
  std::visit([&](auto& m) { receive(in.from, m, now, out); }, in.what);
}

// 5.1: a higher term makes a follower of everybody; a lower one is not obeyed.
bool replica::heed_term(const received& in, instant now, output& out) {
  const auto term = std::visit([](const auto& m) { return m.term; }, in.what);
  const auto* asks = std::get_if<vote_request>(&in.what);
  const bool leads = std::holds_alternative<append_request>(in.what) ||
                     std::holds_alternative<heartbeat>(in.what) ||
                     std::holds_alternative<snapshot_part>(in.what);
  if (term > state_.term) {
    if (asks) {
      // A leader that is heard is not deserted: who was removed, or was cut off, disturbs nobody
      // (4.2.3), and a lease is a lease.
      if (!asks->transfer && leader_is_alive(now)) return false;
      if (asks->pre) return true;
    }
    // A granted pre-vote speaks of the term to come.
    if (const auto* answer = std::get_if<vote_reply>(&in.what);
        answer && answer->pre && answer->granted)
      return true;
    follow(term, leads ? in.from : 0, now, out);
    return true;
  }
  if (term == state_.term) return !(leads && role_ == role::leader);  // S1: nobody's but ours
  // A server with a term of its own that is ahead would otherwise never be heard of (etcd's way).
  if (asks) {
    if (asks->pre) out.send.push_back({in.from, vote_reply{state_.term, true, false}});
  } else if (const auto* entries = std::get_if<append_request>(&in.what)) {
    out.send.push_back(
        {in.from, append_reply{.term = state_.term, .refused = entries->prev_index}});
  } else if (std::holds_alternative<heartbeat>(in.what)) {
    out.send.push_back({in.from, heartbeat_reply{state_.term, 0}});
  } else if (const auto* part = std::get_if<snapshot_part>(&in.what)) {
    out.send.push_back({in.from, snapshot_reply{.term = state_.term, .index = part->index}});
  }
  return false;
}

void replica::on(propose& in, instant now, output& out) {
  const auto no = [&](const command& c, refusal why) {
    out.turned_away.push_back({c.cookie, why, leader_});
  };
  bool any = false;
  for (auto& c : in.commands) {
    if (role_ != role::leader || !votes(config(), self_)) {
      no(c, refusal::not_leader);
    } else if (transferring_to_ != 0) {
      no(c, refusal::transferring);
    } else if (uncommitted_bytes_ > how_.uncommitted_bytes) {
      no(c, refusal::overloaded);
    } else {
      const auto index = append({state_.term, entry_kind::command, std::move(c.bytes)}, out);
      out.taken.push_back({c.cookie, index, state_.term});
      any = true;
    }
  }
  if (any) spread(now, out);
}

void replica::on(persisted& in, instant now, output& out) {
  std::uint64_t upto = 0;
  while (!syncing_.empty() && syncing_.front().number <= in.number) {
    upto = std::max(upto, syncing_.front().upto);  // the last of them may hold no entries
    syncing_.pop_front();
  }
  if (upto > durable_) durable_ = std::min(upto, log_.last());
  vote_durable(in.number, now, out);
  if (role_ == role::leader) advance_commit(now, out);
}

void replica::on(lost& in, instant now, output&) {
  if (in.peer != leader_ || role_ == role::leader || how_.lease_reads) return;
  leader_lost_ = true;
  std::uniform_int_distribution<duration::rep> wait{0, how_.election_after_loss.count()};
  election_at_ = std::min(election_at_, now + duration{wait(chance_)});
}

void replica::on(tick&, instant now, output& out) {
  if (role_ == role::leader) {
    forgive(now - beat_at_);
    check_quorum(now, out);
    if (role_ == role::leader && now >= beat_at_) beat(now, out);
    if (role_ == role::leader && now >= tell_at_) tell_commit(out);
    return;
  }
  if (now >= election_at_ && may_stand()) stand(true, false, now, out);
}

record& replica::to_persist(output& out) {
  if (!out.persist) {
    out.persist.emplace();
    out.persist->number = ++records_;
    syncing_.push_back({records_, 0});
  }
  return *out.persist;
}

void replica::persist_state(output& out) { to_persist(out).state = state_; }
}  // namespace troupe::raft

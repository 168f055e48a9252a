// Replication: sections 5.3, 5.4.2; the leader's disk beside the followers' (dissertation, 10.2.1).
#include "patterns/consensus/raft/quorum.hpp"
#include "patterns/consensus/raft/raft.hpp"

#include <algorithm>
#include <cassert>
namespace troupe::raft {
namespace {
std::uint64_t size_of(const std::vector<entry>& entries) {
  std::uint64_t bytes = 0;
  for (const auto& e : entries) bytes += e.bytes.size() + 64;
  return bytes;
}
}  // namespace

std::uint64_t replica::append(entry e, output& out) {
  const auto index = log_.last() + 1;
  auto& disk = to_persist(out);
  if (disk.entries.empty()) disk.first = index;
  disk.entries.push_back(e);
  syncing_.back().upto = index;
  uncommitted_bytes_ += e.bytes.size() + 64;
  log_.append(std::move(e));
  return index;
}

void replica::spread(instant now, output& out) {
  tell_at_ = instant::max();  // the requests tell
  for (auto& [id, p] : others_) send_entries(id, p, out);
  advance_commit(now, out);  // alone, or nothing new
}

// All that its window takes; one request at least if it may be sent one at all.
void replica::send_entries(server to, progress& p, output& out) {
  bool first = true;
  while (p.may_send(how_.flow) && (first || p.next() <= log_.last())) {
    const auto prev = p.next() - 1;
    const auto prev_term = log_.term(prev);
    if (!prev_term) {
      p.install(base_);
      return send_part(to, p, out);
    }
    append_request m{.term = state_.term,
                     .prev_index = prev,
                     .prev_term = *prev_term,
                     .commit = commit_,
                     .round = rounds_.current(),
                     .entries = {}};
    m.entries = log_.slice(p.next(), how_.request_bytes);
    p.sent(prev + m.entries.size(), m.entries.size(), size_of(m.entries));
    p.told = std::max(p.told, std::min(commit_, prev + m.entries.size()));
    out.send_now.push_back({to, std::move(m)});
    first = false;
  }
}

// Half a beat to one and a half, where they are in time.
instant replica::beat_after(instant now) const {
  if (!how_.beats_in_time || how_.heartbeat.count() <= 0) return now + how_.heartbeat;
  return (now + how_.heartbeat + how_.heartbeat / 2) / how_.heartbeat * how_.heartbeat;
}

void replica::beat(instant now, output& out) {
  beat_at_ = beat_after(now);
  tell_at_ = instant::max();
  const auto round = rounds_.begin(now);
  for (auto& [id, p] : others_) {
    const auto commit = std::min(commit_, p.match());
    p.told = std::max(p.told, commit);
    out.send_now.push_back({id, heartbeat{state_.term, commit, round}});
  }
  heard_round(now, out);  // alone
}

// Who watches a follower's state does not wait for the next beat.
void replica::tell_later(const progress& p, instant now) {
  if (std::min(commit_, p.match()) > p.told) tell_at_ = now + how_.tell_commit;
}

// It is no round: whoever answers it confirms an earlier one.
void replica::tell_commit(output& out) {
  tell_at_ = instant::max();
  if (log_.last() > commit_) return;  // more is on its way, and its commit tells of this one
  for (auto& [id, p] : others_) {
    const auto commit = std::min(commit_, p.match());
    if (commit <= p.told) continue;
    p.told = commit;
    out.send_now.push_back({id, heartbeat{state_.term, commit, rounds_.current()}});
  }
}

void replica::heard_from(progress& p, std::uint64_t round, instant now) {
  p.heard = now;
  if (const auto sent = rounds_.sent_at(round)) p.answered(round, *sent);
}

// Everything of a follower's that a leader's message does to its log.
void replica::receive(server from, append_request& m, instant now, output& out) {
  follow(m.term, from, now, out);
  if (m.prev_index < commit_) {  // what is committed here is the leader's as well
    const auto known = std::min<std::uint64_t>(commit_ - m.prev_index, m.entries.size());
    m.entries.erase(m.entries.begin(), m.entries.begin() + static_cast<std::ptrdiff_t>(known));
    m.prev_index += known;
    if (m.prev_index < commit_) {
      out.send.push_back({from, append_reply{m.term, m.round, true, m.prev_index, 0, 0}});
      return;
    }
    m.prev_term = *log_.term(m.prev_index);
  }
  const auto there = log_.term(m.prev_index);
  if (!there || *there != m.prev_term) {
    const auto hint = log_.last_not_above(m.prev_term, std::min(m.prev_index, log_.last()));
    out.send.push_back({from, append_reply{.term = m.term,
                                           .round = m.round,
                                           .accepted = false,
                                           .index = hint,
                                           .hint_term = log_.term(hint).value_or(0),
                                           .refused = m.prev_index}});
    return;
  }
  const auto upto = m.prev_index + m.entries.size();
  auto index = m.prev_index;
  for (auto& e : m.entries) {
    ++index;
    const auto mine = log_.term(index);
    if (mine && *mine == e.term) continue;  // also of a late, shorter request: nothing is cut
    if (mine) cut(index, out);
    if (!take(std::move(e), out)) return;
  }
  const auto commit = std::min(m.commit, upto);  // never past the last that is known to match
  out.send.push_back({from, append_reply{m.term, m.round, true, upto, 0, 0}});
  commit_to(commit, out);
}

void replica::cut(std::uint64_t from, output& out) {
  assert(from > commit_);
  auto& disk = to_persist(out);
  disk.cut = disk.cut ? std::min(*disk.cut, from) : from;
  log_.cut(from);
  durable_ = std::min(durable_, from - 1);
  for (auto& s : syncing_) s.upto = std::min(s.upto, from - 1);
  if (configs_.cut(from)) configured(out);
}

bool replica::take(entry e, output& out) {
  if (e.kind == entry_kind::configuration) {
    auto c = decode_configuration(e.bytes);
    if (!c) return false;  // no leader of ours writes such
    configs_.push(log_.last() + 1, std::move(*c));
    append(std::move(e), out);
    configured(out);
  } else {
    append(std::move(e), out);
  }
  return true;
}

void replica::receive(server from, append_reply& m, instant now, output& out) {
  const auto found = others_.find(from);
  if (role_ != role::leader || found == others_.end()) return;
  auto& p = found->second;
  heard_from(p, m.round, now);
  if (m.accepted) {
    if (m.index > log_.last()) return;  // it cannot have what was never sent
    const bool advances = m.index > p.match();
    if (p.how() == progress::way::installing) {
      if (m.index >= p.sending->what.index) p.installed(m.index);
    } else {
      p.accepted(m.index);
    }
    if (advances) advance_commit(now, out);
    // which may have ended its leadership, or the other's being one of its followers
    const auto still = others_.find(from);
    if (still == others_.end()) return heard_round(now, out);
    if (from == transferring_to_) hand_over(out);
    if (still->second.next() <= log_.last()) send_entries(from, still->second, out);
    tell_later(still->second, now);
  } else {
    // 5.3, end: skip a term at once, by what both know of it
    auto meet = std::min(m.index, log_.last());
    if (m.hint_term != 0) meet = log_.last_not_above(m.hint_term, meet);
    if (p.refused(m.refused, meet)) send_entries(from, p, out);
  }
  heard_round(now, out);
}

void replica::receive(server from, heartbeat& m, instant now, output& out) {
  follow(m.term, from, now, out);
  out.send_now.push_back({from, heartbeat_reply{m.term, m.round}});
  commit_to(std::min(m.commit, log_.last()), out);
}

void replica::receive(server from, heartbeat_reply& m, instant now, output& out) {
  const auto found = others_.find(from);
  if (role_ != role::leader || found == others_.end()) return;
  auto& p = found->second;
  heard_from(p, m.round, now);
  if (p.how() == progress::way::installing) {
    if (p.sending->waiting) p.sending->waiting = false;  // the part, or its answer, may be lost
    send_part(from, p, out);
  } else if (p.match() < log_.last()) {
    p.may_retry(how_.flow);
    send_entries(from, p, out);
  }
  heard_round(now, out);
}

// 5.4.2: by count only what is of the own term; the rest comes with it.
void replica::advance_commit(instant now, output& out) {
  if (role_ != role::leader) return;
  const auto has = [&](server s) {
    if (s == self_) return durable_;
    const auto found = others_.find(s);
    return found == others_.end() ? std::uint64_t{0} : found->second.match();
  };
  const auto index = reached_by_quorum<std::uint64_t>(config(), ~std::uint64_t{0}, has);
  if (index > log_.last() || index <= commit_ || log_.term(index) != state_.term) return;
  commit_to(index, out);
  on_config_committed(now, out);
  if (role_ != role::leader) return;
  for (const auto& [id, p] : others_) tell_later(p, now);
  answer_reads(now, out);
}

void replica::commit_to(std::uint64_t index, output&) {
  if (index <= commit_) return;
  assert(index <= log_.last());
  for (auto i = commit_ + 1; i <= index && role_ == role::leader; ++i)
    uncommitted_bytes_ -= std::min(uncommitted_bytes_, log_.at(i).bytes.size() + 64);
  commit_ = index;
}
}  // namespace troupe::raft

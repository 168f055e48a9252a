// Snapshots and compaction: section 7.
#include "patterns/consensus/raft/raft.hpp"

#include <algorithm>
namespace troupe::raft {
void replica::on(snapshotted& in, instant, output& out) {
  if (in.index <= base_.index || in.index > commit_ || !in.bytes) return;
  base_ = {in.index, *log_.term(in.index), configs_.as_of(in.index), std::move(in.bytes)};
  to_persist(out).base = base_;
  // Some of what it covers stays, for followers that are a little behind.
  const auto upto = log_.tail(in.index, how_.log_bytes / 4);
  log_.compact(upto);
  configs_.compact(upto);
}

void replica::send_part(server to, progress& p, output& out) {
  auto& s = *p.sending;
  if (s.waiting) return;
  s.waiting = true;
  const auto& bytes = *s.what.bytes;
  const auto size = std::min<std::uint64_t>(how_.part_bytes, bytes.size() - s.offset);
  out.send_now.push_back({to, snapshot_part{.term = state_.term,
                                            .round = rounds_.current(),
                                            .index = s.what.index,
                                            .last_term = s.what.term,
                                            .config = s.what.config,
                                            .size = bytes.size(),
                                            .offset = s.offset,
                                            .bytes = bytes.substr(s.offset, size)}});
}

void replica::receive(server from, snapshot_part& m, instant now, output& out) {
  follow(m.term, from, now, out);
  const auto ours = log_.term(m.index);
  if (m.index <= commit_ || (ours && *ours == m.last_term)) {  // nothing that we lack
    incoming_.reset();
    const auto upto = std::max(commit_, m.index);
    out.send.push_back({from, append_reply{m.term, m.round, true, upto, 0, 0}});
    return commit_to(m.index, out);
  }
  if (m.size > how_.snapshot_max || m.offset > m.size || m.bytes.size() > m.size - m.offset) return;
  if (!incoming_ || !incoming_->same(m)) incoming_.emplace(m);
  incoming_->take(m);
  if (!incoming_->whole()) {
    out.send_now.push_back({from, snapshot_reply{m.term, m.round, m.index, incoming_->wanted()}});
    return;
  }
  auto whole = incoming_->take_whole();
  incoming_.reset();
  install(std::move(whole), out);
  out.send.push_back({from, append_reply{m.term, m.round, true, commit_, 0, 0}});
}

void replica::install(snapshot s, output& out) {
  base_ = std::move(s);
  base_.config = normal(std::move(base_.config));
  auto& disk = to_persist(out);
  disk.base = base_;
  disk.restart = true;
  log_.restart(base_.index, base_.term);
  for (auto& sync : syncing_) sync.upto = 0;
  syncing_.back().upto = base_.index;
  durable_ = 0;
  configs_.restart(base_.config, base_.index);
  commit_ = base_.index;
  out.restore = base_;
  out.events.push_back({.kind = event_kind::restored, .term = base_.term, .index = base_.index});
  configured(out);
}

void replica::receive(server from, snapshot_reply& m, instant now, output& out) {
  const auto found = others_.find(from);
  if (role_ != role::leader || found == others_.end()) return;
  auto& p = found->second;
  heard_from(p, m.round, now);
  if (p.how() == progress::way::installing && m.index == p.sending->what.index &&
      m.offset <= p.sending->what.bytes->size()) {
    p.sending->offset = m.offset;
    p.sending->waiting = false;
    send_part(from, p, out);
  }
  heard_round(now, out);
}
}  // namespace troupe::raft

// Reads that see all that was done before: by a leader that a quorum has confirmed since they came.
// Who has accepted a later epoch confirms no earlier one: it is in no session of that leader's, and a
// later leader's quorum has one in common with every quorum.
#include "patterns/consensus/zab/zab.hpp"

#include <functional>
namespace troupe::zab {
// What comes while a round is under way waits for the next: its answers may be older than this.
void replica::on(read& in, instant, output& out) {
  if (!established()) return out.turned_away.push_back({in.cookie, refusal::not_leader, leader_});
  const bool first = reads_.empty();
  reads_.push_back({in.cookie, asked_ + 1, committed_});
  if (first) ask_whether_leading(out);
}

// Again with each beat: what was sent may be lost.
void replica::ask_whether_leading(output& out) {
  if (!established() || reads_.empty()) return;
  ++asked_;
  for (const auto& [s, f] : others_)
    if (f.at == stage::synchronised && of_.votes(s))
      out.send_now.push_back({s, confirm{f.session, asked_}});
  answer_reads(out);
}

// It says nothing that a sync must come before: the epoch that this session goes by is durable.
void replica::receive(server from, confirm& m, instant now, output& out) {
  if (of_session(from, m.session, now) && phase_ == phase::broadcast)
    out.send_now.push_back({from, confirmed{session_, m.number}});
}

void replica::receive(server from, confirmed& m, instant now, output& out) {
  auto* f = known(from, m.session, now);
  if (!f || f->at != stage::synchronised) return;
  f->confirmed = std::max(f->confirmed, std::min(m.number, asked_));
  answer_reads(out);
}

void replica::answer_reads(output& out) {
  if (!established()) return;
  std::vector<std::uint64_t> all;
  for (const auto s : of_.voters) {
    const auto f = others_.find(s);
    all.push_back(s == self_ ? asked_ : f != others_.end() ? f->second.confirmed : 0);
  }
  std::sort(all.begin(), all.end(), std::greater<>{});
  const auto upto = all[of_.quorum() - 1];
  for (; !reads_.empty() && reads_.front().number <= upto; reads_.pop_front())
    out.reads.push_back({reads_.front().cookie, reads_.front().at});
  if (!reads_.empty() && reads_.front().number > asked_) ask_whether_leading(out);
}

void replica::turn_reads_away(output& out) {
  for (const auto& r : reads_) out.turned_away.push_back({r.cookie, refusal::not_leader, leader_});
  reads_.clear();
}

std::optional<replica::seen> replica::follower_at(server s) const {
  const auto found = others_.find(s);
  if (!leads() || found == others_.end()) return std::nullopt;
  return seen{found->second.acked, found->second.heard};
}
}  // namespace troupe::zab

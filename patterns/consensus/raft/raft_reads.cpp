// Linearizable reads without a log entry: ReadIndex and lease (dissertation, 6.4 and 6.4.1).
#include "patterns/consensus/raft/quorum.hpp"
#include "patterns/consensus/raft/raft.hpp"
namespace troupe::raft {
void replica::on(read& in, instant now, output& out) {
  if (role_ != role::leader) {
    out.turned_away.push_back({in.cookie, refusal::not_leader, leader_});
    return;
  }
  // Before something of its own term is committed a leader does not know what is (6.4, step 1).
  const bool knows = commit_ >= first_of_term_;
  if (knows && how_.lease_reads && !lease_void_ && now < lease()) {
    out.reads.push_back({in.cookie, commit_});
    return;
  }
  rounds_.reads.push_back({in.cookie, commit_, rounds_.current() + 1});
  if (!rounds_.under_way()) ask_round(now, out);
}

// A round for those that wait; the next heartbeat is put off, for it is one.
void replica::ask_round(instant now, output& out) { beat(now, out); }

void replica::heard_round(instant now, output& out) {
  if (role_ != role::leader) return;
  const auto answered = [&](server s) {
    if (s == self_) return rounds_.current();
    const auto found = others_.find(s);
    return found == others_.end() ? std::uint64_t{0} : found->second.round;
  };
  rounds_.confirmed(reached_by_quorum<std::uint64_t>(config(), rounds_.current(), answered));
  answer_reads(now, out);
}

void replica::answer_reads(instant now, output& out) {
  if (commit_ < first_of_term_) return;
  auto& reads = rounds_.reads;
  while (!reads.empty() && reads.front().round <= rounds_.last_confirmed()) {
    // what came before this leader knew what is committed, sees all of that
    out.reads.push_back({reads.front().cookie, std::max(reads.front().index, first_of_term_)});
    reads.pop_front();
  }
  if (!reads.empty() && reads.back().round > rounds_.current()) ask_round(now, out);
}

void replica::refuse_reads(output& out) {
  for (const auto& r : rounds_.reads) out.turned_away.push_back({r.cookie, refusal::not_leader, 0});
  rounds_.reads.clear();
}

instant replica::lease() const {
  if (role_ != role::leader) return instant::min();
  const auto confirmed = [&](server s) {
    if (s == self_) return instant::max();
    const auto found = others_.find(s);
    return found == others_.end() || found->second.round == 0 ? instant::min()
                                                              : found->second.confirmed;
  };
  const auto since = reached_by_quorum<instant>(config(), instant::max(), confirmed);
  if (since == instant::min() || since == instant::max()) return since;
  return since + how_.election - how_.election / 1'000 * how_.drift_per_mille;
}
}  // namespace troupe::raft

// What all simulated replicas' journals and logs look like from above, and the promises of raft.hpp as
// claims on it, asked at every step of a replica.
//   Promises  (claims) `claims` below; what a claim goes by is kept apart from what the core believes:
//             durability by the disk's word, votes by the answers that arrived, logs by digests of all
//             that is in them
//   Costs     a few look-ups a step, a digest an entry: what grows is compared by its end
#pragma once
#include "patterns/checking/history.hpp"
#include "patterns/consensus/raft/simulated_journal.hpp"
#include "patterns/consensus/raft/simulated_machine.hpp"
#include "patterns/simulation/fault.hpp"
#include "patterns/simulation/judged.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
namespace troupe::raft::simulated {
using simulation::member;

namespace claim {
inline constexpr std::string_view
    one_leader = "S1: one leader a term",
    elected = "5.2: a leader has the votes of a quorum, one vote a server and term",
    append_only = "S2: a leader's log only grows",
    matching = "S3: logs that share an entry are the same up to it",
    complete = "S4: what is committed is in the log of every later leader",
    by_quorum = "5.4.2: a leader commits what is durable with a quorum, and of its own term",
    same = "S5: no two replicas apply different entries, or differ after the same ones",
    reads = "S6: a read sees all that was committed when it came",
    histories = "S6: what clients saw is linearizable",
    never_fall = "S7: term, vote and commit index never fall",
    durable = "S7: what is answered is durable",
    in_force = "6: the last configuration of a log is in force",
    one_change = "6: one configuration at a time, whose majorities meet those of the last",
    counted = "5.3: a leader counts what it was told in its own term, and that is so",
    once = "6.3: a request has one effect",
    loyal = "4.2.3: who hears a leader deserts it for nobody";
inline constexpr std::array all{one_leader, elected, append_only, matching,   complete, by_quorum,
                                same,       reads,   histories,   never_fall, durable,  in_force,
                                one_change, counted, once,        loyal};
}  // namespace claim

// Of a journal, from its first record to the end of the run.
struct server_seen {
  member where = 0;
  std::uint64_t term = 0;  // its own, now or when it went down
  std::uint64_t told = 0;  // that others have heard of
  hard_state state{};      // durable
  std::uint64_t last = 0;  // durable
  configuration config{};
  std::vector<std::uint64_t> digests{};  // of its log up to each index, from the snapshot's on
};

// To one server, of the last term in which any of it has arrived.
struct answers {
  std::uint64_t term = 0, round = 0, index = 0;
  void add(const answers& a) {
    if (a.term > term) *this = {a.term, 0, 0};
    if (a.term < term) return;
    round = std::max(round, a.round);
    index = std::max(index, a.index);
  }
};

struct before {  // a step
  role as{};
  std::uint64_t term = 0, vote = 0, commit = 0, last = 0;
  explicit before(const replica& core)
      : as{core.as()},
        term{core.term()},
        vote{core.vote()},
        commit{core.commit()},
        last{core.entries().last()} {}
};

class scene : public simulation::judged {
 public:
  void started(server id, member where, const replica& core);
  void arrived(server from, server to, const message& what);
  void stepped(const before& was, const replica& core, const output& out);
  void counted(const replica& core, server from);  // after a step with its answer
  void synced(server id, const footprint& f);
  void applied(server id, std::uint64_t index, const machine& after, const request* r, effect did);
  void restored_to(server id, std::uint64_t index, const machine& m);
  void answered_read(server id, std::uint64_t index, std::uint64_t floor);
  // All that any server knows to be committed.
  std::uint64_t committed() const { return canon_.size() - 1; }
  // The last configuration that was.
  const configuration& decided() const { return decided_; }
  std::uint64_t elections() const { return leaders_.size(); }
  const std::map<server, server_seen>& servers() const { return servers_; }

 private:
  void wrote(server_seen& s, const replica& core, const record& r, bool leads);
  void push(server_seen& s, server id, std::uint64_t index, const entry& e);
  void configured(server_seen& s, const before& was, const replica& core, const output& out);
  void led(server_seen& s, const replica& core);
  void commits(server_seen& s, const before& was, const replica& core);
  bool left_by_both(const server_seen& s, const replica& core) const;
  bool holds(server voter, std::uint64_t index, std::uint64_t digest) const;

  std::map<server, server_seen> servers_;
  std::map<std::pair<server, server>, answers> answers_;             // from, to
  std::map<std::uint64_t, server> leaders_;                          // by term
  std::map<std::pair<std::uint64_t, server>, server> votes_;         // term, voter: for whom
  std::vector<std::vector<std::pair<std::uint64_t, std::uint64_t>>>  // by index: term, digest
      entries_{{{0, 0}}};
  std::vector<std::uint64_t> canon_{0};  // the committed log's digests
  configuration decided_{};
  std::uint64_t decided_at_ = 0;
  std::map<std::uint64_t, std::uint64_t> by_term_;  // how far each term's leader has committed
  std::vector<std::uint64_t> states_{0};            // digests of the machine, by index; 0: unknown
  std::array<std::uint32_t, clients> done_{};       // the last request of each that had its effect
};
}  // namespace troupe::raft::simulated

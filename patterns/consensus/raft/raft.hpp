// Raft: one replica of a group that agrees on a log.
// Sources: D. Ongaro, J. Ousterhout, "In Search of an Understandable Consensus Algorithm" (extended
//   version, 2014), figures 2 and 13; D. Ongaro, "Consensus: Bridging Theory and Practice" (2014):
//   3.10 transfer, 4.2.1 learners, 6.4 reads, 9.6 pre-vote, 10.2.1 appending beside one's own disk.
// Beyond them, as etcd has it: check-quorum, and refusals by term (raft_replication.cpp).
//   Promises  S1 election safety       at most one leader a term
//             S2 leader append-only    a leader never cuts its log
//             S3 log matching          two logs with an entry of one index and term agree up to it
//             S4 leader completeness   what was committed is in the log of every later leader
//             S5 state-machine safety  no two replicas are told to apply different entries at an index
//             S6 reads                 the index of a read covers all that was committed when it came
//             S7 the term, the vote and the commit index never fall; nothing is committed by count
//                that is not of the own term
//             L1 with a majority that hears each other, a leader within 10 election times
//   Under     loss, repetition, reordering, delay; crashes, if what was persisted is what `restored`
//             gives; clocks of any rate, but see lease_reads
//   Assumes   `persist` is durable before `send` of the same and of later steps leaves, and answered by
//             `persisted` in order; a torn or lost journal comes back under another server's number
//   Beware    lease_reads trust that no clock runs more than `drift` fast or slow against another
//   Costs     a commit: one round trip and one sync, which run beside each other at the leader; the
//             last one before a pause, and an idle group each heartbeat: 2 messages a follower
//   state      | election time passed | majority grants | leader heard | higher term
//   follower   | pre-candidate        | -               | follower     | follower
//   pre-candi. | pre-candidate        | candidate       | follower     | follower
//   candidate  | pre-candidate        | leader          | follower     | follower
//   leader     | follower, if no majority was heard     | -            | follower
#pragma once
#include "patterns/consensus/raft/configuration.hpp"
#include "patterns/consensus/raft/installation.hpp"
#include "patterns/consensus/raft/log.hpp"
#include "patterns/consensus/raft/messages.hpp"
#include "patterns/consensus/raft/options.hpp"
#include "patterns/consensus/raft/progress.hpp"
#include "patterns/consensus/raft/reads.hpp"

#include <map>
#include <random>
namespace troupe::raft {
enum class role : std::uint8_t { follower, pre_candidate, candidate, leader };
TROUPE_ENUM(role, follower, pre_candidate, candidate, leader)

// ---- inputs
struct received {
  server from = 0;
  message what{};
};
struct command {
  std::uint64_t cookie = 0;  // the host's own, for the answer
  std::string bytes{};
};
struct propose {  // all that came since the last step: they travel and are synced together
  std::vector<command> commands{};
};
struct read {  // linearizable: answered by `readable`
  std::uint64_t cookie = 0;
};
struct change {  // to these voters and learners, by way of a joint configuration if voters change
  std::uint64_t cookie = 0;
  std::vector<peer> voters{};
  std::vector<peer> learners{};
};
struct transfer {
  std::uint64_t cookie = 0;
  server to = 0;
};
struct persisted {  // this `record` and all before it are durable
  std::uint64_t number = 0;
};
struct snapshotted {  // what the state machine looked like once `index` was applied
  std::uint64_t index = 0;
  std::shared_ptr<const std::string> bytes{};
};
struct lost {  // the connection to it broke: a hint that it may be gone
  server peer = 0;
};
struct tick {};
using input =
    std::variant<received, propose, read, change, transfer, persisted, snapshotted, lost, tick>;

// ---- outputs
struct record {  // of one step, to be durable as a whole
  std::uint64_t number = 0;
  std::optional<hard_state> state{};
  std::optional<snapshot> base{};  // first: replaces the one before. What it covers of the log goes
  bool restart = false;            // and all of the log with it
  std::optional<std::uint64_t> cut;  // then: entries from here on go
  std::uint64_t first = 0;           // then: these are appended, the first at this index
  std::vector<entry> entries{};
};
struct letter {
  server to = 0;
  message what{};
};
enum class refusal : std::uint8_t {
  not_leader,        // ask the one that `leader` names, if any
  transferring,      // leadership is on its way to another
  change_in_flight,  // one configuration at a time
  too_early,         // nothing of this term is committed yet
  not_caught_up,     // a learner that is to vote lacks too much of the log
  no_such_server,
  no_voters,
  unchanged,
  overloaded,  // too much waits to be committed
};
TROUPE_ENUM(refusal, not_leader, transferring, change_in_flight, too_early, not_caught_up,
            no_such_server, no_voters, unchanged, overloaded)
struct accepted {  // in the log; done once an entry of this index and term is committed
  std::uint64_t cookie = 0;
  std::uint64_t index = 0;
  std::uint64_t term = 0;
  bool operator==(const accepted&) const = default;
};
struct refused {  // certainly not done
  std::uint64_t cookie = 0;
  refusal why{};
  server leader = 0;
  bool operator==(const refused&) const = default;
};
struct readable {  // true of any state that has applied `index`
  std::uint64_t cookie = 0;
  std::uint64_t index = 0;
  bool operator==(const readable&) const = default;
};
enum class event_kind : std::uint8_t { became, leader_is, committed, configured, restored, voted };
TROUPE_ENUM(event_kind, became, leader_is, committed, configured, restored, voted)
struct event {
  event_kind kind{};
  role as{};  // became
  std::uint64_t term = 0;
  std::uint64_t index = 0;  // committed, configured, restored
  server whom = 0;          // leader_is, voted
  bool operator==(const event&) const = default;
};
struct output {
  std::optional<record> persist{};
  std::vector<letter> send_now{};  // at once
  std::vector<letter> send{};      // when all that was persisted so far is durable
  std::vector<accepted> taken{};
  std::vector<refused> turned_away{};
  std::vector<readable> reads{};
  std::optional<snapshot> restore{};  // into the state machine, before anything else is applied
  std::uint64_t committed = 0;        // 0: as before; else entries up to here may be applied
  std::vector<event> events{};
  void clear() { *this = output{}; }
};

// What the journal had; the rest of a first start is nothing but a configuration in `base`.
struct restored {
  hard_state state{};
  snapshot base{};
  std::vector<entry> entries{};  // from base.index + 1 on
};

class replica {
 public:
  // Reads as if the leader had just been heard: votes given before the crash may be a lease's.
  replica(server self, const options& how, restored from, std::uint64_t seed, instant now);

  void step(input in, instant now, output& out);
  instant due() const;  // when it wants the next tick

  server self() const { return self_; }
  role as() const { return role_; }
  std::uint64_t term() const { return state_.term; }
  server vote() const { return state_.vote; }
  server leader() const { return leader_; }
  std::uint64_t commit() const { return commit_; }
  const log& entries() const { return log_; }
  const configuration& config() const { return configs_.current(); }
  std::uint64_t config_index() const { return configs_.index(); }
  const snapshot& base() const { return base_; }
  std::uint64_t durable() const { return durable_; }
  // Whether a snapshot of what is applied should be made, and what for: the log's bytes. Replicas that each let a
  // different number of them come `more` do not stand still for it at the same time.
  bool wants_snapshot(std::uint64_t applied, std::uint64_t more = 0) const {
    return log_.bytes() > std::max<std::uint64_t>(how_.log_bytes, base_.bytes->size()) + more &&
           applied > base_.index;
  }
  // As a leader: until when no other can have been elected (6.4.1); else long ago.
  instant lease() const;
  // As a leader, of others; null: none.
  const progress* follower(server s) const {
    const auto found = others_.find(s);
    return found == others_.end() ? nullptr : &found->second;
  }

 private:
  // raft.cpp
  void on(received& in, instant now, output& out);
  void on(propose& in, instant now, output& out);
  void on(persisted& in, instant now, output& out);
  void on(snapshotted& in, instant now, output& out);
  void on(lost& in, instant now, output& out);
  void on(tick& in, instant now, output& out);
  void on(read& in, instant now, output& out);                   // raft_reads.cpp
  void on(change& in, instant now, output& out);                 // raft_configuration.cpp
  void on(transfer& in, instant now, output& out);               // raft_election.cpp
  bool heed_term(const received& in, instant now, output& out);  // false: not to be read on
  void receive(server from, vote_request& m, instant now, output& out);
  void receive(server from, vote_reply& m, instant now, output& out);
  void receive(server from, append_request& m, instant now, output& out);
  void receive(server from, append_reply& m, instant now, output& out);
  void receive(server from, heartbeat& m, instant now, output& out);
  void receive(server from, heartbeat_reply& m, instant now, output& out);
  void receive(server from, snapshot_part& m, instant now, output& out);
  void receive(server from, snapshot_reply& m, instant now, output& out);
  void receive(server from, timeout_now& m, instant now, output& out);

  // raft_election.cpp
  void become(role as, output& out);
  void follow(std::uint64_t term, server leader, instant now, output& out);
  bool may_stand() const;
  void stand(bool pre, bool transferring, instant now, output& out);
  void count(instant now, output& out);
  void vote_durable(std::uint64_t number, instant now, output& out);
  void lead(instant now, output& out);
  void forgive(duration away);
  void check_quorum(instant now, output& out);
  void wait_anew(instant now);
  bool leader_is_alive(instant now) const;
  void hand_over(output& out);

  // raft_replication.cpp
  std::uint64_t append(entry e, output& out);
  void spread(instant now, output& out);
  void send_entries(server to, progress& p, output& out);
  void beat(instant now, output& out);
  void tell_later(const progress& p, instant now);
  void tell_commit(output& out);
  instant beat_after(instant now) const;
  void heard_from(progress& p, std::uint64_t round, instant now);
  void advance_commit(instant now, output& out);
  void commit_to(std::uint64_t index, output& out);
  void cut(std::uint64_t from, output& out);
  bool take(entry e, output& out);

  // raft_snapshot.cpp
  void send_part(server to, progress& p, output& out);
  void install(snapshot s, output& out);

  // raft_configuration.cpp
  void configured(output& out);
  void on_config_committed(instant now, output& out);

  // raft_reads.cpp
  void ask_round(instant now, output& out);
  void heard_round(instant now, output& out);
  void answer_reads(instant now, output& out);
  void refuse_reads(output& out);

  record& to_persist(output& out);
  void persist_state(output& out);

  const server self_;
  const options how_;
  std::mt19937_64 chance_;

  hard_state state_;
  snapshot base_;
  log log_;
  config_stack configs_;
  std::uint64_t commit_ = 0;
  std::uint64_t records_ = 0;  // given out to be persisted
  struct in_sync {
    std::uint64_t number = 0, upto = 0;
  };
  std::deque<in_sync> syncing_;  // how far the log goes with each of them
  std::uint64_t durable_ = 0;

  role role_ = role::follower;
  server leader_ = 0;
  instant leader_heard_{};
  instant election_at_{};
  bool leader_lost_ = false;  // its connection broke, and it was not heard since
  std::map<server, bool> ballots_;
  std::uint64_t voted_in_ = 0;  // the record with its vote for itself
  std::optional<installation> incoming_;

  // a leader's
  std::map<server, progress> others_;
  std::uint64_t first_of_term_ = 0;
  std::uint64_t uncommitted_bytes_ = 0;
  instant beat_at_{};
  instant tell_at_ = instant::max();  // the followers, of a commit that no request has told them of
  instant led_since_{};
  rounds rounds_;
  server transferring_to_ = 0;
  instant transfer_until_{};
  bool told_to_stand_ = false;
  bool lease_void_ =
      false;  // whoever was told to stand may do so at any time, by leave of the lease
};
}  // namespace troupe::raft

// Zab: one server of an ensemble that agrees on the order of a primary's transactions.
// Sources: F. Junqueira, B. Reed, M. Serafini, "Zab: High-performance broadcast for primary-backup
//   systems", DSN 2011; A. Medeiros, "ZooKeeper's atomic broadcast protocol: Theory and practice",
//   2012, sections 3 (phases) and 4 (as ZooKeeper has it: the leader has the best history already,
//   and followers are brought to it by DIFF, TRUNC, SNAP).
// Beyond them: messages may be lost and overtake each other. Proposals say after what they come,
//   acknowledgements are cumulative, and what gets no answer is said again. A leader steps down for
//   a voter that has accepted a later epoch, who could else never follow it.
//   Promises  S1 integrity        what is committed was proposed, once
//             S2 total order      all commit the same transactions, in the order of their zxids
//             S3 agreement        what one has committed is in every later leader's history
//             S4 primary order    all of epoch e comes before any of e' > e, and those of one epoch
//                                 as its primary proposed them; a primary proposes only once it has
//                                 all that was committed before
//             S5 one leader       at most one is established an epoch, by a quorum whose accepted
//                                 epochs are durable, and a quorum that has its history
//             S6 durability       what is acknowledged, accepted epochs and histories, is durable
//             S7 the accepted and the current epoch, and what is committed, never fall
//             S8 a `read` that is given its place has it no earlier than all that was committed
//                anywhere when it came: a quorum has confirmed since that no later epoch has begun
//             L1 with a quorum that hears each other, an established leader
//   Under     loss, repetition, reordering, delay; crashes, if what was persisted is what `restored`
//             gives, and `life` rises
//   Assumes   `persist` is durable, in order, before `send` of the same and of later steps leaves,
//             and is answered by `persisted`; nothing durable is lost
//   Beware    what a server reads of its own state may be old, also a leader's, but for a `read`
//             a snapshot travels in one message
//   Costs     a transaction: 3 messages a follower, one round trip and two syncs, of which the
//             leader's runs beside the others'; idle: 2 messages a follower and beat; reads: 2
//             messages a follower for all that come while those before them are under way
//   phase           | leader: goes on                    | follower: goes on       | silence
//   election        | decided: itself                    | decided: another        | votes again
//   discovery       | a quorum's ACK-EPOCH, none better  | ACK-EPOCH, SYNCHRONISE  | election
//   synchronisation | a quorum's ACK of NEWLEADER        | UPTODATE                | election
//   broadcast       | -                                  | -                       | election
#pragma once
#include "patterns/consensus/zab/history.hpp"
#include "patterns/consensus/zab/messages.hpp"

#include <limits>
namespace troupe::zab {
enum class phase : std::uint8_t { election, discovery, synchronisation, broadcast };
TROUPE_ENUM(phase, election, discovery, synchronisation, broadcast)

struct options {
  election::options choosing = watched();
  duration beat = std::chrono::milliseconds{40};
  duration silence = std::chrono::milliseconds{300};  // of the leader, or of a quorum
  duration begin = std::chrono::milliseconds{800};    // for discovery and synchronisation
  std::uint64_t request_bytes = 512U << 10U;          // transactions in one message
  std::uint64_t uncommitted_max = 10'000;             // then proposals are refused
  std::size_t early_max = 64;                         // messages that came before their turn
  std::uint32_t counter_max = std::numeric_limits<std::uint32_t>::max();
  static election::options watched() {
    election::options o;
    o.beat = {};
    o.once = false;
    return o;
  }
};

// What must be remembered, whatever else is lost.
struct hard_state {
  std::uint32_t accepted = 0;  // the last NEWEPOCH acknowledged
  server by = 0;               // whose
  std::uint32_t current = 0;   // the last NEWLEADER acknowledged
};
TROUPE_MESSAGE(hard_state, accepted, by, current)
struct snapshot {
  zxid at{};
  std::shared_ptr<const std::string> bytes = std::make_shared<const std::string>();
};

// ---- inputs
struct received {
  server from = 0;
  message what{};
};
struct command {
  std::uint64_t cookie = 0;  // the host's own, for the answer
  std::string bytes{};
};
struct propose {
  std::vector<command> commands{};
};
struct read {  // where to read, so that all that was done before is seen
  std::uint64_t cookie = 0;
};
struct persisted {  // this `record` and all before it are durable
  std::uint64_t number = 0;
};
struct
    snapshotted {  // what the state machine looked like once `at`, which is committed, was applied
  zxid at{};
  std::shared_ptr<const std::string> bytes{};
};
struct lost {  // the connection to it broke: a hint that it may be gone
  server peer = 0;
};
struct tick {};
using input = std::variant<received, propose, read, persisted, snapshotted, lost, tick>;

// ---- outputs
struct record {  // of one step, to be durable as a whole, and read back in this order
  std::uint64_t number = 0;
  std::optional<snapshot> base{};  // replaces the one before, and what it covers
  bool restart = false;            // and all else with it
  std::optional<zxid> cut{};       // transactions after it go
  std::vector<transaction> appended{};
  std::optional<hard_state> state{};
};
struct letter {
  server to = 0;
  message what{};
};
enum class refusal : std::uint8_t { not_leader, overloaded, new_epoch_needed };
TROUPE_ENUM(refusal, not_leader, overloaded, new_epoch_needed)
struct accepted {  // in the leader's history; done once it is committed
  std::uint64_t cookie = 0;
  zxid at{};
  bool operator==(const accepted&) const = default;
};
struct refused {  // certainly not done
  std::uint64_t cookie = 0;
  refusal why{};
  server leader = 0;
  bool operator==(const refused&) const = default;
};
struct readable {  // once everything up to here is applied
  std::uint64_t cookie = 0;
  zxid at{};
  bool operator==(const readable&) const = default;
};
enum class event_kind : std::uint8_t { entered, established, committed, restored };
TROUPE_ENUM(event_kind, entered, established, committed, restored)
struct event {
  event_kind kind{};
  phase where{};            // entered
  std::uint32_t epoch = 0;  // established; else accepted
  server leader = 0;
  zxid at{};  // committed, restored
};
TROUPE_MESSAGE(event, kind, where, epoch, leader, at)
struct output {
  std::optional<record> persist{};
  std::vector<letter> send_now{};  // at once
  std::vector<letter> send{};      // when all that was persisted so far is durable
  std::vector<accepted> taken{};
  std::vector<refused> turned_away{};
  std::vector<readable> reads{};
  std::optional<snapshot> restore{};  // into the state machine, before anything else is applied
  std::optional<zxid> committed{};    // transactions up to here may be applied
  std::vector<event> events{};
  void clear() { *this = output{}; }
};

struct restored {  // what the journal had
  hard_state state{};
  snapshot base{};
  std::vector<transaction> log{};
};

class replica {
 public:
  replica(server self, ensemble of, const options& how, restored from, std::uint64_t life,
          instant now, output& out);
  void step(input in, instant now, output& out);
  instant due() const;  // when it wants the next tick

  server self() const { return self_; }
  phase where() const { return phase_; }
  server leader() const { return leader_; }
  bool leads() const { return leader_ == self_; }
  bool established() const { return leads() && phase_ == phase::broadcast; }
  std::uint32_t epoch() const { return epoch_; }  // a leader's, once it is chosen
  const hard_state& state() const { return state_; }
  zxid committed() const { return committed_; }
  const history& log() const { return log_; }
  const snapshot& base() const { return base_; }
  const fast_election& choosing() const { return election_; }
  struct seen {
    zxid acked{};
    instant heard{};
  };
  std::optional<seen> follower_at(server s) const;  // as its leader sees it
  // All that it goes by, for searches.
  std::string digest() const;

 private:
  enum class stage : std::uint8_t { greeted, discovered, synchronised };
  struct follower {
    std::uint64_t session = 0;
    std::uint32_t accepted = 0;
    stage at = stage::greeted;
    bool counts = false;  // its ACK-EPOCH
    std::uint32_t current = 0;
    zxid last{};                  // when it came
    std::optional<way> how{};     // SYNCHRONISE was sent
    zxid from{}, upto{};          // and NEWLEADER said so
    zxid acked{}, sent{}, was{};  // `was`: acknowledged at the last beat
    std::uint64_t confirmed = 0;  // the last of `confirm`
    instant heard{};
  };
  // zab.cpp
  void on(received& in, instant now, output& out);
  void on(propose& in, instant now, output& out);
  void on(persisted& in, instant now, output& out);
  void on(snapshotted& in, instant now, output& out);
  void on(lost& in, instant now, output& out);
  void on(tick& in, instant now, output& out);
  void look(instant now, output& out);
  void choose(const election::input& in, instant now, output& out);
  void enter(phase p, output& out);
  void commit_to(zxid upto, output& out);
  record& to_persist(output& out);
  void persist_state(output& out) { to_persist(out).state = state_; }
  void append(transaction t, output& out);
  void receive(server from, notification& m, instant now, output& out);

  // zab_leader.cpp
  follower* known(server from, std::uint64_t session, instant now);
  void receive(server from, follower_info& m, instant now, output& out);
  void receive(server from, ack_epoch& m, instant now, output& out);
  void receive(server from, ack_new_leader& m, instant now, output& out);
  void receive(server from, ack& m, instant now, output& out);
  void choose_epoch(output& out);
  void discovered(instant now, output& out);
  void bring_up(server to, follower& f, output& out);
  void say_sync(server to, const follower& f, output& out) const;
  bool send_proposals(server to, follower& f, output& out);
  void establish(output& out);
  void advance(output& out);
  void beat(instant now, output& out);
  void serve(output& out);
  zxid acked_by_quorum() const;
  instant silent_at() const;

  // zab_reads.cpp
  void on(read& in, instant now, output& out);
  void receive(server from, confirm& m, instant now, output& out);
  void receive(server from, confirmed& m, instant now, output& out);
  void ask_whether_leading(output& out);
  void answer_reads(output& out);
  void turn_reads_away(output& out);

  // zab_follower.cpp
  bool of_session(server from, std::uint64_t session, instant now);
  void follow(instant now, output& out);
  void receive(server from, new_epoch& m, instant now, output& out);
  void receive(server from, synchronise& m, instant now, output& out);
  void receive(server from, new_leader& m, instant now, output& out);
  void receive(server from, up_to_date& m, instant now, output& out);
  void receive(server from, proposals& m, instant now, output& out);
  void receive(server from, commit& m, instant now, output& out);
  void take(std::vector<transaction>& what, output& out);

  server self_;
  ensemble of_;
  options how_;
  std::uint64_t life_;
  fast_election election_;
  hard_state state_;
  snapshot base_;
  history log_;
  zxid committed_{};
  std::uint64_t records_ = 0, synced_ = 0;  // given out to be persisted; durable
  struct in_sync {
    std::uint64_t number = 0;
    zxid last{};
  };
  std::deque<in_sync> syncing_;  // the history's end with each of them
  zxid durable_{};

  phase phase_ = phase::election;
  server leader_ = 0;  // decided
  instant since_{};    // it was
  instant beat_at_{};

  // a follower's
  std::uint64_t sessions_ = 0, session_ = 0;
  instant heard_{};
  bool synchronising_ = false;                      // SYNCHRONISE has come
  std::map<zxid, std::vector<transaction>> early_;  // what has a gap before it

  // a leader's
  std::uint32_t epoch_ = 0;
  std::uint64_t accepted_in_ = 0, current_in_ = 0;  // the records that say so
  std::uint64_t uncommitted_ = 0;
  std::map<server, follower> others_;
  struct reading {
    std::uint64_t cookie = 0;
    std::uint64_t number = 0;  // of the round that confirms it
    zxid at{};
  };
  std::deque<reading> reads_;
  std::uint64_t asked_ = 0;  // rounds
};
}  // namespace troupe::zab

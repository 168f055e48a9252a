// One group's replica on this node: Raft's core with a journal, a state machine, and peers that come
// and go. Who needs more of a state machine than apply and query (watches, time) derives from it.
//   Promises  a command is answered `done` only once it is committed and applied here; what is answered
//             `not_leader` or `busy` was not done
//             appends travel while they are being synced here; nothing that a sync must come before
//             leaves before it
//             a client's repeated request takes effect once (patterns/consensus/sessions.hpp)
//   Beware    a journal that fails ends the replica with an error: its node starts anew from disk
//             the log is in memory from the last snapshot on: raft::options::log_bytes
//   Costs     commands that arrive together are synced and sent together
#pragma once
#include "actors/consensus/protocol.hpp"
#include "patterns/consensus/raft/raft.hpp"
#include "patterns/consensus/sessions.hpp"
#include "runtime/event_log.hpp"
#include "runtime/journal/journal.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <caf/event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>
namespace troupe::consensus {
// For whoever is refused: not_ready where trying again may help, already_exists where it is so already.
caf::error to_error(raft::refusal why);

struct give_up_hand_over {  // to the replica itself
  std::uint64_t term = 0;
};
TROUPE_MESSAGE(give_up_hand_over, term)

struct shaken {  // a node's connection broke: it may be gone
  std::string node;
};
TROUPE_MESSAGE(shaken, node)

struct replica_settings {
  std::string group{};
  std::string node{};
  raft::server id = 0;
  raft::options how{};
  std::shared_ptr<journal::journal> log{};
  raft::restored from{};  // what the journal had (storing.hpp)
  std::unique_ptr<state_machine> machine{};
  sessions::settings sessions{};
  event_log_ptr events = event_log::none();
  std::uint64_t seed = 0;
  caf::actor courier{};  // takes heartbeats along (courier.hpp); none: they go by themselves
};

class replica_actor : public caf::event_based_actor {
 public:
  replica_actor(caf::actor_config& config, replica_settings settings);
  caf::behavior make_behavior() override;
  const char* name() const override { return "replica"; }
  void on_exit() override;

 protected:
  // In the actor's own context, for those who derive.
  virtual caf::message_handler more() { return {}; }
  virtual void applied() {}                           // some entries, or a snapshot
  virtual void noted(const std::string& /*note*/) {}  // beside what was submitted to it as leader
  virtual void led(bool /*leads*/) {}  // began or ceased to lead, with all of earlier terms applied
  virtual void ended(const caf::down_msg& /*gone*/) {}  // somebody that `more` has monitored
  // A question to the host (protocol.hpp), asked of it as the leader: a majority has confirmed that it
  // was one after the question had come. Nothing: it is none any more, and nothing was done.
  virtual std::optional<std::string> asked(std::string_view /*question*/) { return std::string{}; }
  void put_in_log(std::string entry);  // as leader, without an answer
  const raft::replica& core() const { return core_; }
  state_machine& machine() { return machine_.inner(); }
  const replica_settings& settings() const { return s_; }
  raft::instant now();

 private:
  struct waiting {  // for an entry to be applied
    std::uint64_t term = 0;
    caf::typed_response_promise<answered> whom;
    bool configures = false;
  };
  struct reader {
    std::string question;
    bool host = false;
    caf::typed_response_promise<answered> whom;
  };
  struct held {  // until this record is durable
    std::uint64_t number = 0;
    std::vector<raft::letter> letters;
  };

  void feed(raft::input in);
  void carry_out();
  void apply_to(std::uint64_t index);
  void draw_snapshot();
  void answer_readers();
  void flush();
  void on_event(const raft::event& e);
  void on_role();
  void post(raft::letter& l);
  void arm();
  void lost(const std::string& node);
  void settle_changes();
  void tell_all();
  answered not_leading(verdict what) const;
  std::string name_of(raft::server id) const;
  group_status status();
  caf::result<answered> on_change(change_members& wanted);
  caf::result<answered> on_hand_over(const hand_over& wanted);
  void on_give_up(std::uint64_t term);

  replica_settings s_;
  raft::replica core_;
  sessions::table machine_;
  raft::output out_;
  std::uint64_t applied_ = 0;
  std::uint64_t cookies_ = 0;
  std::vector<raft::command> batch_;
  bool flushing_ = false;
  std::map<std::uint64_t, caf::typed_response_promise<answered>> proposed_;  // by cookie
  std::multimap<std::uint64_t, waiting> waiting_;                            // by index
  std::map<std::uint64_t, reader> reading_;                                  // by cookie
  std::multimap<std::uint64_t, reader> readable_;                            // by index
  std::vector<held> held_;
  std::uint64_t durable_ = 0, given_ = 0;  // numbers of records
  raft::instant armed_ = raft::instant::max();
  bool late_ = false;  // its tick was, and is put off
  std::mt19937_64 chance_;
  std::uint64_t snapshot_later_ = 0;  // bytes more than a snapshot is due at: replicas take turns
  std::map<std::string, caf::actor> peers_;
  std::map<raft::server, std::string> names_;
  std::vector<caf::actor> told_;
  leads known_{};
  bool leading_ = false;  // and has said so
  std::vector<caf::typed_response_promise<answered>> changing_;
  caf::typed_response_promise<answered> handing_over_;
};
}  // namespace troupe::consensus

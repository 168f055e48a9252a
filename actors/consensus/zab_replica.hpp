// One server of a group that Zab orders: its core with a journal, a state machine, and peers that come
// and go. Speaks protocol.hpp to its users, as a Raft group's replica does (replica.hpp).
//   Promises  a command is answered `done` only once it is committed and applied here; what is answered
//             `not_leader` or `busy` was not done
//             a question that is not stale sees all that was answered `done` before it came: a quorum
//             has confirmed after it came that this replica still leads
//             proposals travel while they are being synced here; nothing that a sync must come before
//             leaves before it; another life of this server is durable before its first word
//             a client's repeated request takes effect once (patterns/consensus/sessions.hpp)
//   Beware    a journal that fails ends the replica with an error: its node starts anew from disk
//             the history is in memory from the last snapshot on: zab_settings::log_bytes; who is behind
//             a snapshot is sent all of it in one message
//             the ensemble is what it was started with: it does not change
//   Costs     commands that arrive together are synced and sent together; questions that arrive
//             together are confirmed by one message a follower and its answer
#pragma once
#include "actors/consensus/protocol.hpp"
#include "actors/consensus/zab_protocol.hpp"
#include "actors/consensus/zab_storing.hpp"
#include "patterns/consensus/sessions.hpp"
#include "patterns/consensus/zab/zab.hpp"
#include "runtime/event_log.hpp"
#include "runtime/journal/journal.hpp"

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
// Where an entry stands, for state machines and status: rises with the zxid.
constexpr std::uint64_t index_of(zab::zxid z) {
  return (std::uint64_t{z.epoch} << 32U) | z.counter;
}

struct zab_settings {
  std::string group{};
  std::string node{};
  zab::server self = 0;
  zab::ensemble of{};
  std::map<zab::server, std::string> names{};  // the nodes of the ensemble; letters tell more
  zab::options how{};
  std::shared_ptr<journal::journal> log{};
  zab_stored from{};  // what the journal had (zab_storing.hpp)
  std::unique_ptr<state_machine> machine{};
  sessions::settings sessions{};
  event_log_ptr events = event_log::none();
  std::uint64_t seed = 0;
  std::uint64_t log_bytes = std::uint64_t{16} << 20;  // of history, then a snapshot is made
};

class zab_replica : public caf::event_based_actor {
 public:
  zab_replica(caf::actor_config& config, zab_settings settings);
  caf::behavior make_behavior() override;
  const char* name() const override { return "zab-replica"; }
  void on_exit() override;

 protected:
  // In the actor's own context, for those who derive.
  virtual caf::message_handler more() { return {}; }
  virtual void applied() {}  // some entries, or a snapshot
  virtual void led(bool /*leads*/) {
  }  // began or ceased to lead, with all of earlier epochs applied
  virtual void ended(const caf::down_msg& /*gone*/) {}  // somebody that `more` has monitored
  // An entry that a client wants in the log, as the leader: it may be changed. An answer's bytes:
  // it stays out, and nothing was done.
  virtual std::optional<std::string> admit(std::string& /*entry*/) { return std::nullopt; }
  // A question to the host (protocol.hpp), asked of it as the leader: a quorum has confirmed that it
  // was one after the question had come. Nothing: it is none any more, and nothing was done.
  virtual std::optional<std::string> asked(std::string_view /*question*/) { return std::string{}; }
  void put_in_log(std::string entry);  // as leader, without an answer
  const zab::replica& core() const { return core_; }
  state_machine& machine() { return machine_.inner(); }
  const zab_settings& settings() const { return s_; }
  zab::instant now();
  bool in_touch() const { return core_.where() == zab::phase::broadcast; }

 private:
  struct reader {
    std::string question;
    bool host = false;
    caf::typed_response_promise<answered> whom;
  };
  struct held {  // until this batch is durable
    std::uint64_t number = 0;
    std::vector<zab::letter> letters;
  };

  void feed(zab::input in);
  void carry_out();
  void settle_requests();
  void persist(journal::batch what, std::uint64_t record);
  void apply_to(zab::zxid upto);
  bool restore(const zab::snapshot& base);
  void snapshot_if_due();
  void draw_snapshot();
  void answer_readers();
  void flush();
  void on_event(const zab::event& e);
  void on_role();
  void post(zab::letter& l);
  void arm();
  void lost(const std::string& node);
  void tell_all();
  answered not_leading(verdict what) const;
  std::string name_of(zab::server id) const;
  std::string leader_name() const;
  group_status status();
  caf::result<answered> fixed() const;  // what it answers to those who would change the ensemble

  zab_settings s_;
  zab_ledger ledger_;
  zab::output out_;
  zab::replica core_;
  sessions::table machine_;
  zab::zxid applied_{};
  std::uint64_t log_bytes_ = 0;  // applied since the last snapshot
  std::uint64_t cookies_ = 0;
  std::vector<zab::command> batch_;
  bool flushing_ = false;
  std::map<std::uint64_t, caf::typed_response_promise<answered>> proposed_;  // by cookie
  std::map<zab::zxid, caf::typed_response_promise<answered>> waiting_;       // to be applied
  std::map<std::uint64_t, reader> reading_;                                  // by cookie
  std::multimap<zab::zxid, reader> readable_;
  std::vector<held> held_;
  std::uint64_t durable_ = 0, given_ = 0;  // numbers of batches
  zab::instant armed_ = zab::instant::max();
  bool late_ = false;  // its tick was, and is put off
  std::mt19937_64 chance_;
  std::uint64_t snapshot_later_ = 0;  // bytes more than a snapshot is due at: replicas take turns
  std::map<std::string, caf::actor> peers_;
  std::map<zab::server, std::string> names_;
  std::vector<caf::actor> told_;
  leads known_{};
  bool leading_ = false;  // and has said so
};
}  // namespace troupe::consensus

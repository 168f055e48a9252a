// One group's replica on this node: Raft's core with a journal, a state machine, and peers that come
// and go (replica_frame.hpp). Who needs more of a state machine than apply and query (watches, time) derives from it.
//   Promises  a command is answered `done` only once it is committed and applied here; what is answered
//             `not_leader` or `busy` was not done
//             appends travel while they are being synced here; nothing that a sync must come before
//             leaves before it
//             a client's repeated request takes effect once (patterns/consensus/sessions.hpp)
//   Beware    a journal that fails ends the replica with an error: its node starts anew from disk
//             the log is in memory from the last snapshot on: raft::options::log_bytes
//   Costs     commands that arrive together are synced and sent together
#pragma once
#include "actors/consensus/replica_frame.hpp"
#include "patterns/consensus/raft/raft.hpp"
#include "runtime/event_log.hpp"

#include <memory>
#include <string>
#include <vector>
namespace troupe::consensus {
// For whoever is refused: not_ready where trying again may help, already_exists where it is so already.
caf::error to_error(raft::refusal why);

struct give_up_hand_over {  // to the replica itself
  std::uint64_t term = 0;
};
TROUPE_MESSAGE(give_up_hand_over, term)

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

class replica_actor : public replica_frame {
 public:
  replica_actor(caf::actor_config& config, replica_settings settings);
  const char* name() const override { return "replica"; }
  void on_exit() override;

 protected:
  // In the actor's own context, for those who derive.
  virtual void noted(const std::string& /*note*/) {}  // beside what was submitted to it as leader
  void put_in_log(std::string entry);                 // as leader, without an answer
  const raft::replica& core() const { return core_; }
  const replica_settings& settings() const { return s_; }

 private:
  bool restart() override;
  caf::message_handler own() override;
  raft::instant due() const override { return core_.due(); }
  bool may_depose() const override { return core_.as() != raft::role::leader; }
  void tick() override { feed(raft::tick{}); }
  void propose() override { feed(raft::propose{std::exchange(batch_, {})}); }
  void read(std::uint64_t cookie) override { feed(raft::read{cookie}); }
  void persisted(std::uint64_t record) override;
  void lost(const std::string& node) override;
  std::string leader_name() const override { return name_of(core_.leader()); }
  void feed(raft::input in);
  void carry_out();
  void apply_to(std::uint64_t index);
  void on_event(const raft::event& e);
  void on_role();
  void post(raft::letter& l);
  void settle_changes();
  group_status status();
  caf::result<answered> on_change(change_members& wanted);
  caf::result<answered> on_hand_over(const hand_over& wanted);
  void on_give_up(std::uint64_t term);

  replica_settings s_;
  raft::replica core_;
  raft::output out_;
  std::uint64_t applied_ = 0;
  std::vector<raft::command> batch_;
  held_letters<raft::letter> held_;
  std::vector<promise> changing_;
  promise handing_over_;
};
}  // namespace troupe::consensus

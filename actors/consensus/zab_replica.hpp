// One server of a group that Zab orders: its core with a journal, a state machine, and peers that come
// and go (replica_frame.hpp). Speaks protocol.hpp to its users, as a Raft group's replica does (replica.hpp).
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
#include "actors/consensus/replica_frame.hpp"
#include "actors/consensus/zab_protocol.hpp"
#include "actors/consensus/zab_storing.hpp"
#include "patterns/consensus/zab/zab.hpp"
#include "runtime/event_log.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>
namespace troupe::consensus {
// An entry's place, for who waits for it, state machines and status: rises with the zxid.
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

class zab_replica : public replica_frame {
 public:
  zab_replica(caf::actor_config& config, zab_settings settings);
  const char* name() const override { return "zab-replica"; }

 protected:
  // In the actor's own context, for those who derive.
  // An entry that a client wants in the log, as the leader: it may be changed. An answer's bytes:
  // it stays out, and nothing was done.
  virtual std::optional<std::string> admit(std::string& /*entry*/) { return std::nullopt; }
  void put_in_log(std::string entry);  // as leader, without an answer
  const zab::replica& core() const { return core_; }
  const zab_settings& settings() const { return s_; }
  bool in_touch() const { return core_.where() == zab::phase::broadcast; }

 private:
  bool restart() override;
  caf::message_handler own() override;
  zab::instant due() const override { return core_.due(); }
  bool may_depose() const override { return true; }
  void tick() override { feed(zab::tick{}); }
  void propose() override { feed(zab::propose{std::exchange(batch_, {})}); }
  void read(std::uint64_t cookie) override { feed(zab::read{cookie}); }
  void persisted(std::uint64_t record) override;
  void lost(const std::string& node) override;
  std::string leader_name() const override;
  void feed(zab::input in);
  void carry_out();
  void apply_to(zab::zxid upto);
  bool restore(const zab::snapshot& base);
  void snapshot_if_due();
  void on_event(const zab::event& e);
  void on_role();
  void post(zab::letter& l);
  group_status status();
  caf::result<answered> fixed() const;  // what it answers to those who would change the ensemble

  zab_settings s_;
  zab_ledger ledger_;
  zab::output out_;
  zab::replica core_;
  zab::zxid applied_{};
  std::uint64_t log_bytes_ = 0;  // applied since the last snapshot
  std::vector<zab::command> batch_;
  held_letters<zab::letter> held_;
};
}  // namespace troupe::consensus

// The actor behind cluster/replicated_log.hpp: log_keeper.cpp founds and starts, log_keeper_members.cpp changes who belongs.
#pragma once
#include "actors/consensus/replica.hpp"
#include "actors/consensus/storing.hpp"
#include "cluster/replicated_log.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/peers.hpp"

#include <deque>
#include <map>
#include <optional>

#include <caf/event_based_actor.hpp>
namespace troupe {
struct opened_store {
  journal::store_ptr store;
  std::shared_ptr<journal::journal> promises, log;
  std::optional<founding::charter> promise;
  raft::restored from;
};
using store_opener = std::function<result<opened_store, std::string>()>;

class log_keeper : public caf::event_based_actor {
 public:
  log_keeper(caf::actor_config& config, replicated_log_settings settings,
             std::optional<opened_store> found, store_opener open, caf::actor client,
             caf::actor groups, caf::actor tree);
  caf::behavior make_behavior() override;
  const char* name() const override { return "log-keeper"; }
  void on_exit() override;

 private:
  struct peer {
    caf::actor keeper;
    founding::presence who;
    caf::actor replica;
  };
  struct joining {  // a node that is to belong
    log_add wanted;
    caf::typed_response_promise<consensus::answered> whom;
    raft::instant until{};
    bool learns = false;  // it does already
    bool asking = false;  // an answer is awaited
  };

  raft::instant now();
  // log_keeper.cpp
  bool open_now();
  void start_replica();
  consensus::replica_settings replica_settings_for(raft::restored from);
  void present(const caf::actor& to, bool asks = false);
  void present_all();
  void on_presence(const log_presence& m, const caf::actor& keeper);
  void found(const founding::input& in);
  void carry_out(founding::output&& out);
  void do_now(founding::output& out);
  void begin(const founding::charter& what);
  void begun();
  void enter(const std::string& cluster);

  // log_keeper_members.cpp
  const peer* leaders_peer();
  template <class Order>
  caf::result<consensus::answered> at_leader(
      Order wanted, caf::result<consensus::answered> (log_keeper::*here)(Order&));
  caf::result<consensus::answered> add(log_add& wanted);
  caf::result<consensus::answered> remove(log_remove& wanted);
  caf::result<consensus::answered> transfer(log_transfer& wanted);
  caf::result<consensus::group_status> status(const log_status_query& wanted);
  caf::result<consensus::answered> add_here(log_add& wanted);
  caf::result<consensus::answered> remove_here(log_remove& wanted);
  caf::result<consensus::answered> transfer_here(log_transfer& wanted);
  template <class Order>
  void hand(caf::typed_response_promise<consensus::answered> promise, Order order);
  void help_joining();
  void help(std::uint64_t number);
  caf::error no_log() const;
  void look_later();

  replicated_log_settings s_;
  std::optional<opened_store> opened_;
  store_opener open_;
  caf::actor client_, groups_, tree_;
  founding::founder founder_;
  caf::actor replica_;
  consensus::leads leads_{};
  std::map<std::string, peer> peers_;
  std::deque<std::pair<bool, founding::output>>
      held_;  // behind a promise that is being written: true
  std::map<std::uint64_t, joining> joining_;
  std::uint64_t numbers_ = 0;
  bool looking_ = false, told_waiting_ = false;
  raft::instant said_{};
};
}  // namespace troupe

// The actor behind cluster/groups.hpp: group_keeper.cpp opens and founds, group_members.cpp lets groups follow the log.
#pragma once
#include "actors/consensus/courier.hpp"
#include "cluster/groups.hpp"
#include "cluster/replicated_log.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/peers.hpp"

#include <map>
#include <optional>

#include <caf/event_based_actor.hpp>
namespace troupe {
struct group_charter {  // in the map
  std::vector<raft::peer> voters;
};
TROUPE_MESSAGE(group_charter, voters)

class group_keeper : public caf::event_based_actor {
 public:
  group_keeper(caf::actor_config& config, group_settings settings);
  caf::behavior make_behavior() override;
  const char* name() const override { return "group-keeper"; }
  void on_exit() override;

 private:
  struct peer {
    caf::actor keeper;
    std::map<std::string, caf::actor> replicas;  // by group
  };
  struct group {
    machine_maker make;
    caf::actor client, replica;
    std::shared_ptr<journal::journal> log;  // while there is no replica: it is empty
    bool waits = true;                      // for the map to say who founds it
    bool asking = false;                    // an answer is awaited
  };

  // group_keeper.cpp
  void open(open_group& wish);
  void revive(const std::string& name, group& g);
  void found(const std::string& name, group& g);
  void propose(const std::string& name);
  void decided(const std::string& name, const group_charter& what);
  void start(const std::string& name, group& g, raft::restored from);
  void on_presence(const group_presence& m);
  void lost(const std::string& node);
  peer& met(const std::string& node, const caf::actor& keeper);
  void present(const caf::actor& to, bool asks);
  void look();
  void look_later();
  group* waiting(const std::string& name);  // that has no replica yet

  // group_members.cpp
  void follow(const std::string& name, group& g);
  void bring_closer(const std::string& name, const raft::configuration& wanted,
                    const raft::configuration& is);
  caf::result<consensus::group_status> status(const log_status_query& wanted);

  group_settings s_;
  caf::actor courier_, log_keeper_;
  journal::store_ptr store_;
  std::map<std::string, group> groups_;
  std::map<std::string, peer> peers_;
  bool looking_ = false;
};
}  // namespace troupe

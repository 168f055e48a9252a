// The coordination tree's replica on this node: Zab's replica with the tree as its state machine, the
// watches that it serves, and, while it leads, the time of the sessions.
//   Promises  any replica serves watches, observers too; an event leaves after what it tells of can be
//             read here. A watcher that ends, or whose node is gone, is forgotten; a replica that ends
//             tells its watchers `watch_closed`
//             a touch is answered `touched` only by a leader that a quorum has confirmed after it had
//             come; a session that is silent for too long is ended by an entry that is void in any epoch
//             but the one of the leader that counted its time
//             what only the leader may put in is taken from nobody else
//   Beware    requests under a session do not keep it alive: touches do
//             a follower that is cut off goes on serving what it knows: watch_pong says so
//             nothing but the links holds back events to a watcher that is slow
//   Costs     a change: a message to each watch that it concerns; a touch: a part of a round of
//             confirmations, and no entry
#pragma once
#include "actors/consensus/zab_replica.hpp"
#include "actors/tree/protocol.hpp"
#include "patterns/tree/machine.hpp"
#include "patterns/tree/sessions.hpp"
#include "patterns/tree/watches.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <caf/actor_addr.hpp>
namespace troupe::tree {
struct sessions_tick {};  // to the replica itself
TROUPE_MESSAGE(sessions_tick)
struct reap_tick {};
TROUPE_MESSAGE(reap_tick)

instant wall_clock();

struct tree_replica_settings {
  consensus::zab_settings zab{};               // its machine is made here
  tree_settings bounds{};                      // the same on all replicas
  watch_settings watches{};                    // of one: of one actor that watches
  duration reap{10'000};                       // between two looks for containers that are empty
  std::function<instant()> wall = wall_clock;  // the time that requests are stamped with
};

class tree_replica : public consensus::zab_replica {
 public:
  tree_replica(caf::actor_config& config, tree_replica_settings settings);
  const char* name() const override { return "tree-replica"; }
  void on_exit() override;

 protected:
  caf::message_handler more() override;
  void applied() override;
  void led(bool leads) override;
  void ended(const caf::down_msg& gone) override;
  std::optional<std::string> admit(std::string& entry) override;
  std::optional<std::string> asked(std::string_view question) override;

 private:
  using whose = std::pair<caf::actor_addr, watch_id>;  // and the watcher's own id
  struct watcher {
    caf::actor whom;
    watch_id id = 0;
    watch what;
    std::optional<zxid> seen{};
  };

  const data_tree& content();
  void saw(const data_tree& t, const effect* done);
  void add_watch(set_watch& wish);
  void begin(watcher_id id);
  void begin_those_behind();
  void deliver();
  void forget(watcher_id id);
  std::optional<watcher_id> of_sender(watch_id id);
  void put_command(command what);
  void expire();
  void reap();
  void arm_sessions();
  void reap_later();
  instant now_early();  // whole milliseconds: not after, and not before the time as it is
  instant now_late();

  duration reap_;
  std::function<instant()> wall_;
  watch_settings bounds_;
  watches hub_;
  watch_output firing_;
  session_clock sessions_;
  std::map<watcher_id, watcher> watchers_;  // by the hub's ids
  std::map<whose, watcher_id> ids_;
  std::map<caf::actor_addr, std::uint32_t> of_one_;
  std::multimap<zxid, watcher_id> behind_;  // to be set once this replica is there
  watcher_id last_id_ = 0;
  std::optional<instant> sessions_armed_;
  bool reaping_ = false;
};
}  // namespace troupe::tree

// The replicated map's replica on this node: the log's replica with the map as its state machine,
// the watches that it serves, and, while it leads, the time of the leases.
//   Promises  any replica serves watches; revisions are the same at all of them, so that a watch goes
//             on at another (watch_hub.hpp). A watcher that ends, or whose node is gone, is forgotten;
//             a replica that ends tells its watchers `closed`
//             a keepalive is answered `kept` only by a leader that a majority has confirmed after the
//             keepalive had come (lease_keeper.hpp)
//             a lease that has run out is revoked through the log, by an entry that is void in any
//             term but the one of the leader that counted its time
//   Beware    a follower that is cut off goes on serving what it knows: watch_pong says so
//   Costs     a change: a message to each watcher that it concerns; a keepalive: a part of a round of
//             heartbeats, and no entry
#pragma once
#include "actors/consensus/replica.hpp"
#include "actors/storage/protocol.hpp"
#include "patterns/storage/map_machine.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <caf/actor_addr.hpp>
namespace troupe::storage {
struct lease_tick {};  // to the replica itself
TROUPE_MESSAGE(lease_tick)
struct progress_tick {};
TROUPE_MESSAGE(progress_tick)

struct map_replica_settings {
  consensus::replica_settings log{};  // its machine is made here
  map_settings bounds{};              // the same on all replicas
  watch_settings watches{};
  duration progress{1000};  // between two notes of progress to a watcher of what does not change
};

class map_replica : public consensus::replica_actor {
 public:
  map_replica(caf::actor_config& config, map_replica_settings settings);
  const char* name() const override { return "map-replica"; }
  void on_exit() override;

 protected:
  caf::message_handler more() override;
  void applied() override;
  void noted(const std::string& note) override;
  void led(bool leads) override;
  void ended(const caf::down_msg& gone) override;
  std::optional<std::string> asked(std::string_view question) override;

 private:
  using whose = std::pair<caf::actor_addr, watch_id>;  // and the watcher's own id
  struct watcher {
    caf::actor whom;
    watch_id id = 0;
    bool once = false;
  };

  const map& content();
  void saw(const map& m, const command* c, const reply* r);
  void open(const open_watch& wish);
  void deliver(watch_output& out);
  void forget(watch_id id);
  std::optional<watch_id> of_sender(watch_id id);
  void note_progress();
  void arm_leases();
  void expire();
  instant now_early();  // whole milliseconds: not after, and not before the time as it is
  instant now_late();

  duration progress_;
  watch_hub hub_;
  lease_keeper leases_;
  std::map<watch_id, watcher> watchers_;  // by the hub's ids
  std::map<whose, watch_id> ids_;
  std::set<caf::actor_addr> known_;  // and monitored, as long as they live
  watch_id last_id_ = 0;
  bool progressing_ = false;
  std::optional<instant> leases_armed_;
};
}  // namespace troupe::storage

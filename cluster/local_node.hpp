// What a program sees of the node that it runs on, be it a process (node.hpp) or one of many in the simulator
// (simulator.hpp): write what starts your actors against this, and it runs on both.
//   void begin(troupe::local_node& n) { n.own(n.system().spawn(greeter, n.receptionist())); }
//   troupe::node node{settings, begin};     // a process
//   sim.start(5, begin);                    // five simulated ones
#pragma once
#include "cluster/groups.hpp"
#include "cluster/management.hpp"
#include "runtime/event_log.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe {
// The members as one node sees them.
class member_list : public std::vector<management::member_row> {
 public:
  using std::vector<management::member_row>::vector;
  std::size_t up() const;                                           // and reachable
  std::size_t reachable() const;                                    // in whatever state
  const management::member_row* find(std::string_view name) const;  // null: no such member
};

class local_node {
 public:
  virtual ~local_node() = default;
  virtual const std::string& name() const = 0;
  virtual std::string address() const = 0;  // HOST:PORT as bound
  virtual caf::actor_system& system() = 0;
  virtual caf::actor receptionist() = 0;
  virtual caf::actor membership() = 0;
  // The way to the replicated log (actors/consensus/client.hpp), for spawn_map, spawn_watcher, spawn_lease_holder
  // (actors/storage) and elections.
  virtual caf::actor log() = 0;
  // The way to the coordination tree (patterns/tree), for spawn_tree and spawn_tree_watcher (actors/tree). The first call
  // on any node of the cluster begins it, on the voters that the log has then.
  virtual caf::actor tree() = 0;
  // Service names: an actor holds a name that nobody else in the cluster holds (actors/storage/names.hpp).
  virtual caf::actor names() = 0;
  // A state machine of your own, replicated on the log's voters; the same call on every node, and in each of its lives.
  // Returns its client (actors/consensus/client.hpp: command, question), which works on nodes without a replica, too.
  // A name that is none (groups.hpp) throws std::invalid_argument.
  virtual caf::actor group(const std::string& name, machine_maker make) = 0;
  virtual event_log_ptr events() const = 0;
  virtual member_list members() = 0;
  // Keeps the actor alive, and ends it with the node.
  virtual caf::actor own(caf::actor actor) = 0;
};
}  // namespace troupe

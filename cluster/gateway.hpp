// The front of a node: the one actor that peers and clients are given as their links come up.
//   Peers     membership's and the receptionist's messages are passed on; what else a peer's node offers is asked for
//             with services_query, so that peer_up and peer_down reach this node's tracker, keepers and names
//   Clients   requests of management.hpp are answered; what they change is asked of membership, the tracker or the log
//   Leaving   is the node's own affair, for it hands its work over first: the order goes to the gateway of the node that
//             shall leave, and to membership only where that one cannot be reached, or where nobody runs its node
//   The node  is told when it has to end: it was downed, it has left, a client ordered it to leave or to stop
#pragma once
#include "cluster/address_book.hpp"
#include "cluster/local_node.hpp"
#include "patterns/membership/downing.hpp"
#include "patterns/message.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe {
namespace membership {
struct view_reply;
}
enum class ending { signal, left, downed, ordered, stopped };

struct gateway_parts {
  std::string node;
  std::string cluster;
  membership::strategy downing;  // as configured
  caf::actor membership;
  caf::actor receptionist;
  caf::actor tracker;
  caf::actor worker;
  caf::actor log{};         // the keeper of the replicated log
  caf::actor log_client{};  // the way to the replicated map
  caf::actor tree_keeper{}, tree{};  // of the coordination tree, and the way to it
  caf::actor names{};       // service names
  caf::actor elections{};   // their keeper
  std::shared_ptr<address_book> addresses;
  // From the gateway's thread; must not block. False: nobody waits for what it says.
  std::function<bool(ending)> ended;
};

struct services_query {  // answered with services_reply
  std::string from;
};
TROUPE_MESSAGE(services_query, from)
struct services_reply {
  std::string node;
  caf::actor worker;
  caf::actor log{};
  caf::actor names{};
  caf::actor elections{};
};
TROUPE_MESSAGE(services_reply, node, worker, log, names, elections)

// A member's view as clients get it.
member_list rows_of(const membership::view_reply& seen);

caf::actor spawn_gateway(caf::actor_system& system, gateway_parts parts);
}  // namespace troupe

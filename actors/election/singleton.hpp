// A user's actor that runs on one node at a time, and elsewhere when that node is gone.
//   auto manager = spawn_singleton(system, client, {.name = "billing", .node = "a"},
//       [=](caf::actor_system& s, std::uint64_t token) { return s.spawn(billing, token, ledger); });
//   auto billing = spawn_singleton_proxy(system, client, {.name = "billing"});   // on any node
//   send(billing, peer_up{"a", manager});               // whoever composes nodes does this
//   Promises  the actor runs only while its node leads the election of its name: it is killed at the
//             lease's deadline, `margin` before another node can win, and its node gives the lease
//             back only once the actor has ended. So no two run at once, while clocks keep within
//             `margin` over one ttl, and the actor's longest handler and the scheduler do as well
//             taken over within ttl + 1 s of its node's end, and twice the ttl when the map's leader
//             dies with it (lease_keeper.hpp)
//             tokens rise from one to the next, also when it is begun anew on the same node
//   Beware    a node that is frozen past its lease does not know it, and its actor goes on for a
//             moment when it wakes: everything that the actor does elsewhere must carry its token,
//             and what it does it to must refuse older ones: fenced<Resource> or fence
//             (patterns/consensus/fence.hpp). Without that, "one at a time" holds inside the cluster
//             but not for the world outside
//   Beware    the actor must end when it is killed: no blocking, no detached threads that go on
//   Messages  to the manager: leave_singleton: it stops its actor and stands no more, and ends.
//             Anything else is for the proxy's use
//   Proxy     passes on whatever it is sent; while none runs (or it is not known where) it keeps up
//             to `buffer` messages in order, and refuses what is beyond: overloaded. What was on its
//             way to one that ended is lost, as to any actor: requests say so
#pragma once
#include "patterns/message.hpp"
#include "patterns/storage/campaign.hpp"

#include <cstdint>
#include <functional>
#include <string>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe::election {
struct singleton_settings {
  std::string name{};  // the singleton's: of its election
  std::string node{};  // this one's
  settings bounds{};
  storage::duration restart{500};  // after it has ended by itself
};
// Makes the actor, whose effects are to carry the token. It may not fail.
using singleton_factory = std::function<caf::actor(caf::actor_system&, std::uint64_t token)>;
// `client`: actors/consensus/client.hpp.
caf::actor spawn_singleton(caf::actor_system& system, caf::actor client,
                           singleton_settings settings, singleton_factory make);
struct leave_singleton {};
TROUPE_MESSAGE(leave_singleton)

struct singleton_proxy_settings {
  std::string name{};
  std::string prefer{};  // as in observer_settings
  std::uint32_t buffer = 1'024;
};
// Node to proxy: peer_up, peer_down (runtime/peers.hpp): managers and their nodes.
caf::actor spawn_singleton_proxy(caf::actor_system& system, caf::actor client,
                                 singleton_proxy_settings settings);

// ---- proxy to manager: answered with the actor's handle, once it runs with this token
struct where_is {
  std::uint64_t token = 0;
};
TROUPE_MESSAGE(where_is, token)
void register_election_types(caf::actor_system_config& config);
}  // namespace troupe::election

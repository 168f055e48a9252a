// Leadership by the replicated map, in etcd's habits: campaign, proclaim, resign, observe.
//   auto c = spawn_campaign(system, client, owner, {.election = "billing", .name = "node-a"});
//   self->request(c, 5s, election::campaign{"10.0.0.1:80"}).then([] {}, [](caf::error& why) { ... });
//   // the owner:  [=](const elected& e) { act, and let everything you do carry e.token; }
//   //             [=](const lost& l) { stop: when this returns, another may begin; }
//   Messages  campaign, proclaim, resign -> nothing, or `refused`; retire: resigns, and ends
//             observe: who sent it is told leader and vacant (spawn_observer), until it ends
//   To the owner  elected; lost, as a request; proclaimed; declined (for good: idle again)
//   Promises  those of the core (patterns/storage/campaign.hpp): tokens rise from leader to leader,
//             and a leader who loses touch is told at its deadline, `margin` before the map can let
//             another win
//             of its own accord it gives the lease back only once the owner has taken `lost`: when
//             its handler has returned, or the promise that it returned is kept
//   Beware    an owner frozen past its lease does not know: what it acts on must refuse old tokens
//             (patterns/consensus/fence.hpp)
//   Beware    it does not campaign again by itself
//   Costs     see the core; one more watcher
#pragma once
#include "patterns/storage/campaign.hpp"
#include "patterns/storage/observe.hpp"

#include <string>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe::election {
TROUPE_MESSAGE(campaign, value)
TROUPE_MESSAGE(proclaim, value)
TROUPE_MESSAGE(resign)
struct observe {};
TROUPE_MESSAGE(observe)
struct retire {};
TROUPE_MESSAGE(retire)

struct campaign_settings {
  std::string election{};
  std::string name{};  // the candidate's: its node, say
  settings bounds{};
  std::string prefer{};  // the node whose replica is watched first: the own
  // An owner that ends has let go; where others act for it, the lease must run out by itself.
  bool resigns_with_owner = true;
};
// `client`: actors/consensus/client.hpp.
caf::actor spawn_campaign(caf::actor_system& system, caf::actor client, caf::actor owner,
                          campaign_settings settings);

struct observer_settings {
  std::string election{};
  std::string prefer{};
  storage::duration retry{200};
  storage::duration patience{5000};  // with one read
};
// Tells `whom` leader{name, value, token} and vacant{} as they change; ends with it.
caf::actor spawn_observer(caf::actor_system& system, caf::actor client, caf::actor whom,
                          observer_settings settings);
}  // namespace troupe::election

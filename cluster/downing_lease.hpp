// The keeper of lease-majority's lease, of one node: what patterns/membership/arbiter.hpp decides, kept in the replicated map.
//   lease_claim -> lease_answer; lease_return -> nothing. One at a time, in the order in which they come
//   Keys      /troupe/downing/CLUSTER/holder, the side that has it and whom it gives up, under a lease of `held_for` that is
//             not kept alive: it frees itself, whoever dies; /troupe/downing/CLUSTER/dead, all that were given up, which stays.
//             CLUSTER is that of membership: one that was formed anew begins anew
//   Promises  each step is one transaction on both keys as they were read, or is not made; `granted` is in the log
//             `failed` is an outcome that nobody knows: the same claim may be asked again, and gives the same
//   Assumes   nobody else writes below /troupe/downing
//   Costs     a read, a lease and a transaction a claim
#pragma once
#include "patterns/membership/arbiter.hpp"

#include <chrono>
#include <string>

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/fwd.hpp>
namespace troupe {
struct downing_lease_settings {
  std::chrono::milliseconds held_for{40'000};
  std::chrono::milliseconds patience{5'000};  // with one order
};
// `client`: actors/consensus/client.hpp.
caf::actor spawn_downing_lease(caf::actor_system& system, caf::actor client,
                               downing_lease_settings settings = {});
}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::membership::lease_claim)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::membership::lease_return)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::membership::lease_answer)

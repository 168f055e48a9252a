// A node's way to a replicated group: finds the leader, and carries commands through its changes.
//   command, question -> reply, or an error: not_ready or overloaded (not done), timeout (unknown)
//   Promises  a command takes effect once, however often it had to be sent (client sessions); an error
//             tells "certainly not done" from "unknown"
//             questions are linearizable, unless stale
//   tell_replicas -> peer_up, peer_down of the group's replicas, as this client is told of them
//   tell_leader -> leads, as far as this client knows; never an empty one
//   Node to client  peer_up, peer_down: replicas of the group and their nodes; leads
//   Costs     one session of the group; a command to the leader is one message there and one back
#pragma once
#include "actors/consensus/protocol.hpp"

#include <chrono>
#include <cstdint>
#include <string>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe::consensus {
struct client_settings {
  std::string group{};
  std::string node{};
  std::chrono::milliseconds patience{5'000};  // with one command or question
  std::chrono::milliseconds silence{400};     // of the one that was asked, before another is
  std::uint32_t window = 4'096;               // under way, then `overloaded`
};
caf::actor spawn_client(caf::actor_system& system, client_settings settings);
}  // namespace troupe::consensus

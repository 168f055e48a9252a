// The membership actor: hosts one node's SWIM member (patterns/membership/swim.hpp) on the links of its system.
//   Wire       ping, ping_request, ack, nack, gossip, sync, join, welcome, turned_away, with high priority, to the
//              peers' gateways, which pass them on; whose sender is not who it claims to be is dropped and counted
//   Local      get_view -> view_reply; leave, down -> nothing or an error with a sentence; subscribe: all members as
//              events, then each event as it comes
//   Links      a lost one is a hint to the core, a returned one too; a peer without one is dialed when there is
//              something to say, which waits for it: the newest `waiting_max` messages an address. A seed may be
//              written in another way than its peer calls itself, and may be this node itself
#pragma once
#include "patterns/membership/events.hpp"
#include "patterns/membership/options.hpp"
#include "patterns/membership/swim.hpp"
#include "runtime/event_log.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/fwd.hpp>
namespace troupe {
namespace membership {
struct get_view {};
struct view_reply {
  member_id self;
  standing where = standing::looking;
  std::uint64_t cluster = 0;
  std::vector<record> members;
  std::vector<double> suspicion;   // of each of them
  std::vector<std::string> known;  // addresses for the node that takes this one's place
};
struct subscribe {
  caf::actor who;
};
}  // namespace membership

struct membership_settings {
  membership::options how;
  std::string name;
  std::string address;
  std::vector<std::string> roles;
  std::vector<std::string> seeds;
  std::vector<std::string> known{};  // of the life before
  // Gets the other members' addresses when they have changed; from the actor's thread, must not block.
  std::function<void(const std::vector<std::string>&)> remember{};
  event_log_ptr events = event_log::none();
  caf::actor lease{};  // cluster/downing_lease.hpp, for lease-majority
};
caf::actor spawn_membership(caf::actor_system& system, membership_settings settings);
void register_membership_types(caf::actor_system_config& config);
}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::membership::get_view)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::membership::view_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::membership::subscribe)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::membership::event)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::membership::leave)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::membership::down)

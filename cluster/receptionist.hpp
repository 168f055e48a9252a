// The receptionist: actors register under a service key, anyone asks for a key's current handles or
// subscribes to them. One on each node; each tells the others what its node's actors offer
// (patterns/membership/receptionist.hpp). node.receptionist() gives it.
//   self->request(receptionist, 1s, register_service{"printer", self});
//   self->send(receptionist, subscribe_service{"printer", self});   // service_listing, now and at changes
//   Promises  eventually the same listing everywhere; the handles of a node that is unreachable, down or
//             leaving, or whose link's session is over, leave the listing at once; an actor that dies
//             leaves it with its node's next word
//   Beware    a listed handle may have died this instant: request, and have a time-out
//   Requests  register_service, deregister_service -> nothing or an error with a sentence; find_service ->
//             service_listing; (un)subscribe_service -> nothing. From this node or any other
#pragma once
#include "patterns/membership/receptionist.hpp"
#include "patterns/message.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe {
struct register_service {
  std::string key{};
  caf::actor who{};
};
TROUPE_MESSAGE(register_service, key, who)
struct deregister_service {
  std::string key{};
  caf::actor who{};
};
TROUPE_MESSAGE(deregister_service, key, who)
struct find_service {
  std::string key{};
};
TROUPE_MESSAGE(find_service, key)
struct subscribe_service {
  std::string key{};
  caf::actor who{};
};
TROUPE_MESSAGE(subscribe_service, key, who)
struct unsubscribe_service {
  std::string key{};
  caf::actor who{};
};
TROUPE_MESSAGE(unsubscribe_service, key, who)
struct service_listing {
  std::string key{};
  std::vector<caf::actor> who{};
};
TROUPE_MESSAGE(service_listing, key, who)

namespace receptionist {
// Between nodes. The gateway passes these four on: whole_handles, change_handles, beacon, ask.
struct numbered {
  std::uint64_t number = 0;
  caf::actor handle{};
};
TROUPE_MESSAGE(numbered, number, handle)
struct whole_handles {
  whole what{};
  std::vector<numbered> actors{};
};
TROUPE_MESSAGE(whole_handles, what, actors)
struct change_handles {
  change what{};
  std::vector<numbered> actors{};
};
TROUPE_MESSAGE(change_handles, what, actors)

struct settings {
  std::string incarnation{};  // of this node, as membership has it
  caf::actor membership{};    // is subscribed to
  std::chrono::milliseconds beacon_interval{5'000};
  // Whose message this is; a test in one system has its own answer.
  std::function<std::string(const caf::strong_actor_ptr&)> owner_of{};
  // Makes `address` known to the links: receptionists need a session with each member.
  std::function<void(const std::string& address)> connect{};
};
}  // namespace receptionist

// On the links of the system, whose news it observes.
caf::actor spawn_receptionist(caf::actor_system& system, caf::actor membership);
// With everything given: link_up, link_down and membership's events come as messages.
caf::actor spawn_receptionist(caf::actor_system& system, receptionist::settings how);
void register_receptionist_types(caf::actor_system_config& config);
}  // namespace troupe

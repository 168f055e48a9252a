// What replicas of one of Zab's groups send each other. Their users speak to them as to any group's
// (protocol.hpp).
#pragma once
#include "patterns/consensus/zab/messages.hpp"
#include "patterns/message.hpp"

#include <string>

#include <caf/fwd.hpp>
namespace troupe::consensus {
struct zab_letter {
  zab::server from = 0;
  zab::server to = 0;
  std::string name;  // of the sender's node
  zab::message what;
};
TROUPE_MESSAGE(zab_letter, from, to, name, what)

void register_zab_types(caf::actor_system_config& config);
}  // namespace troupe::consensus

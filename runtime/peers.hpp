// All that an actor knows of a cluster: handles that come and go. Who composes actors into a node
// sends these; they stay inside the process.
#pragma once
#include "patterns/message.hpp"

#include <string>

#include <caf/actor.hpp>
namespace troupe {
// The peer's actor of the same kind. A peer that returns as another process comes with another
// handle, after its peer_down or instead of it.
struct peer_up {
  std::string id;
  caf::actor handle;
};
TROUPE_MESSAGE(peer_up, id, handle)
struct peer_down {
  std::string id;
};
TROUPE_MESSAGE(peer_down, id)
}  // namespace troupe

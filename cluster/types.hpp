// All message types that nodes and clients of a cluster exchange: every actor system of one registers them.
#pragma once
#include <caf/fwd.hpp>
namespace troupe {
void register_types(caf::actor_system_config& config);
}  // namespace troupe

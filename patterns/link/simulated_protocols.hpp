// Links and channels for whoever runs protocols without knowing their worlds.
#pragma once
#include "patterns/simulation/protocol.hpp"
namespace troupe::link {
simulation::protocol simulated_protocol();
}
namespace troupe::channel {
simulation::protocol simulated_protocol();
}  // namespace troupe::channel

// All protocols that can be simulated, by name. A new one is added to the list in protocols.cpp.
#pragma once
#include "patterns/simulation/protocol.hpp"
namespace troupe {
const std::vector<simulation::protocol>& all_protocols();
// None of that name: null.
const simulation::protocol* protocol_named(std::string_view name);
}  // namespace troupe

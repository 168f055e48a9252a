// Seeds for the generators of actors: from the operating system, or from the simulator's seed where the system runs in
// it, so that a run repeats itself.
#pragma once
#include <cstdint>

#include <caf/fwd.hpp>
namespace troupe {
// Another number with each call. Any thread.
std::uint64_t fresh_seed(caf::actor_system& system);
// Before the system is made: its seeds come from this one.
void fix_seed(caf::actor_system_config& config, std::uint64_t seed);
}  // namespace troupe

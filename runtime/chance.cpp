#include "runtime/chance.hpp"

#include "patterns/simulation/random.hpp"

#include <random>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/settings.hpp>
namespace troupe {
namespace {
constexpr char key[] = "troupe.seed";
}  // namespace

std::uint64_t fresh_seed(caf::actor_system& system) {
  if (const auto fixed = caf::get_if<std::int64_t>(&system.config(), key))
    return simulation::derived(static_cast<std::uint64_t>(*fixed), system.next_actor_id());
  std::random_device source;
  return (std::uint64_t{source()} << 32U) | source();
}

void fix_seed(caf::actor_system_config& config, std::uint64_t seed) {
  caf::put(config.content, key, static_cast<std::int64_t>(seed));
}
}  // namespace troupe

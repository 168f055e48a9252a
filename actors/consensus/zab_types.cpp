#include "actors/consensus/zab_protocol.hpp"
#include "runtime/codec/inspect.hpp"

#include <caf/actor_system_config.hpp>
namespace troupe::consensus {
void register_zab_types(caf::actor_system_config& config) {
  config.add_message_type<zab_letter>("zab.letter");
}
}  // namespace troupe::consensus

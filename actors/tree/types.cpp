#include "actors/tree/protocol.hpp"
#include "runtime/codec/inspect.hpp"

#include <caf/actor_system_config.hpp>
namespace troupe::tree {
void register_tree_types(caf::actor_system_config& config) {
  config.add_message_type<set_watch>("tree.watch")
      .add_message_type<remove_watch>("tree.unwatch")
      .add_message_type<watch_ping>("tree.ping")
      .add_message_type<watch_set>("tree.watching")
      .add_message_type<watch_refused>("tree.refused")
      .add_message_type<watch_fired>("tree.fired")
      .add_message_type<watch_closed>("tree.closed")
      .add_message_type<watch_pong>("tree.pong");
}
}  // namespace troupe::tree

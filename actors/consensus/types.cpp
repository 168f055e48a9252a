#include "actors/consensus/protocol.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/peers.hpp"

#include <caf/actor_system_config.hpp>
namespace troupe::consensus {
void register_consensus_types(caf::actor_system_config& config) {
  config.add_message_type<letter>("log.letter")
      .add_message_type<peer_up>("peer.up")  // of replicas, to watchers in other processes
      .add_message_type<peer_down>("peer.down")
      .add_message_type<command>("log.command")
      .add_message_type<question>("log.question")
      .add_message_type<reply>("log.reply")
      .add_message_type<tell_replicas>("log.tell_replicas")
      .add_message_type<submit>("log.submit")
      .add_message_type<ask>("log.ask")
      .add_message_type<answered>("log.answered")
      .add_message_type<leads>("log.leads")
      .add_message_type<tell_leader>("log.tell_leader")
      .add_message_type<status_query>("log.status?")
      .add_message_type<group_status>("log.status")
      .add_message_type<change_members>("log.change")
      .add_message_type<hand_over>("log.hand_over");
}
}  // namespace troupe::consensus

#include "actors/storage/map_client.hpp"
#include "actors/storage/protocol.hpp"
#include "runtime/codec/inspect.hpp"

#include <caf/actor_system_config.hpp>
namespace troupe::storage {
void register_storage_types(caf::actor_system_config& config) {
  config.add_message_type<open_watch>("map.watch")
      .add_message_type<watch_taken>("map.taken")
      .add_message_type<cancel_watch>("map.cancel")
      .add_message_type<watch_ping>("map.ping")
      .add_message_type<watch_pong>("map.pong")
      .add_message_type<watch_created>("map.watching")
      .add_message_type<watch_events>("map.events")
      .add_message_type<watch_noted>("map.noted")
      .add_message_type<watch_progress>("map.progress")
      .add_message_type<watch_ended>("map.unwatched")
      .add_message_type<put>("map.put")
      .add_message_type<put_done>("map.put_done")
      .add_message_type<erase>("map.erase")
      .add_message_type<erase_done>("map.erased")
      .add_message_type<get>("map.get")
      .add_message_type<got>("map.got")
      .add_message_type<txn>("map.txn")
      .add_message_type<txn_done>("map.txn_done")
      .add_message_type<compare_and_set>("map.cas")
      .add_message_type<set_done>("map.cas_done")
      .add_message_type<lease_grant>("map.grant")
      .add_message_type<granted>("map.granted")
      .add_message_type<lease_revoke>("map.revoke")
      .add_message_type<revoked>("map.revoked")
      .add_message_type<keepalive>("map.keepalive")
      .add_message_type<kept>("map.kept")
      .add_message_type<time_left>("map.time_left")
      .add_message_type<remaining>("map.remaining")
      .add_message_type<lease_list>("map.leases?")
      .add_message_type<leases>("map.leases")
      .add_message_type<lease_info>("map.lease?")
      .add_message_type<lease_state>("map.lease")
      .add_message_type<compact>("map.compact")
      .add_message_type<compaction_done>("map.compacted")
      .add_message_type<status>("map.status?")
      .add_message_type<map_status>("map.status");
}
}  // namespace troupe::storage

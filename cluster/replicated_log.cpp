#include "cluster/replicated_log.hpp"

#include "actors/consensus/client.hpp"
#include "actors/storage/protocol.hpp"
#include "cluster/groups.hpp"
#include "cluster/log_keeper.hpp"
#include "cluster/tree_keeper.hpp"
#include "patterns/encoding.hpp"
#include "runtime/chance.hpp"
#include "runtime/log.hpp"

#include <caf/all.hpp>

namespace troupe {
using consensus::replica_settings;
namespace {
result<opened_store, std::string> opened(replicated_log_settings& s) {
  auto store = s.store();
  if (!store) return unexpected{store.error().sentence};
  opened_store found;
  found.store = *store;
  found.promises = found.store->open("founding");
  auto promise = found.promises->load();
  if (!promise) return unexpected{promise.error().sentence};
  if (!promise->state.empty()) {
    auto read = decode<founding::charter>(promise->state);
    if (!read)
      return unexpected{
          std::string{"the journal's charter cannot be read: `troupe journal verify` says more"}};
    found.promise = std::move(*read);
  }
  found.log = found.store->open("map");
  auto content = found.log->load();
  if (!content) return unexpected{content.error().sentence};
  auto from = consensus::restored_from(std::move(*content));
  if (!from) return unexpected{from.error()};
  found.from = std::move(*from);
  return found;
}
}  // namespace

result<replicated_log, std::string> start_replicated_log(caf::actor_system& system,
                                                         replicated_log_settings settings) {
  std::optional<opened_store> found;
  if (settings.has_store || settings.how.bootstrap_expect > 0) {
    auto store = opened(settings);
    if (!store) return unexpected{store.error()};
    found = std::move(*store);
  }
  replicated_log made;
  made.client = consensus::spawn_client(system, {.group = "map", .node = settings.node});
  made.groups = spawn_group_keeper(system, {.node = settings.node,
                                            .how = settings.how.how,
                                            .client = made.client,
                                            .events = settings.events});
  made.tree = consensus::spawn_client(system, {.group = tree_group, .node = settings.node});
  made.tree_keeper = spawn_tree_keeper(system, {.node = settings.node,
                                                .map = made.client,
                                                .client = made.tree,
                                                .events = settings.events,
                                                .wall = settings.wall});
  auto open = [s = settings]() mutable { return opened(s); };
  made.keeper = system.spawn<log_keeper>(std::move(settings), std::move(found), std::move(open),
                                         made.client, made.groups, made.tree_keeper);
  return made;
}

void register_replicated_log_types(caf::actor_system_config& config) {
  consensus::register_consensus_types(config);
  storage::register_storage_types(config);
  register_group_types(config);
  register_tree_keeper_types(config);
  config.add_message_type<log_presence>("log.presence")
      .add_message_type<log_founding>("log.founding")
      .add_message_type<log_start_replica>("log.start_replica")
      .add_message_type<log_status_query>("log.state?")
      .add_message_type<log_add>("log.add")
      .add_message_type<log_remove>("log.remove")
      .add_message_type<log_transfer>("log.transfer");
}
}  // namespace troupe

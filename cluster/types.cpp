#include "cluster/types.hpp"

#include "actors/mapreduce/protocol.hpp"
#include "actors/storage/names.hpp"
#include "cluster/elections.hpp"
#include "cluster/gateway.hpp"
#include "cluster/management.hpp"
#include "cluster/membership.hpp"
#include "cluster/receptionist.hpp"
#include "cluster/replicated_log.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"

#include <caf/actor_system_config.hpp>

namespace troupe {
void register_types(caf::actor_system_config& config) {
  using namespace management;
  register_errors(config);
  register_membership_types(config);
  register_receptionist_types(config);
  mapreduce::register_mapreduce_types(config);
  register_replicated_log_types(config);
  register_names_types(config);
  register_election_keeper_types(config);
  config.add_message_type<members_query>("manage.members?")
      .add_message_type<members_reply>("manage.members")
      .add_message_type<what_if_query>("manage.what_if?")
      .add_message_type<what_if_reply>("manage.what_if")
      .add_message_type<leave_order>("manage.leave")
      .add_message_type<down_order>("manage.down")
      .add_message_type<stop_order>("manage.stop")
      .add_message_type<done_reply>("manage.done")
      .add_message_type<submit_order>("manage.submit")
      .add_message_type<submit_reply>("manage.submitted")
      .add_message_type<job_query>("manage.job?")
      .add_message_type<job_reply>("manage.job")
      .add_message_type<jobs_query>("manage.jobs?")
      .add_message_type<jobs_reply>("manage.jobs")
      .add_message_type<cancel_order>("manage.cancel")
      .add_message_type<map_query>("manage.map?")
      .add_message_type<map_reply>("manage.map")
      .add_message_type<tree_query>("manage.tree?")
      .add_message_type<tree_reply>("manage.tree")
      .add_message_type<watch_order>("manage.watch")
      .add_message_type<log_add_order>("manage.log_add")
      .add_message_type<log_remove_order>("manage.log_remove")
      .add_message_type<log_transfer_order>("manage.log_transfer")
      .add_message_type<stats_query>("manage.stats?")
      .add_message_type<stats_reply>("manage.stats")
      .add_message_type<services_query>("node.services?")
      .add_message_type<services_reply>("node.services");
}
}  // namespace troupe

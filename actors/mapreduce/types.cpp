#include "actors/link/channel.hpp"
#include "actors/mapreduce/protocol.hpp"
#include "runtime/codec/inspect.hpp"

#include <caf/actor_system_config.hpp>
namespace troupe::mapreduce {
void register_mapreduce_types(caf::actor_system_config& config) {
  config.add_message_type<submit>("mr.submit")
      .add_message_type<list_jobs>("mr.list")
      .add_message_type<job_list>("mr.jobs")
      .add_message_type<find_job>("mr.find")
      .add_message_type<cancel_job>("mr.cancel")
      .add_message_type<follow_job>("mr.follow")
      .add_message_type<job_news>("mr.news")
      .add_message_type<job_status>("mr.status")
      .add_message_type<greet>("mr.greet")
      .add_message_type<greeted>("mr.greeted")
      .add_message_type<demand>("mr.demand")
      .add_message_type<slot_offer>("mr.offer")
      .add_message_type<decline>("mr.decline")
      .add_message_type<map_order>("mr.map")
      .add_message_type<reduce_order>("mr.reduce")
      .add_message_type<located>("mr.located")
      .add_message_type<kill_attempt>("mr.kill")
      .add_message_type<close_job>("mr.close")
      .add_message_type<claim_job>("mr.claim")
      .add_message_type<held_job>("mr.held")
      .add_message_type<worker_leaves>("mr.leaves")
      .add_message_type<leave_work>("mr.leave")
      .add_message_type<map_done>("mr.mapped")
      .add_message_type<reduce_done>("mr.reduced")
      .add_message_type<task_failed>("mr.failed")
      .add_message_type<task_killed>("mr.killed")
      .add_message_type<task_progress>("mr.progress")
      .add_message_type<shuffle_done>("mr.shuffled")
      .add_message_type<fetch_failed>("mr.unfetched")
      .add_message_type<fetch>("mr.fetch");
  channel::register_types(config);
}
}  // namespace troupe::mapreduce

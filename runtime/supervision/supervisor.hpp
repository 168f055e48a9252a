// Supervisors as actors: patterns/resilience/supervisor.hpp has the rules, this carries them out.
//   auto root = supervision::spawn_supervisor(system, {.name = "node", .how = {.intensity = 3}}, {
//     {{.id = "members"}, [](caf::event_based_actor* parent) { return parent->spawn(membership_actor); }},
//     supervision::nested({.id = "jobs"}, {.name = "jobs"}, {...}),
//   });
//   auto members = supervision::stable_handle(system, root, "members");  // survives the child's restarts
//   Promises  a supervisor that is asked to end (exit_msg) stops its children in order first; however else it ends,
//             they are killed with it
//   Answers   which_children -> child_list          find_child -> caf::actor
//             add_child, stop_child, restart_child, delete_child -> nothing: done
//             watch_child -> nothing; then child_up now and after each restart, child_down when it ends
//   Refusals  a caf::error of runtime/error.hpp, with a sentence; a name nobody has is not_found, a child that is
//             just restarting not_ready
//   Ends with user_shutdown if asked to or by automatic shutdown; errc::failed if a child keeps failing or cannot start
//   Beware    an exit is a message: a child whose handler never returns is abandoned after how.kill_limit; the message
//             structs stay inside the process
#pragma once
#include "patterns/message.hpp"
#include "patterns/resilience/supervisor.hpp"
#include "runtime/event_log.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/fwd.hpp>
namespace troupe::supervision {
// Spawns the child. An exception, or no handle, is a failed start.
using factory = std::function<caf::actor(caf::event_based_actor* parent)>;
struct child {
  supervisor::child_spec spec{};
  factory spawn{};
};
struct options {
  std::string name = "supervisor";
  supervisor::settings how{};
  std::uint64_t seed = 0;  // of the backoff's jitter; 0: by chance
  event_log_ptr events = event_log::none();
};

// A list of children that cannot be (two of one name, say) ends it at once with errc::invalid_argument.
caf::actor spawn_supervisor(caf::actor_system& system, options how, std::vector<child> children);
// A supervisor as a child: it has as long to stop as its own children need.
child nested(supervisor::child_spec spec, options how, std::vector<child> children);
// One handle for all the runs of a child: what it gets, it hands on to the child of the moment. While there is none,
// requests are refused with errc::not_ready and other messages are dropped and logged. It ends with the supervisor.
caf::actor stable_handle(caf::actor_system& system, const caf::actor& supervisor,
                         const std::string& id);

struct which_children {};
TROUPE_MESSAGE(which_children)
struct child_info {
  std::string id{};
  caf::actor handle{};  // none while it is not running
  std::string state{};  // idle, waiting, starting, running, stopping, killing
  std::uint64_t restarts = 0;
};
TROUPE_MESSAGE(child_info, id, handle, state, restarts)
struct child_list {
  std::vector<child_info> children{};
};
TROUPE_MESSAGE(child_list, children)
struct find_child {
  std::string id{};
};
TROUPE_MESSAGE(find_child, id)
struct watch_child {
  std::string id{};
  caf::actor watcher{};
};
TROUPE_MESSAGE(watch_child, id, watcher)
struct child_up {
  std::string id{};
  caf::actor handle{};
};
TROUPE_MESSAGE(child_up, id, handle)
struct child_down {
  std::string id{};
};
TROUPE_MESSAGE(child_down, id)
struct add_child {
  child added{};
};
struct stop_child {
  std::string id{};
};
TROUPE_MESSAGE(stop_child, id)
struct restart_child {
  std::string id{};
};
TROUPE_MESSAGE(restart_child, id)
struct delete_child {
  std::string id{};
};
TROUPE_MESSAGE(delete_child, id)
}  // namespace troupe::supervision
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::supervision::add_child)

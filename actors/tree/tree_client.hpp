// The coordination tree as its users see it: one actor for a process, with a session that it keeps.
//   auto tree = tree::spawn_tree(system, client, owner);    // client: consensus::client of "tree"
//   self->request(tree, 10s, tree::create{"/app/leader", "me", tree::mode::ephemeral})
//       .then([=](tree::zxid at, const tree::created& c) { ... },
//             [=](const caf::error& why) { if (outcome_of(why) == outcome::unknown) look(); });
//   // the owner:  [=](const session_held& s) { put what hangs on it }
//   //             [=](const session_lost& l) { stop acting on what hung on it }
//   create, erase, set, check, multi, sync    through the log, under the session
//   get, exists, children, browse             linearizable
//   leave_session                             closes it and ends, after all that is under way
//   Sources   P. Hunt et al., "ZooKeeper", USENIX ATC 2010, 2.2 and 4.4; C. Gray, D. Cheriton,
//             "Leases", SOSP 1989
//   Promises  each is answered with the tree's zxid and what was done, or an error of
//             runtime/error.hpp; a command takes effect once, whatever leaders come and go. What the
//             tree refuses is an error with its sentence, and changed nothing; outcome_of tells "not
//             done" from "nobody knows"
//             session_lost is sent `margin` before the leader can end the session, while clocks'
//             rates differ by `drift_per_mille` at most: the deadline counts from before the last
//             confirmed touch was sent. Commands of the lost session that are still under way are
//             done before its end in the log's order, or refused
//   Beware    after session_lost the next commands are under another session, which session_held
//             names; what hung on the lost one is gone, or goes
//             a multi that was refused is an answer: multi_done::succeeded
//             a request's own time-out is CAF's, whose outcome is unknown as well: give it longer
//             than the client's patience, which knows more
//   Costs     one actor; a session: an entry to open it, a touch each third of its time-out, which
//             is no entry
//   state    | opened     | touched       | refused, gone       | deadline       | leave, owner ends
//   opening  | held: told | -             | asks again          | opens another  | ends
//   held     | -          | deadline anew | lost: told, another | lost: told,    | closed, and ends
//            |            |               |                     | another        |
#pragma once
#include "actors/consensus/asking.hpp"
#include "actors/tree/protocol.hpp"

#include <chrono>
#include <functional>
#include <string>

#include <caf/event_based_actor.hpp>
#include <caf/expected.hpp>
#include <caf/typed_actor.hpp>
namespace troupe::tree {
struct session_held {
  session_id id = 0;
  duration timeout{};
};
TROUPE_MESSAGE(session_held, id, timeout)
enum class session_loss : std::uint8_t {
  lapsed,  // the tree's leader was not reached in time
  gone,    // it says that there is no such session any more
};
TROUPE_ENUM(session_loss, lapsed, gone)
struct session_lost {
  session_id id = 0;
  session_loss why = session_loss::lapsed;
  std::string sentence{};
};
TROUPE_MESSAGE(session_lost, id, why, sentence)
struct leave_session {};  // by the owner, who has stopped. Answered when it is closed, or may be
TROUPE_MESSAGE(leave_session)

struct tree_client_settings {
  duration timeout{10'000};  // of the session; 0: none, and no ephemeral nodes
  duration margin{1'000};    // for its owner to stop in
  std::uint32_t drift_per_mille = 50;
  duration patience{5'000};       // with a session that is being opened
  std::uint32_t waiting = 4'096;  // commands at most for it
};

using tree_actor = caf::typed_actor<
    caf::replies_to<create>::with<zxid, created>, caf::replies_to<erase>::with<zxid, erased>,
    caf::replies_to<set>::with<zxid, set_done>, caf::replies_to<check>::with<zxid, checked>,
    caf::replies_to<multi>::with<zxid, multi_done>, caf::replies_to<sync>::with<zxid, synced>,
    caf::replies_to<get>::with<zxid, got>, caf::replies_to<exists>::with<zxid, found>,
    caf::replies_to<children>::with<zxid, names>, caf::replies_to<browse>::with<zxid, browsed>,
    caf::reacts_to<leave_session>>;
// Ends with its owner, whose session it is.
tree_actor spawn_tree(caf::actor_system& system, caf::actor client, caf::actor owner,
                      tree_client_settings settings = {});

// For actors that make requests of any kind, under sessions of their own or none: `then` is called
// once, in self's context, with the reply, refusals included, or with an error.
//   Assumes  self lives on, or nothing is called any more
//   Beware   a client whose node is lost may never answer: with endless patience the time is the
//            caller's to keep
using consensus::endless;
using on_reply = std::function<void(caf::expected<reply>)>;
using on_answer = std::function<void(caf::expected<host_answer>)>;
void ask_tree(caf::event_based_actor* self, const caf::actor& client,
              std::chrono::milliseconds patience, const request& what, on_reply then);
void ask_tree(caf::event_based_actor* self, const caf::actor& client,
              std::chrono::milliseconds patience, const question& what, on_reply then);
void ask_leader(caf::event_based_actor* self, const caf::actor& client,
                std::chrono::milliseconds patience, const host_question& what, on_answer then);
// A session's secret, by chance.
std::string fresh_secret(caf::actor_system& system);

// The reply as one of its kinds; null: an error, a refusal, or another kind.
template <class Kind, class Reply>
auto* answer_as(Reply& said) {
  return said ? std::get_if<Kind>(&said->what) : nullptr;
}
// A refusal as an error: certainly not done, with the tree's sentence.
caf::error to_error(const refused& why);

void register_tree_client_types(caf::actor_system_config& config);
}  // namespace troupe::tree

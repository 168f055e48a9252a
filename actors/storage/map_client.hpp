// The replicated map as its users see it: one actor, whose requests are the map's own structs.
//   auto kv = storage::spawn_map(system, client);          // client: actors/consensus/client.hpp
//   self->request(kv, 5s, storage::put{"colour", "red"})
//       .then([=](storage::revision at, const storage::put_done&) { ... },
//             [=](const caf::error& why) { if (outcome_of(why) == outcome::unknown) look(); });
//   self->request(kv, 5s, storage::compare_and_set{.key = "colour", .value = "blue", .expected = "red"})
//       .then([=](storage::revision at, const storage::set_done& done) { ... }, ...);
//   put, erase, txn, compare_and_set, lease_grant, lease_revoke, compact     through the log
//   get, lease_list, lease_info, status                                      linearizable
//   keepalive, time_left                                                     of the leader
//   Promises  each is answered with the map's revision and what was done, or an error of
//             runtime/error.hpp; a command takes effect once. What the map refuses is an error with
//             its sentence, and changed nothing; outcome_of tells "not done" from "nobody knows"
//   Beware    a request's own time-out is CAF's, whose outcome is unknown as well: give it longer
//             than the client's patience, which knows more
//   Costs     one actor; one message more each way than the client underneath
#pragma once
#include "actors/consensus/asking.hpp"
#include "actors/storage/protocol.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include <caf/event_based_actor.hpp>
#include <caf/expected.hpp>
#include <caf/typed_actor.hpp>
namespace troupe::storage {
struct compare_and_set {  // puts `value` if what is there is as expected, and leaves it else
  std::string key{};
  std::string value{};
  std::optional<std::string> expected{};  // nothing: the key is absent
  std::optional<revision> modified{};     // instead of `expected`: its mod_revision; 0: absent
  lease_id lease = 0;
};
TROUPE_MESSAGE(compare_and_set, key, value, expected, modified, lease)
struct set_done {
  bool set = false;
  std::optional<key_value> there{};  // what was there instead, if it was not set
};
TROUPE_MESSAGE(set_done, set, there)

using map_actor = caf::typed_actor<
    caf::replies_to<put>::with<revision, put_done>,
    caf::replies_to<erase>::with<revision, erase_done>, caf::replies_to<get>::with<revision, got>,
    caf::replies_to<txn>::with<revision, txn_done>,
    caf::replies_to<compare_and_set>::with<revision, set_done>,
    caf::replies_to<lease_grant>::with<revision, granted>,
    caf::replies_to<lease_revoke>::with<revision, revoked>, caf::replies_to<keepalive>::with<kept>,
    caf::replies_to<time_left>::with<remaining>,
    caf::replies_to<lease_list>::with<revision, leases>,
    caf::replies_to<lease_info>::with<revision, lease_state>,
    caf::replies_to<compact>::with<revision, compaction_done>,
    caf::replies_to<status>::with<revision, map_status>>;
map_actor spawn_map(caf::actor_system& system, caf::actor client);

// For actors that make or forward requests of any kind: `then` is called once, in self's context,
// with the reply, refusals included, or with an error.
//   Assumes  self lives on, or nothing is called any more
//   Beware   a client whose node is lost may never answer: with endless patience the time is the caller's to keep
using consensus::endless;
using on_reply = std::function<void(caf::expected<reply>)>;
using on_answer = std::function<void(caf::expected<host_answer>)>;
void ask_map(caf::event_based_actor* self, const caf::actor& client,
             std::chrono::milliseconds patience, const command& what, on_reply then,
             const std::optional<note>& ahead = {});  // to those who watch (watch_hub.hpp)
void ask_map(caf::event_based_actor* self, const caf::actor& client,
             std::chrono::milliseconds patience, const question& what, on_reply then);
void ask_leader(caf::event_based_actor* self, const caf::actor& client,
                std::chrono::milliseconds patience, const host_question& what, on_answer then);

// The reply as one of its kinds; null: an error, a refusal, or another kind.
template <class Kind, class Reply>
auto* answer_as(Reply& said) {
  return said ? std::get_if<Kind>(&said->what) : nullptr;
}

// A refusal as an error: certainly not done, with the map's sentence.
caf::error to_error(const refused& why);
caf::error to_error(const not_kept& why);
}  // namespace troupe::storage

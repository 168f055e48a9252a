// One member of an election, as an actor: it hosts an elector of any algorithm (patterns/election/elector.hpp).
//   auto e = spawn_elector(system, {.election = "billing", .which = algorithm_named("raft"), .how = {.self = 0,
//       .members = {0, 1, 2}}, .names = {"a", "b", "c"}, .log = store->open("election.billing"), .kept = state});
//   send(e, peer_up{"b", its elector});
//   send(e, tell_beliefs{self});   // [=](const believes& b) { ... }
//   Messages  peer_up, peer_down (runtime/peers.hpp), peer_shaken: its connection broke, it may come back
//             stand{eager}: whether this member has a use for leading; renew: it gives up what it leads
//             tell_beliefs: `whom` is told believes now, and at each change, until it ends
//   Promises  what the algorithm promises, and terms that only rise, over restarts too: what `persist` says is in the
//             journal before the letters and beliefs behind it leave
//             each start is another life, and so is each `renew`: lives rise, are in the journal before a word of them
//             leaves, and the word of a life that is over is not obeyed
//             a member that is not eager and has no voice that others need (bully) rests: its peers take it for gone
//   Assumes   the journal is this member's alone, and comes back with it
//   Beware    a journal that fails ends this actor: whoever hosts it begins anew from disk
//   Costs     a record a new life, a vote and a leader; the algorithm's messages, one actor message each
#pragma once
#include "patterns/election/elector.hpp"
#include "patterns/message.hpp"
#include "runtime/event_log.hpp"
#include "runtime/journal/journal.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe::election {
struct elector_settings {
  std::string election{};
  const algorithm* which = nullptr;
  setting how{};                            // `life` is the journal's to say; `eager`: at first
  std::vector<std::string> names{};         // of the nodes, by their members' numbers
  std::shared_ptr<journal::journal> log{};  // its state alone is used
  std::string kept{};                       // that state, as it was loaded
  event_log_ptr events = event_log::none();
};
caf::actor spawn_elector(caf::actor_system& system, elector_settings settings);

struct stand {
  bool eager = false;
};
TROUPE_MESSAGE(stand, eager)
struct renew {};
TROUPE_MESSAGE(renew)
struct peer_shaken {
  std::string id;
};
TROUPE_MESSAGE(peer_shaken, id)
struct tell_beliefs {
  caf::actor whom;
};
TROUPE_MESSAGE(tell_beliefs, whom)
struct believes {
  std::string election{};
  standing as = standing::looking;
  std::string leader{};  // a node's name; empty: it looks for one
  std::uint64_t term = 0;
  bool rests = false;
};
TROUPE_MESSAGE(believes, election, as, leader, term, rests)

// ---- elector to elector
struct word {
  server from = 0;
  std::uint64_t life = 0;
  bool rests = false;
  std::string bytes{};  // the algorithm's; empty: news of the life alone
};
TROUPE_MESSAGE(word, from, life, rests, bytes)
void register_elector_types(caf::actor_system_config& config);
}  // namespace troupe::election

// Service names: an actor holds a name that nobody else in the cluster holds, and anyone finds it.
//   self->request(names, 10s, take_name{"billing", self}).then([=](const name_taken& t) {
//     ...let everything you do carry t.token... }, [=](const caf::error& why) { ... });
//   // the owner:  [=](const name_lost& l) { stop: when this returns, another may begin; }
//   self->request(names, 10s, find_name{"billing"}).then([=](const name_found& f) { f.who; }, ...);
//   take_name -> name_taken, also when `who` holds it already; already_exists says which node holds it
//   find_name -> name_found; not_found: nobody holds it; not_ready, unreachable: somebody does, and
//                its actor cannot be told at the moment: ask again
//   release_name -> nothing, once the name is free; of this node's names; not_found: it holds none such
//   retire_names -> nothing, once all are free; none is taken any more
//   To the owner  name_lost, once, unless it has released the name itself; as a request where the name
//                 was given back: it stays taken until the owner's handler has returned, or the promise
//                 that it returned is kept, or the lease has run out
//   Node to names  peer_up, peer_down (runtime/peers.hpp): the names actors of other nodes
//   Source    C. Gray, D. Cheriton, "Leases", SOSP 1989; the key is one of the replicated map,
//             /troupe/names/NAME, whose value is the node's name and whose create_revision the token
//   Promises  one holder a name, and tokens that rise from holder to holder; an owner whose node loses
//             touch with the map is told at the lease's deadline, `margin` before the map can let
//             another take the name (lease_holder.hpp, whose assumptions on clocks hold here)
//             find_name reads what is true now, on whichever node it is asked
//             an owner that ends has released; what was given up or timed out leaves no key behind
//   Assumes   the owner deals with name_lost within what is left of `margin`
//   Beware    an owner frozen past its lease does not know: what it acts on must refuse old tokens
//             (patterns/consensus/fence.hpp)
//   Beware    a name is not waited for: take it again later, or use an election (actors/election),
//             which queues. After a kill it is free when the lease has run out
//   Beware    a node that was killed and comes back finds its own names taken for as long
//   Costs     to take one, a read, a lease and a transaction; while it is held, a keepalive each third
//             of the ttl; a watch a node, once it has held a name
//   The receptionist (cluster/receptionist.hpp) is the other way to be found: many actors under one
//   key, listed by gossip: at once, without the map, and the same everywhere only in the end. It does
//   not say who is the one; names do, and need the map's majority to be taken, found and kept
//   state   | asks for          | its answer            | lease lost    | release, owner ends
//   looking | the key           | free: leasing         | -             | forgotten
//   leasing | a lease           | taking                | refused, gone | leaving
//   taking  | key, if absent    | held, else leaving    | refused, gone | leaving
//   held    |                   |                       | told, gone    | told, leaving
//   leaving | the lease's end   | gone                  | gone          | -
#pragma once
#include "actors/storage/lease_holder.hpp"

#include <cstdint>
#include <string>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe {
inline constexpr const char* names_prefix = "/troupe/names/";
// Printable, without blanks, 128 bytes at most. What is wrong; empty: nothing.
std::string name_problem(const std::string& name);

struct take_name {
  std::string name{};
  caf::actor who{};  // of the node that is asked
};
TROUPE_MESSAGE(take_name, name, who)
struct name_taken {
  std::string name{};
  std::uint64_t token = 0;  // for fences
};
TROUPE_MESSAGE(name_taken, name, token)
struct find_name {
  std::string name{};
};
TROUPE_MESSAGE(find_name, name)
struct name_found {
  std::string name{};
  std::string node{};
  std::uint64_t token = 0;
  caf::actor who{};
};
TROUPE_MESSAGE(name_found, name, node, token, who)
struct release_name {
  std::string name{};
};
TROUPE_MESSAGE(release_name, name)
struct retire_names {};
TROUPE_MESSAGE(retire_names)
enum class name_loss : std::uint8_t {
  lapsed,    // the map was not reached in time
  gone,      // the map has ended the lease
  deleted,   // somebody has deleted the key
  released,  // by release_name or retire_names of somebody else
};
TROUPE_ENUM(name_loss, lapsed, gone, deleted, released)
struct name_lost {
  std::string name{};
  std::uint64_t token = 0;
  name_loss why = name_loss::lapsed;
};
TROUPE_MESSAGE(name_lost, name, token, why)

struct names_settings {
  std::string node{};  // this one's name
  storage::lease_holder_settings lease{};
  storage::duration patience{6000};  // with taking one, and with another node
  storage::duration retry{200};
};
// `client`: actors/consensus/client.hpp.
caf::actor spawn_names(caf::actor_system& system, caf::actor client, names_settings settings);

// ---- names to names: answered with the owner's handle
struct where_is_name {
  std::string name{};
  std::uint64_t token = 0;
};
TROUPE_MESSAGE(where_is_name, name, token)
void register_names_types(caf::actor_system_config& config);
}  // namespace troupe

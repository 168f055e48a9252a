// What members say to each other. Every message names its sender, the cluster, and the life of the
// process it is meant for, so that nothing reaches a successor at the same address unnoticed.
#pragma once
#include "patterns/membership/member.hpp"

#include <variant>
namespace troupe::membership {
struct header {
  member_id from{};
  std::string address{};      // of the sender
  std::uint64_t cluster = 0;  // minted when the cluster was formed; 0: the sender is in none yet
  std::string to{};           // the incarnation meant; empty: whoever is there
  std::uint64_t digest = 0;   // of the sender's view
};
TROUPE_MESSAGE(header, from, address, cluster, to, digest)

struct ping {
  header head{};
  std::uint64_t sequence = 0;
  std::vector<record> gossip{};
};
TROUPE_MESSAGE(ping, head, sequence, gossip)

struct ping_request {  // SWIM's ping-req: ask the target for me
  header head{};
  std::uint64_t sequence = 0;
  member_id target{};
  std::string target_address{};
  std::vector<record> gossip{};
};
TROUPE_MESSAGE(ping_request, head, sequence, target, target_address, gossip)

struct ack {
  header head{};
  std::uint64_t sequence = 0;
  member_id target{};  // who is alive
  std::vector<record> gossip{};
};
TROUPE_MESSAGE(ack, head, sequence, target, gossip)

struct nack {  // Lifeguard's: the target is silent here too, but you and I can talk
  header head{};
  std::uint64_t sequence = 0;
};
TROUPE_MESSAGE(nack, head, sequence)

struct gossip {
  header head{};
  std::vector<record> updates{};
};
TROUPE_MESSAGE(gossip, head, updates)

struct sync {  // a whole view
  header head{};
  std::vector<record> members{};
  bool answer = false;  // the receiver should send its own
};
TROUPE_MESSAGE(sync, head, members, answer)

struct join {
  header head{};
  std::string cluster_name{};
  record self{};
};
TROUPE_MESSAGE(join, head, cluster_name, self)

struct welcome {
  header head{};
  std::vector<record> members{};
};
TROUPE_MESSAGE(welcome, head, members)

enum class turn_away : std::uint8_t {
  forming,            // in no cluster myself: ask again
  other_name,         // another cluster's name
  other_cluster,      // the same name, but formed apart: the two don't merge by themselves
  name_taken,         // a living member elsewhere has this name
  downed,             // this incarnation is over: rebuild under a new one
  other_incarnation,  // not who you meant: that process is gone
  unknown_member,     // of my cluster, but not known to me: join again
  invalid,            // a record beyond the bounds
};
TROUPE_ENUM(turn_away, forming, other_name, other_cluster, name_taken, downed, other_incarnation,
            unknown_member, invalid)

struct turned_away {
  header head{};
  turn_away reason = turn_away::forming;
  std::string meant{};  // the incarnation this is about: of the one turned away, or the one gone
  std::string cluster_name{};  // of the sender
  std::uint64_t members = 0;   // in the sender's cluster
};
TROUPE_MESSAGE(turned_away, head, reason, meant, cluster_name, members)

using message =
    std::variant<ping, ping_request, ack, nack, gossip, sync, join, welcome, turned_away>;
inline const header& head_of(const message& m) {
  return std::visit([](const auto& x) -> const header& { return x.head; }, m);
}

constexpr std::size_t gossip_max = 64;        // records a peer may put on one message
constexpr std::size_t members_max = 100'000;  // and in one whole view
}  // namespace troupe::membership

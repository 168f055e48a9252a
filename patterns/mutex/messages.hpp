// What the members of a mutual exclusion say to each other, all three algorithms in one variant, so that one transport and
// one simulation carry any of them. Numbers of requests are a member's own and begin anew with each of its lives.
#pragma once
#include "patterns/encoding.hpp"

#include <compare>
#include <cstdint>
#include <variant>
#include <vector>
namespace troupe::mutex {
using server = std::uint32_t;  // members are numbered from 0
enum class phase : std::uint8_t { idle, waiting, holding };
TROUPE_ENUM(phase, idle, waiting, holding)

// ---- centralised
struct request {
  std::uint64_t number = 0;
  std::uint64_t time = 0;   // the highest number that its sender knew: the order over a failover
  std::uint64_t above = 0;  // acquire::above
};
TROUPE_MESSAGE(request, number, time, above)
struct grant {
  std::uint64_t number = 0, epoch = 0, fence = 0;
};
TROUPE_MESSAGE(grant, number, epoch, fence)
struct released {  // or given up
  std::uint64_t number = 0;
};
TROUPE_MESSAGE(released, number)
struct denied {
  std::uint64_t number = 0;
};
TROUPE_MESSAGE(denied, number)
struct withdrawn {  // another holds it
  std::uint64_t number = 0;
};
TROUPE_MESSAGE(withdrawn, number)
struct who {  // holds, who waits: from now on grants of lower epochs are void
  std::uint64_t epoch = 0;
};
TROUPE_MESSAGE(who, epoch)
struct status {
  std::uint64_t asked = 0;  // the epoch of the question
  std::uint64_t epoch = 0;  // the highest that was heard of
  phase as = phase::idle;   // of the last request
  request last{};
  std::uint64_t fence = 0;  // of a holder
  std::uint64_t seen = 0;
};
TROUPE_MESSAGE(status, asked, epoch, as, last, fence, seen)

// ---- Ricart-Agrawala
struct stamp {
  std::uint64_t time = 0;  // Lamport's
  server id = 0;
  auto operator<=>(const stamp&) const = default;
};
TROUPE_MESSAGE(stamp, time, id)
struct ask {
  std::uint64_t number = 0;
  stamp when{};
};
TROUPE_MESSAGE(ask, number, when)
struct reply {
  std::uint64_t number = 0;
  std::uint64_t passed = 0;  // the highest fence that its sender knows to have been inside
};
TROUPE_MESSAGE(reply, number, passed)
struct overtaken {  // to one that comes back
  std::uint64_t passed = 0;
};
TROUPE_MESSAGE(overtaken, passed)

// ---- token ring
struct token {  // ordered by its first two: one not above the last seen is stale
  std::uint64_t generation = 0;
  std::uint64_t hop = 0;
  std::uint32_t idle = 0;  // hops since anybody entered
};
TROUPE_MESSAGE(token, generation, hop, idle)
struct want {  // goes round until it meets the token, or somebody to whom that will come
  server origin = 0;
};
TROUPE_MESSAGE(want, origin)
struct known_life {
  server whose = 0;
  std::uint32_t life = 0;
};
TROUPE_MESSAGE(known_life, whose, life)
struct census {  // who has the token? from now on tokens of lower generations are void
  std::uint64_t generation = 0;
  std::vector<known_life> without{};  // who is not asked, being dead
};
TROUPE_MESSAGE(census, generation, without)
struct answer {
  std::uint64_t generation = 0;  // of the question
  std::uint64_t promised = 0;    // the highest question so far
  bool exists = false;           // a token of this generation or a higher one
  std::vector<known_life> lives{};
};
TROUPE_MESSAGE(answer, generation, promised, exists, lives)

using body = std::variant<request, grant, released, denied, withdrawn, who, status, ask, reply,
                          overtaken, token, want, census, answer>;
struct message {
  std::uint32_t life = 0;     // its sender's
  std::uint32_t to_life = 0;  // whom it is for, and nobody after it; 0: any
  body what{};
};
TROUPE_MESSAGE(message, life, to_life, what)
}  // namespace troupe::mutex

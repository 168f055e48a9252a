// What Raft's parts speak of: servers, entries, configurations, snapshots.
// Source: D. Ongaro, J. Ousterhout, "In Search of an Understandable Consensus Algorithm" (extended
// version, 2014); D. Ongaro, "Consensus: Bridging Theory and Practice" (2014).
#pragma once
#include "patterns/message.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>
namespace troupe::raft {
using instant = std::chrono::nanoseconds;  // since any fixed origin, of a clock that never steps
using duration = std::chrono::nanoseconds;

// A server is a journal, not a machine: the number is drawn when its journal is created, so that a
// voter that comes back without one is somebody else. 0: nobody.
using server = std::uint64_t;

enum class entry_kind : std::uint8_t {
  nothing,        // the first of each term (5.4.2)
  command,        // the state machine's
  configuration,  // encoded by configuration.hpp, in force from when it is appended (section 6)
};
TROUPE_ENUM(entry_kind, nothing, command, configuration)

struct entry {
  std::uint64_t term = 0;
  entry_kind kind = entry_kind::nothing;
  std::string bytes{};
};
TROUPE_MESSAGE(entry, term, kind, bytes)

struct peer {
  server id = 0;
  std::string name{};  // of its node, where it is to be found
};
TROUPE_MESSAGE(peer, id, name)

// Who decides. While `outgoing` is not empty it is the joint one: majorities of both are needed.
struct configuration {
  std::vector<peer> voters{};    // by id
  std::vector<peer> outgoing{};  // the voters before, by id
  std::vector<peer> learners{};  // hear everything, and never count
};
TROUPE_MESSAGE(configuration, voters, outgoing, learners)

// Everything up to `index`, as the state machine wrote it down.
struct snapshot {
  std::uint64_t index = 0;
  std::uint64_t term = 0;
  configuration config{};
  std::shared_ptr<const std::string> bytes = std::make_shared<const std::string>();
};

// What must be remembered, whatever else is lost (figure 2, "persistent state").
struct hard_state {
  std::uint64_t term = 0;
  server vote = 0;
};
TROUPE_MESSAGE(hard_state, term, vote)
}  // namespace troupe::raft

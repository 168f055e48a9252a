// What is applied on top of a replicated log: the bytes of committed entries go in, one by one, in
// the log's order and on every replica alike.
//   Assumes   `apply` and `restore` are deterministic: the reply and the state follow from the
//             entries alone, never from a clock, chance, an address or an unordered container
//   Assumes   bytes may be anything: a command that makes no sense is answered, not thrown at
//   Assumes   nothing is thrown: an exception ends the replica's node
// See patterns/consensus/described_machine.hpp for one from a struct of your own, patterns/consensus/sessions.hpp for
// exactly-once effect around any state machine, patterns/storage/map_machine.hpp for one.
#pragma once
#include "patterns/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
namespace troupe {
struct applied {            // where in the log the entry stands
  std::uint64_t index = 0;  // rises from one entry to the next, with gaps
  std::uint64_t term = 0;
};

class state_machine {
 public:
  virtual ~state_machine() = default;
  // A committed entry; returns the reply's bytes.
  virtual std::string apply(const applied& at, std::string_view command) = 0;
  // Answers from the state as it is, and changes nothing.
  virtual std::string query(std::string_view question) const = 0;
  // All of the state: a machine restored from it goes on exactly like this one.
  virtual std::string snapshot() const = 0;
  // Replaces the state. When it fails, it says why and has changed nothing.
  virtual result<void, std::string> restore(std::string_view bytes) = 0;
};
}  // namespace troupe

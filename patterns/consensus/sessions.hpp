// Client sessions: a request that is sent again, by a client that got no answer or through a leader
// that died, has its effect once. A state machine around another.
// Source: D. Ongaro, "Consensus: Bridging Theory and Practice", 2014, section 6.3.
// Beyond it: a client may have several requests under way (a window of replies instead of the last
//   one), and says in each which it has the answers of.
//   Promises  a pair of client and sequence is applied at most once, and while the session lives and
//             the client has not acknowledged it, each repeat is given the first one's reply; the
//             table is part of the snapshot, so that this holds across restarts and restores; which
//             session expires, and where in the order, is the same on every replica
//   Assumes   the same settings on all replicas; a client that has given up a request uses its
//             sequence for no other
//   Beware    `session_expired` is for the client an unknown outcome: the request may have been done
//             under the session before it was forgotten. Open a new one, and look
//   Costs     a table of `sessions_max` sessions, each with the replies not yet acknowledged
//   request        | session unknown | below acknowledged | stored  | in the window | beyond it
//   of a session   | session_expired | acknowledged       | its     | applied       | window_full
//                  |                 |                    | reply   |               |
//   plain          : applied each time it comes: at most once is the caller's care
//   open           : a session; its id is the index of this entry
//   close          : the session and its replies are forgotten
#pragma once
#include "patterns/consensus/state_machine.hpp"
#include "patterns/message.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
namespace troupe::sessions {
enum class kind : std::uint8_t { plain, open, close, request };
TROUPE_ENUM(kind, plain, open, close, request)
// An entry of the log, as encode() writes it.
struct entry {
  kind what = kind::plain;
  std::uint64_t client = 0;              // of close and request
  std::uint64_t sequence = 0;            // of a request, from 1
  std::uint64_t acknowledged_below = 0;  // the client has the answers of all sequences below
  std::string command{};                 // of plain and request: the inner state machine's
};
TROUPE_MESSAGE(entry, what, client, sequence, acknowledged_below, command)

enum class outcome : std::uint8_t {
  done,             // now or earlier: bytes is the inner state machine's reply
  opened,           // client is the new session's id
  closed,           // also when it was not there
  session_expired,  // unknown whether it was done
  acknowledged,     // the client itself has said that it has the answer; not done again
  window_full,      // not done: acknowledge answers first
  malformed,        // not done: the entry's bytes are none
};
TROUPE_ENUM(outcome, done, opened, closed, session_expired, acknowledged, window_full, malformed)
struct reply {
  outcome what = outcome::done;
  std::uint64_t client = 0;
  std::string bytes{};
};
TROUPE_MESSAGE(reply, what, client, bytes)

struct settings {
  std::uint32_t sessions_max = 10'000;
  std::uint32_t window = 256;                               // sequences a session has under way
  std::uint64_t reply_bytes_max = std::uint64_t{64} << 20;  // held for all; the oldest sessions go
};

class table final : public state_machine {
 public:
  explicit table(std::unique_ptr<state_machine> inner, settings bounds = {});
  std::string apply(const applied& at, std::string_view command) override;  // a reply, encoded
  std::string query(std::string_view question) const override { return inner_->query(question); }
  std::string snapshot() const override;
  result<void, std::string> restore(std::string_view bytes) override;

  reply step(const applied& at, const entry& e);
  std::size_t open() const { return sessions_.size(); }
  std::uint64_t expired() const { return expired_; }  // ever, for a metric
  state_machine& inner() { return *inner_; }
  const state_machine& inner() const { return *inner_; }

 private:
  struct session {
    std::uint64_t used = 0;    // the index of its last entry
    std::uint64_t lowest = 1;  // sequences below are acknowledged
    std::map<std::uint64_t, std::string> replies{};
  };
  using store = std::map<std::uint64_t, session>;
  void touch(std::uint64_t client, session& s, std::uint64_t index);
  void acknowledge(session& s, std::uint64_t below);
  void forget(store::iterator it);
  void expire_until_within(std::uint64_t keep);

  std::unique_ptr<state_machine> inner_;
  settings settings_;
  store sessions_;
  std::map<std::uint64_t, std::uint64_t> by_use_;  // index of the last entry -> client
  std::uint64_t reply_bytes_ = 0;
  std::uint64_t expired_ = 0;
};

// The client's side: numbers requests, and knows which answers have come.
class requests {
 public:
  explicit requests(std::uint64_t client = 0) : client_{client} {}
  std::uint64_t client() const { return client_; }
  std::size_t under_way() const { return open_.size(); }
  // The next one is within a window that begins with the first that is under way.
  bool room(std::uint64_t window) const {
    return open_.empty() || last_ + 1 - *open_.begin() < window;
  }
  entry next(std::string command);         // send it as often as needed, as it is
  void finished(std::uint64_t sequence) {  // answered, or given up for good
    open_.erase(sequence);
  }

 private:
  std::uint64_t client_;
  std::uint64_t last_ = 0;
  std::set<std::uint64_t> open_;
};
}  // namespace troupe::sessions

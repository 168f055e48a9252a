// How two nodes that dial and accept as they please end with one connection and one session.
// Source: our own; the rule for crossed dials resembles BGP's collision detection (RFC 4271 §6.8).
// One object a peer incarnation; it remembers the sessions had with it and judges handshakes.
//   Promises  both sides agree on session and connection; of crossed dials exactly one is kept,
//             the lower incarnation's; a connection older than the one in use never replaces it;
//             session numbers of a pair rise and are never used twice
//   Under     any number of connections in any order, each cut at any moment
//   Assumes   a dialer takes a connection into use at `welcome`, an acceptor when it has agreed
//   Costs     nothing but the fields that the handshake carries
//
//   acceptor, peer's hello  | tell what we remember
//   dialer, peer's hello    | attached: stale
//                           | the same session is live on both sides: resume it | else: a fresh one
//   acceptor, peer's choice | not newer than what is in use: stale
//                           | own dial has chosen and is the lower's: stale
//                           | to resume what is not live here: session_unknown | else: take it
#pragma once
#include "patterns/link/handshake.hpp"

#include <optional>
#include <variant>
namespace troupe::link {
class meeting {
 public:
  meeting(const incarnation& me, const incarnation& peer) : me_{me}, peer_{peer} {}

  // What the host's session with this peer is at the moment: live (not ended), attached (has a
  // connection it believes in), and the last sequence number it has received.
  struct session_state {
    bool live = false;
    bool attached = false;
    std::uint64_t received = 0;
  };

  standing offer(const session_state& now) const;
  // As dialer, upon the peer's hello. A choice counts as a dial under way until dial_over().
  std::variant<choice, refusal> choose(const standing& offered, const session_state& now);
  // As dialer, upon welcome: the choice is in force. False if meanwhile it became stale: close.
  bool welcomed(const choice& chosen);
  // As dialer: the connection of that choice has failed, or was welcomed.
  void dial_over() { dialing_ = false; }
  // As acceptor, upon the peer's choice; nothing means taken: the choice is in force, a dial of our
  // own that is under way is to be closed, and so is the connection in use until now.
  std::optional<refusal> judge(const choice& chosen, const session_state& now);

  std::uint64_t number() const { return number_; }
  std::uint32_t connection() const { return connection_; }

 private:
  bool newer(const choice& chosen) const;
  void take(const choice& chosen);

  incarnation me_, peer_;
  std::uint64_t number_ = 0;
  std::uint32_t connection_ = 0;
  bool dialing_ = false;
};
}  // namespace troupe::link

// The link's handshake: both ends of one new connection, from its first byte to an agreed session.
// Source: challenge-response after ISO/IEC 9798-4 (mutual, with a keyed check function); the rest
//         is our own.
//   dialer                                     acceptor
//   challenge(versions, method, nonce)    ->
//                                         <-   challenge(versions, method, nonce)
//   hello(who I am)                       ->   its host is asked: proceed(standing) or refuse
//   its host: proceed(choice) or refuse   <-   hello(who I am, the session I remember with you)
//   go(session, resumed or fresh)         ->   its host is asked: agree or refuse
//                                         <-   welcome
//   Promises  nothing but a challenge's fixed fields is read before the peer has proven itself:
//             each later frame starts with the MAC of (label, role, kind, binding, all frames so
//             far, body), compared in constant time before its body is parsed. Both directions are
//             proven; a replayed handshake fails (both nonces are fresh), so do reflection (the
//             role is in the MAC) and a change to any byte of the negotiation (all are in it).
//             A refusal is told with its reason only to who has proven itself, and a told reason
//             is believed only with its proof: a stranger can neither learn nor cause anything.
//   Under     any bytes, cut anywhere; a peer that stops talking is refused at the deadline
//   Assumes   the MAC is HMAC-SHA-256 under the cluster's secret; nonces are random, used once
//   Beware    without a secret and without TLS nothing is proven: the host must keep to loopback.
//             With a secret alone, what follows is neither encrypted nor protected.
//   Costs     three round trips, under 2 KiB
//
//   body of          layout (mac: 32 bytes if the method is a secret, else none)
//   challenge        "TROUPE1\n", u16 version_min, u16 version_max, u8 method (1: secret),
//                    32 bytes nonce
//   hello, dialer    mac, text cluster, text name, 20 bytes incarnation, text address,
//                    u64 capabilities, u8 flags (1: client); what follows is skipped
//   hello, acceptor  the same, and u64 number, u32 connection, u8 live, u64 received
//   go               mac, u64 number, u32 connection, u8 resumed, u64 received
//   welcome          mac
//   refuse           mac (none before both challenges), u8 refusal
//   (text: u8 length and its bytes)
//
//   state      | challenge      | hello    | proceed    | go   | agree         | welcome
//   dialer:
//   greeting   | send hello     | x        | -          | x    | -             | x
//   waiting    | x              | ask host | -          | x    | -             | x
//   deciding   | x              | x        | send go    | x    | -             | x
//   going      | x              | x        | -          | x    | -             | done
//   acceptor:
//   greeting   | send challenge | x        | -          | x    | -             | x
//   waiting    | x              | ask host | -          | x    | -             | x
//   deciding   | kept           | kept     | send hello | kept | -             | kept
//   going      | x              | x        | -          | ask  | -             | x
//   agreeing   | kept           | kept     | -          | kept | welcome, done | kept
//   x: refused as out_of_order; kept: read after the host's answer
//   in any state: refuse -> refused; the deadline -> refused as late
#pragma once
#include "patterns/link/frame.hpp"
#include "patterns/link/identity.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
namespace troupe::link {
using instant = std::chrono::nanoseconds;  // since any fixed origin
using nonce = std::array<std::uint8_t, 32>;
using mac = std::array<std::uint8_t, 32>;
using mac_function = std::function<mac(view)>;

enum class refusal : std::uint8_t {
  refused = 1,           // the generic one, all that a stranger is told
  not_a_link,            // the first bytes are not ours
  bad_frame,             // a length, kind or flag out of bounds
  out_of_order,          // a frame that does not belong here
  version,               // no common protocol version
  method,                // one side has a secret, the other has none
  bad_proof,             // the MAC is wrong
  reflected,             // our own nonce came back
  malformed,             // proven, but its hello cannot be read
  wrong_cluster,         // another cluster's name
  not_the_certificates,  // the certificate's name is not the node's
  name_invalid,          // an empty or overlong node name
  myself,                // our own incarnation
  same_name,             // our own node name under another incarnation
  forbidden,             // this incarnation was downed and may not return
  capabilities,          // lacks a capability that is required
  stale,                 // crossed with another connection, or older than the one in use
  session_unknown,       // the session to resume is not known here any more
  too_many,              // connections or handshakes
  shutting_down,
  late,  // the deadline has passed
  last = late,
};
std::string_view sentence(refusal);

struct identity {
  std::string cluster;
  std::string node;
  incarnation life;
  std::string address;  // where this node listens, as text; empty if nowhere
                        // (texts have at most 255 bytes and no control characters)
  std::uint64_t capabilities = 0;
  bool client = false;  // speaks, but is no member
  bool operator==(const identity&) const = default;
};

// How the two know each other. Neither secret nor certificate: open, for loopback alone.
struct credential {
  mac_function secret{};                     // empty: no secret
  std::optional<std::string> certificate{};  // the name that TLS has proven the peer to have
  buffer binding{};                          // TLS channel binding, equal on both sides, or empty
  std::vector<std::string> also{};  // further names in the certificate: any of them will do
};

struct handshake_settings {
  std::uint16_t version_min = 1;
  std::uint16_t version_max = 1;
  std::uint64_t capabilities_required = 0;
  instant deadline = std::chrono::seconds{5};
};

// What a node remembers of its sessions with one incarnation (kept by meeting.hpp).
struct standing {
  std::uint64_t number = 0;      // of the last session, 0: there was none
  std::uint32_t connection = 0;  // the last connection within it
  bool live = false;             // it has not ended
  std::uint64_t received = 0;    // last sequence number received in it
  bool operator==(const standing&) const = default;
};
// What the dialer has decided upon both standings.
struct choice {
  std::uint64_t number = 0;
  std::uint32_t connection = 0;
  bool resumed = false;
  std::uint64_t received = 0;  // by the dialer, 0 in a fresh session
  bool operator==(const choice&) const = default;
};

class handshake {
 public:
  struct output {
    buffer send{};                      // to the peer, also before closing
    std::optional<identity> met{};      // proven and sound: answer with proceed or refuse
    std::optional<standing> offered{};  // dialer: beside `met`, what the peer remembers
    std::optional<choice> chosen{};     // acceptor: answer with agree or refuse
    bool done = false;  // agreed: go on with a session; see peer(), version(), leftover()
    std::optional<refusal> refused{};  // over: send what is in `send`, then close
    bool told = false;                 // the refusal is the peer's, not ours
  };

  handshake(role part, identity me, credential how, const nonce& mine, handshake_settings limits,
            instant now);

  void start(output& out);  // the dialer's first word; nothing at the acceptor
  void receive(view bytes, instant now, output& out);
  void tick(instant now, output& out);
  // the host's answers
  void proceed(const standing& mine, output& out);  // acceptor, upon `met`
  void proceed(const choice& chosen, output& out);  // dialer, upon `met`
  void agree(output& out);                          // acceptor, upon `chosen`
  void refuse(refusal reason, output& out);         // in any state

  bool over() const { return state_ == state::done || state_ == state::refused; }
  bool authenticated() const { return authenticated_; }
  role part() const { return part_; }
  const identity& peer() const { return peer_; }
  std::uint16_t version() const { return version_; }
  std::uint64_t capabilities() const { return me_.capabilities & peer_.capabilities; }
  instant deadline() const { return deadline_; }
  // What came behind the last frame of the handshake: the session's first bytes.
  buffer leftover() { return std::exchange(leftover_, {}); }

 private:
  enum class state : std::uint8_t { greeting, waiting, deciding, going, agreeing, done, refused };
  bool paused() const { return state_ == state::deciding || state_ == state::agreeing; }
  void read(output& out);
  void on_frame(const frame& f, output& out);
  void on_challenge(view body, output& out);
  void on_hello(view body, output& out);
  void on_go(view body, output& out);
  void on_welcome(view body, output& out);
  void on_refuse(view body, output& out);
  std::optional<refusal> judge_peer() const;
  void send_challenge(output& out);
  void send_hello(const standing* mine, output& out);
  void send_sealed(frame_kind kind, view body, output& out);
  mac seal(role by, frame_kind kind, view body) const;
  std::optional<view> open(frame_kind kind, view body) const;
  void remember(frame_kind kind, view body);

  role part_;
  identity me_, peer_;
  credential how_;
  nonce nonce_;
  handshake_settings limits_;
  instant deadline_;
  state state_ = state::greeting;
  frame_reader reader_;
  buffer transcript_;  // of all frames both ways, in order
  buffer leftover_;    // also what came while the host was to answer
  std::uint16_t version_ = 0;
  bool challenged_ = false;     // the peer's challenge was read
  bool authenticated_ = false;  // the peer has proven itself
};
}  // namespace troupe::link

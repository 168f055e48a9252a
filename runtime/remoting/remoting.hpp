// Remoting: ordinary caf::actor handles that work across processes, over our own links instead of BASP.
//   Promises  send, request, delegate, monitor and link behave as they do locally; order between two actors is kept,
//             also over connections that break and return within the resume window; nothing is lost or doubled in a
//             session. When a session ends, its handles are dead for good, monitors fire with
//             exit_reason::remote_link_unreachable, and each pending request gets an error at once: unreachable if it
//             never left, unknown_outcome if it may have
//   Under     lost, slow and hostile peers: nobody is parsed before it has proved who it is, and all sizes are bounded
//   Assumes   all message types are registered in both systems; a type that is not is an error to its sender
//   Beware    what a link reports is a hint about a connection, no verdict on a member
//             a plain send over the high mark, or to a dead handle, becomes a counted dead letter: where loss matters,
//             request
// A process is its incarnation: caf::actor_system::node(), minted at random. A handle's node()
// tells the incarnation and the session it came by; `incarnation_of` drops the session, and that is
// what to compare.
#pragma once
#include "patterns/link/session_settings.hpp"
#include "patterns/message.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/error.hpp>
#include <caf/expected.hpp>
#include <caf/fwd.hpp>
#include <caf/node_id.hpp>

namespace troupe::remoting {
struct endpoint {
  std::string host;
  std::uint16_t port = 0;
};
TROUPE_MESSAGE(endpoint, host, port)
std::string to_string(const endpoint&);  // host:port, [host]:port where the host has colons
caf::expected<endpoint> parse_endpoint(const std::string&);

// How peers prove who they are. PEM files; the certificate's name is the node's name. All empty:
// loopback only.
struct security {
  std::string secret;
  std::string certificate;
  std::string key;
  std::string authority;
  bool tls() const { return !certificate.empty() || !key.empty() || !authority.empty(); }
};

struct limits {
  std::size_t handshakes_max = 256;     // connections that have not proved themselves yet
  std::size_t connections_max = 1024;   // all connections together
  std::size_t handles_max = 1'000'000;  // of one peer's actors, and of ours with one peer
  std::size_t depth_max = 32;           // nesting inside one message
  std::size_t waiting_max = 1 << 20;    // bytes kept for a third node while it is dialed
  std::chrono::milliseconds handshake_deadline{5'000};
  std::chrono::milliseconds dial_deadline{5'000};
};

struct settings {
  std::string cluster;
  std::string node;
  bool client = false;  // no member: peers don't dial it
  endpoint listen;      // empty host: no listener; port 0: any
  endpoint advertised;  // where peers find us; empty: the listener's address
  security credentials;
  limits bounds;
  link::session_settings link;
};

struct peer {
  std::string name;
  caf::node_id incarnation;
  endpoint address;
  bool client = false;
  std::uint32_t session = 0;
};

// What observers get.
struct link_up {  // a new session
  peer who;
  caf::actor gateway;  // what the peer gave to service::gateway; null if nothing
  std::optional<endpoint> dialed;  // by which address we reached it, if we dialed
};
struct link_broken {  // the connection is lost and may return: a hint
  peer who;
  std::string reason;
};
struct link_resumed {  // it has returned, nothing is lost
  peer who;
};
struct link_down {  // the session is over: handles dead, monitors fired, requests failed
  peer who;
  caf::error reason;
};
struct link_refused {  // a dial or a handshake that failed
  endpoint address;
  caf::error reason;
  bool downed = false;  // the peer says that this incarnation was downed: it may not return
  bool myself = false;  // the address is this node's own
};

// The incarnation a handle or a node id belongs to, without the session's number.
caf::node_id incarnation_of(const caf::node_id&);
caf::node_id incarnation_of(const caf::actor&);
std::string incarnation_text(const caf::node_id&);  // 40 hexadecimal digits

struct peer_stats {
  peer who;
  bool connected = false;
  std::uint64_t queued_control = 0, queued_urgent = 0,
                queued_normal = 0;  // bytes not yet sent, a lane
  std::uint64_t credit = 0;         // bytes the peer still takes in the normal lane
  std::uint64_t sent = 0, received = 0, resent = 0;  // messages; bytes sent a second time
  std::uint64_t dead_letters = 0, overloaded = 0;
  std::uint64_t proxies = 0, exports = 0, pending_requests = 0;
  std::chrono::microseconds round_trip{0};
};

class hub;

// One a system; any thread may call it.
class service {
 public:
  static void load(caf::actor_system_config&, settings);  // adds the middleman module
  static service& of(caf::actor_system&);  // throws std::runtime_error if it was not loaded
  service(const service&) = delete;
  service& operator=(const service&) = delete;
  ~service();

  caf::expected<endpoint> listening() const;  // the bound address, port 0 resolved
  caf::node_id incarnation() const;
  // What peers are given at link_up, which waits for this; null: none (clients: at once).
  void gateway(caf::actor);
  // Gets the five messages above, link_up also for sessions that stand already.
  void observe(caf::actor);
  void connect(endpoint);  // returns at once; a dial or session to the same address is not doubled
  // Where a third node's handle lives.
  void directory(std::function<std::optional<endpoint>(const caf::node_id&)>);
  void disconnect(const caf::node_id&, std::string reason);  // ends the session for good
  void forbid(
      const caf::node_id&);  // a downed incarnation: its session ends and it is refused from now on
  std::vector<peer_stats> stats() const;
  void stop();  // orderly: flush, close outboxes, kill proxies; the loop ends with the system

 private:
  friend class module;
  explicit service(std::shared_ptr<hub>);
  std::shared_ptr<hub> hub_;
};
}  // namespace troupe::remoting

// For observers in the same process: these never cross a link.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::remoting::link_up)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::remoting::link_broken)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::remoting::link_resumed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::remoting::link_down)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::remoting::link_refused)

// The link's broker: connections, handshakes and sessions of one system, in the multiplexer's thread. It decides nothing
// about the protocol: bytes go into the cores of patterns/link, and what they say is carried out.
//   Promises  a connection that has not proved itself by the deadline is closed; pending ones and all together are bounded
//             a lost connection that we had dialed is dialed again as long as its session may resume
#pragma once
#include "patterns/link/handshake.hpp"
#include "patterns/link/meeting.hpp"
#include "patterns/link/session.hpp"
#include "runtime/remoting/association.hpp"
#include "runtime/remoting/hub.hpp"
#include "runtime/remoting/inlet.hpp"
#include "runtime/remoting/receiver.hpp"
#include "runtime/remoting/tls.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include <caf/io/broker.hpp>

namespace troupe::remoting {
// What a refusal means beyond its sentence.
struct refused_as {
  bool downed = false;
  bool myself = false;
};

class broker final : public caf::io::broker {
 public:
  broker(caf::actor_config& config, std::shared_ptr<hub> home, std::optional<tls_context> tls);
  ~broker() override;

  caf::expected<endpoint> listen();
  void connect(const endpoint& to);
  void reach(std::shared_ptr<association> who);
  void disconnect(const link::incarnation& who, link::ending why, const std::string& reason);
  void observe(const caf::actor& who);
  void tell_gateway_again();
  std::vector<peer_stats> stats();
  void stop();          // ends all sessions with a word to the peers
  bool has_said_bye();  // after stop: what was to be written is with the kernel
  void close_all();     // after that: what is left goes at once

 private:
  using handle = caf::io::connection_handle;
  struct connection {
    handle at;
    std::optional<endpoint> dialed;
    endpoint from;  // for the log, of those accepted
    std::optional<tls_stream> tls;
    std::unique_ptr<link::handshake> shake;
    std::optional<link::incarnation> met;  // proven to be, while shaking and after
    link::standing told;                   // as acceptor: what we offered
    link::standing heard;                  // as dialer: what the peer offered
    std::optional<link::choice> chosen;
    bool attached = false;
    bool closing = false;
    bool heard_from = false;
    std::size_t with_socket = 0;
    std::size_t read_size = 0;
    export_table::instant since{};
    std::vector<char> plain;
  };
  struct peer_link {
    explicit peer_link(const link::incarnation& me, const link::incarnation& peer)
        : meeting{me, peer} {}
    link::meeting meeting;
    std::unique_ptr<link::session> session;
    std::shared_ptr<association> actors;
    std::optional<handle> wire;
    peer who;
    caf::actor gateway;
    bool announced = false;  // link_up was told
    bool told_gateway = false;
    bool broken = false;
    std::optional<endpoint> dialed;
    bool at_its_word = false;  // it listens where it says, as far as one can see
    export_table::instant redial{}, since{}, ended{};
    unsigned attempts = 0;
    std::uint64_t resent = 0;
    std::array<unsigned, link::lane_count>
        at_inlet{};  // batches of each lane that are decoded there
    std::uint64_t counted_sent = 0, counted_received = 0;  // in the metrics
  };
  using instant = export_table::instant;

  caf::behavior make_behavior() override;
  void on_exit() override;
  bool cleanup(caf::error&& reason, caf::execution_unit* host) override;

  // connections (broker_connections.cpp)
  void on_accept(handle at);
  void on_dialed(const endpoint& to, caf::expected<caf::io::scribe_ptr> result);
  connection* add(handle at, std::optional<endpoint> dialed);
  void on_bytes(const caf::io::new_data_msg& data);
  void on_plain(connection& c, link::view bytes);
  void begin_handshake(connection& c);
  void carry_out(connection& c, link::handshake::output& out);
  void on_met(connection& c, link::handshake::output& out);
  std::optional<link::refusal> objection(const link::identity& who);
  void refused(connection& c, const link::handshake::output& out);
  void give_up(connection& c, std::string_view reason, refused_as how = {});
  void write(connection& c, link::view bytes);
  void close(connection& c, bool at_once);
  void let_go(handle at);
  void on_closed(handle at);
  void bury(handle at);
  void dial_failed(const endpoint& to, const caf::error& why, refused_as how = {});
  void on_sent(const caf::io::data_transferred_msg& sent);
  link::mac_function secret() const;
  bool make_room();
  void note_refusal(const connection& c, std::string_view message, std::string_view reason);

  // sessions (broker_sessions.cpp)
  peer_link& link_of(const link::incarnation& life);
  link::meeting::session_state state_of(const peer_link& l) const;
  void settle(connection& c);
  void carry_out(peer_link& l, link::session::output& out);
  void on_batch(peer_link& l, link::batch& batch);
  void taken(peer_link& l, receiver::result result);
  void settle_accounts(peer_link& l);
  void pump(peer_link& l, bool promptly = false);
  bool write_session(peer_link& l, connection& c, instant now, bool promptly);
  bool refill(peer_link& l);
  void lost(peer_link& l, link::fault why);
  void finish(peer_link& l, link::ending why, const std::string& text);
  void greeted(peer_link& l, caf::strong_actor_ptr gateway);
  void on_wake(const association& who);
  bool impostor(const link::identity& who) const;
  bool too_many_lives(const link::identity& who) const;
  void unreachable(const endpoint& to, const caf::error& why, const link::incarnation& but = {});
  template <class Event>
  void tell(Event event);

  // time (broker.cpp)
  void arm(instant at);
  void on_tick(std::uint64_t generation);
  void tick_connections(instant now);
  void tick_links(instant now);
  void tick_waiting();
  void count_messages();
  void sum_up_refusals(instant now);

  std::shared_ptr<hub> home_;
  std::optional<tls_context> tls_;
  link::mac_function secret_;
  receiver receiver_;
  inlet inlet_;
  std::unique_ptr<dialer> dialer_;
  std::optional<caf::io::accept_handle> listener_;
  std::unordered_map<std::int64_t, std::unique_ptr<connection>> connections_;
  std::map<link::incarnation, std::unique_ptr<peer_link>> links_;
  std::set<std::string> dialing_;                                  // addresses
  std::map<std::string, std::set<link::incarnation>> waited_for_;  // by address: sessions to come
  std::vector<std::unique_ptr<connection>> closed_;  // until the event that closed them is over
  std::map<std::string, std::uint64_t> refusals_;    // by host and reason, since `refusals_told_`
  instant refusals_told_{};
  instant armed_ = instant::max();
  std::uint64_t generation_ = 0;
  instant sweep_{};
  bool stopping_ = false;
};

std::optional<std::string> loopback_only(
    const settings& config);  // a sentence if more is asked for without credentials
bool is_loopback(const std::string& host);
}  // namespace troupe::remoting

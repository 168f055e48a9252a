// Links between the simulator's members: sessions, meetings and lanes over connections that the
// world's network cuts, and that are dialed again from both sides.
//   const auto did = link::simulated::rehearse(plan, {});
//   Connections  numbered packets; what overtakes is put in order, what is lost ends the connection.
//                Bytes leave in pieces of any size. The handshake is its decisions alone (meeting.hpp):
//                its frames and proofs are fuzzed elsewhere
//   Readers      get stuck lane by lane until the faults end; sizes are drawn small by the seed
//   Promises     `claims` below, while faults last and after them
#pragma once
#include "patterns/link/meeting.hpp"
#include "patterns/link/session.hpp"
#include "patterns/simulation/judged.hpp"
#include "patterns/simulation/protocol.hpp"
#include "patterns/simulation/world.hpp"

#include <array>
#include <map>
#include <memory>
#include <set>
namespace troupe::link::simulated {
using simulation::member;

namespace claim {
inline constexpr std::string_view in_order = "each batch once, whole, and in order within its lane",
                                  credited = "no side sends more than it was granted",
                                  granted = "no more is granted than there is room for",
                                  bounded = "memory has a bound",
                                  honest = "nobody honest is accused",
                                  numbers = "a session's number rises, and both use the same",
                                  kept = "in calm no session ends";
inline constexpr std::array all{in_order, credited, granted, bounded, honest, numbers, kept};
}  // namespace claim

inline constexpr std::array lanes{lane::control, lane::urgent, lane::normal, lane::bulk};
constexpr std::size_t index(lane on) { return static_cast<std::size_t>(on); }

// A session as both of its ends name it.
struct session_id {
  std::array<member, 2> ends{};  // the lower first
  std::array<std::uint32_t, 2> lives{};
  std::uint64_t number = 0;
  auto operator<=>(const session_id&) const = default;
};
// What one end has sent, and what came of it at the other.
struct direction {
  std::array<std::vector<buffer>, lane_count> sent{};
  std::array<std::size_t, lane_count> got{};
  std::array<std::uint64_t, lane_count> granted{};  // to who sends
};
struct scene : simulation::judged {
  session_settings how{};
  bool drops = false;  // connections end by themselves, and sessions are ended
  std::uint64_t swell = 1;
  instant faults_until{}, quiet_from{};                       // who speaks, speaks until then
  std::map<session_id, std::array<direction, 2>> sessions{};  // by who sends
};

struct dial {
  std::uint32_t life = 0;
};
struct hello {
  std::uint32_t life = 0;
  standing offered{};
};
struct close {};
using bytes = std::shared_ptr<const buffer>;
using parcel = std::variant<dial, hello, choice, refusal, std::monostate, bytes, close>;
struct packet {
  std::uint64_t connection = 0;
  std::uint64_t number = 0;  // from 1; 0: there is no such connection
  parcel what{};             // nothing: welcome
};
struct event {
  std::string what{};
  member peer = 0;
  std::uint64_t number = 0;
  std::string why{};
};

class host {
 public:
  using message = packet;
  using command = std::monostate;
  using event = simulated::event;
  using output = simulation::effects<message, event>;
  host(const simulation::life& of, std::shared_ptr<scene> all, std::uint32_t members);
  void receive(member from, packet p, instant now, output& out);
  void command_given(const command&, instant, output&) {}
  void tick(instant now, output& out);
  void lost(member peer, std::uint32_t its_life, instant now, output& out);
  instant due() const;
  static void describe(const event& e, std::string& fields);
  // Both ends: attached in one session, and all that was sent in it has come.
  static std::string unfinished(const host& a, const host& b);

 private:
  struct connection {
    bool dialed = false, attached = false, closing = false;
    instant opened{};
    std::uint64_t posted = 0, delivered = 0;
    std::map<std::uint64_t, parcel> early{};
    instant gap_since{};
    choice agreed{};
    std::uint64_t told = 0, peer_received = 0;
    buffer outbox{};
  };
  struct peer {
    member who = 0;
    std::uint32_t life = 0;
    std::optional<meeting> with{};
    std::optional<session> link{};
    session_id id{};
    std::map<std::uint64_t, connection> open{};
    std::uint64_t in_use = 0, dialing = 0;
    instant dial_at{};
    std::array<bool, lane_count> stuck{};
    std::set<std::uint64_t> past{};  // connections that are over
  };
  meeting::session_state state_of(const peer& p) const;
  bool known(peer& p, std::uint64_t c, std::uint32_t life, instant now, output& out);
  void post(peer& p, std::uint64_t c, parcel what, output& out);
  void shut(peer& p, std::uint64_t c, instant now, output& out, bool tell = true);
  void take(peer& p, std::uint64_t c, parcel what, instant now, output& out);
  void on(peer& p, std::uint64_t c, const dial& in, instant now, output& out);
  void on(peer& p, std::uint64_t c, const hello& in, instant now, output& out);
  void on(peer& p, std::uint64_t c, const choice& in, instant now, output& out);
  void on(peer& p, std::uint64_t c, const refusal& in, instant now, output& out);
  void on(peer& p, std::uint64_t c, const std::monostate& welcome, instant now, output& out);
  void on(peer& p, std::uint64_t c, const bytes& in, instant now, output& out);
  void on(peer& p, std::uint64_t c, const close& in, instant now, output& out);
  void attach(peer& p, std::uint64_t c, instant now, output& out);
  void carry_out(peer& p, session::output& did, instant now, output& out);
  void start_dial(peer& p, instant now, output& out);
  void work(peer& p, instant now, output& out);
  void say(peer& p);
  void consume(peer& p, bool everything);
  void write(peer& p, instant now, output& out);
  void check(const peer& p);
  std::size_t side(const peer& p) const { return self_ < p.who ? 0 : 1; }
  direction& sending(const peer& p) { return scene_->sessions[p.id][side(p)]; }
  direction& receiving(const peer& p) { return scene_->sessions[p.id][1 - side(p)]; }
  incarnation incarnation_of(member m, std::uint32_t life) const;

  member self_;
  std::uint32_t life_;
  simulation::generator chance_;
  std::shared_ptr<scene> scene_;
  std::vector<peer> peers_{};
  std::uint64_t connections_ = 0;
  instant work_at_{};
};

simulation::run_outcome rehearse(const simulation::plan& p, const simulation::settings& how);
}  // namespace troupe::link::simulated

// A network of byte streams between simulated hosts, as TCP gives them to a program: bytes come in order and once, or the
// connection breaks.
//   Promises  a seed, and the same calls, give the same bytes at the same instants
//             what is sent waits while its way is cut, and goes on once that is healed; what has waited for `give_up`
//             breaks the connection, as TCP_USER_TIMEOUT does. Lost packets come late, by retransmission; nothing is
//             reordered within a connection, everything between two of them
//             a host that is frozen still takes bytes, until its buffers are full; one without power takes none, and
//             one whose process has ended refuses them
//   Assumes   one thread; handlers are called from the agenda alone, never from within a call of a socket
#pragma once
#include "patterns/simulation/fault.hpp"
#include "runtime/simulator/agenda.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>
namespace troupe::laboratory {
using host_id = std::uint32_t;

struct wire_conditions {
  duration latency_min = std::chrono::microseconds{50}, latency_max = std::chrono::microseconds{500};
  std::uint64_t bytes_per_second = 100'000'000;
  std::size_t buffer = 512 * 1024;  // each way, on its way or not yet read
  duration retransmit = std::chrono::milliseconds{200};  // the first one; the next take twice as long
  duration give_up = std::chrono::seconds{10};
};

class wires;
// One end of a connection. Its holder closes it, or lets it go.
class socket : public std::enable_shared_from_this<socket> {
 public:
  struct handlers {
    std::function<void()> readable{};
    std::function<void(std::size_t)> sent{};  // so many bytes are with the network now
    std::function<void()> closed{};           // by the peer, or broken
  };
  void listen_to(handlers h);
  void send(const std::vector<char>& bytes);
  std::size_t unsent() const { return unsent_bytes_; }
  std::size_t available() const { return received_.size(); }
  std::size_t take(char* to, std::size_t n);
  void close();  // the peer gets what was sent, and then the end
  void abort();  // at once: what was sent is lost
  void look_again();  // its handlers are called anew for what is still there
  host_id here() const { return here_; }
  host_id there() const { return there_; }
  std::uint16_t remote_port() const { return port_; }

 private:
  friend class wires;
  enum class state : std::uint8_t { open, closed, dead };
  struct packet {
    std::string bytes{};
    bool end = false;
  };
  socket(wires& net, host_id here, host_id there, std::uint16_t port)
      : net_(net), here_(here), there_(there), port_(port) {}
  void push();
  void fly(packet p, bool again);
  void arrive(packet p);
  void receive(packet p);
  void stuck(packet p);
  void break_off();

  wires& net_;
  const host_id here_, there_;
  const std::uint16_t port_;
  state state_ = state::open;
  std::weak_ptr<socket> peer_{};
  handlers handlers_{};
  // outwards
  std::deque<packet> unsent_{}, stuck_{};
  std::size_t unsent_bytes_ = 0, flying_ = 0;
  instant last_arrival_{};
  std::uint64_t stuck_times_ = 0;
  // inwards
  std::string received_{};
  bool ended_ = false;  // the peer has closed
  bool told_ = false;
  std::size_t sent_untold_ = 0;
  bool looking_ = false;
  std::shared_ptr<socket> keep_{};  // closed, while it has something to send
};
using socket_ptr = std::shared_ptr<socket>;

class wires {
 public:
  wires(agenda& when, std::uint64_t seed, wire_conditions usual)
      : agenda_(when), usual_(usual), chance_(seed) {}
  wires(const wires&) = delete;
  wires& operator=(const wires&) = delete;

  static std::string address_of(host_id h);                   // 10.0.0.1 is host 0
  static std::optional<host_id> host_of(const std::string&);  // none: no host's

  using accepted = std::function<void(socket_ptr)>;
  using dialed = std::function<void(socket_ptr, std::string why_not)>;
  // Port 0: any that is free. None: the port is taken.
  std::optional<std::uint16_t> listen(host_id h, std::uint16_t port, accepted take);
  void unlisten(host_id h, std::uint16_t port);
  void dial(host_id from, const std::string& host, std::uint16_t port, duration limit, dialed done);

  // Faults. Cuts and the like count: as often as one was made it must be taken back.
  void cut(host_id from, host_id to, bool yes);
  bool passes(host_id from, host_id to) const;
  void lose(host_id from, host_id to, std::int64_t of_a_million);  // added; negative takes it back
  void delay(host_id from, host_id to, duration up_to);            // the same
  void freeze(host_id h, bool yes);  // its programs, not its network
  void reset(host_id a, host_id b);  // all connections between the two break
  void process_ended(host_id h);     // its sockets are gone, and peers are told
  void power(host_id h, bool on);    // off: the same, but nobody is told

  duration latency(host_id from, host_id to);
  const wire_conditions& usual() const { return usual_; }
  // Of all packets that arrived.
  std::uint64_t digest() const { return digest_; }
  std::uint64_t packets() const { return packets_; }

 private:
  friend class socket;
  struct way {
    int cuts = 0;
    std::int64_t loss = 0;
    duration delay{};
  };
  struct host {
    std::map<std::uint16_t, accepted> listeners{};
    std::vector<std::weak_ptr<socket>> sockets{};
    std::vector<std::function<void()>> when_thawed{};
    int frozen = 0;
    bool powered = true;
    std::uint16_t next_port = 40'000;
  };
  way& between(host_id from, host_id to) { return ways_[{from, to}]; }
  const way* known(host_id from, host_id to) const;
  socket_ptr open(host_id here, host_id there, std::uint16_t port);
  void try_dial(host_id from, host_id to, std::uint16_t port, instant until, duration patience,
                std::shared_ptr<dialed> done);
  void each_socket(host_id h, const std::function<void(socket&)>& what);
  void when_running(host_id h, std::function<void()> what);
  void healed(host_id from, host_id to);

  agenda& agenda_;
  const wire_conditions usual_;
  simulation::generator chance_;
  std::map<host_id, host> hosts_;
  std::map<std::pair<host_id, host_id>, way> ways_;
  std::uint64_t digest_ = 0xcbf29ce484222325U, packets_ = 0;
};
}  // namespace troupe::laboratory

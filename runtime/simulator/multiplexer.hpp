// CAF's multiplexer over simulated wires: what a broker sees of it is what it sees of sockets.
// CAF's own test_multiplexer has no time, no way to break a connection and no acknowledgements of writes; this one has.
//   Promises  runs nothing by itself: the simulator calls `turn`, and the wires call its scribes
//   Assumes   one thread; TCP alone
#pragma once
#include "runtime/simulator/wires.hpp"

#include <deque>

#include <caf/io/network/multiplexer.hpp>
namespace troupe::laboratory {
class virtual_multiplexer final : public caf::io::network::multiplexer {
 public:
  virtual_multiplexer(caf::actor_system* system, wires& net, host_id here);
  ~virtual_multiplexer() override;

  bool ready() const { return !runnables_.empty(); }
  bool turn();  // the first of those that wait
  const std::deque<caf::resumable*>& waiting() const { return runnables_; }
  caf::io::scribe_ptr scribe_for(socket_ptr way);
  void abort(caf::io::connection_handle at);
  host_id here() const { return here_; }

  caf::io::scribe_ptr new_scribe(caf::io::network::native_socket) override;
  caf::expected<caf::io::scribe_ptr> new_tcp_scribe(const std::string&, std::uint16_t) override;
  caf::io::doorman_ptr new_doorman(caf::io::network::native_socket) override;
  caf::expected<caf::io::doorman_ptr> new_tcp_doorman(std::uint16_t port, const char*, bool) override;
  caf::io::datagram_servant_ptr new_datagram_servant(caf::io::network::native_socket) override;
  caf::io::datagram_servant_ptr new_datagram_servant_for_endpoint(
      caf::io::network::native_socket, const caf::io::network::ip_endpoint&) override;
  caf::expected<caf::io::datagram_servant_ptr> new_remote_udp_endpoint(const std::string&,
                                                                       std::uint16_t) override;
  caf::expected<caf::io::datagram_servant_ptr> new_local_udp_endpoint(std::uint16_t, const char*,
                                                                      bool) override;
  supervisor_ptr make_supervisor() override { return nullptr; }
  bool try_run_once() override { return turn(); }
  void run_once() override { turn(); }
  void run() override;

 protected:
  void exec_later(caf::resumable* what) override;

 private:
  wires& net_;
  const host_id here_;
  std::deque<caf::resumable*> runnables_;
  std::int64_t handles_ = 0;
  std::map<std::int64_t, std::weak_ptr<socket>> sockets_;
};
}  // namespace troupe::laboratory

// A process that is a node of a cluster, in a few lines:
//   int main() {
//     troupe::node node{{.name = "a", .listen = "127.0.0.1:4711"}, [](troupe::node& n) {
//       n.own(n.system().spawn(greeter, n.receptionist()));
//     }};
//     return static_cast<int>(node.run());
//   }
// A node is one actor system with remoting, membership, the receptionist and a MapReduce worker.
//   Promises  one owner of the data directory; SIGTERM and SIGINT, a `leave` or a `stop` end it in order within
//             settings.stop_within; members find it at its address as soon as start has returned
//   Downed    a node that the others have declared dead must not go on as it was: `run` ends its actors and builds the
//             node anew under a new incarnation, at the same address, and calls `on_start` again. So what belongs to a
//             node is made in on_start, and outlives nothing
//   Beware    whatever actor of the user still runs when a node has to end, and is not owned, is waited for until
//             settings.stop_within; handles of one life mean nothing in the next
#pragma once
#include "cluster/management.hpp"
#include "cluster/settings.hpp"
#include "runtime/error.hpp"
#include "runtime/event_log.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe {
class node {
 public:
  using callback = std::function<void(node&)>;
  // Blocks SIGTERM and SIGINT in this thread, so that those that the node starts leave them to `run`.
  explicit node(node_settings settings, callback on_start = {});
  node(const node&) = delete;
  node& operator=(const node&) = delete;
  ~node();  // stops

  // Nothing where it went well, else a sentence: a port that is taken, a directory in use, a bad setting.
  result<void, std::string> start();
  // Starts if that was not done, and returns when the node has ended: by a signal, a leave or a stop.
  exit_code run();
  // Leaves the cluster and ends, in order and within settings.stop_within. Any thread, and twice, too.
  void stop();

  // While it is started:
  const std::string& name() const;
  std::string address() const;  // HOST:PORT as bound
  caf::actor_system& system();
  caf::actor receptionist();
  caf::actor membership();
  event_log_ptr events() const;
  std::vector<management::member_row> members();
  bool wait_until_up(std::chrono::milliseconds timeout);  // this node itself
  bool wait_for_members(std::size_t up, std::chrono::milliseconds timeout);
  // Keeps the actor alive, and ends it with the node.
  caf::actor own(caf::actor actor);

 private:
  class life;
  struct state;
  std::unique_ptr<state> state_;
};
}  // namespace troupe

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
//   Restarts  a process that was killed finds its cluster again by its seeds, and by the members it has noted down in
//             its data directory; while none of these is in a cluster it waits for a majority of them
//   Beware    whatever actor of the user still runs when a node has to end, and is not owned, is waited for until
//             settings.stop_within; handles of one life mean nothing in the next. What takes still longer to end ends
//             the process, with code 1 and a line in the log. That holds for a thread, too, other than the one that runs
//             the node, which has had a caf::scoped_actor of its system: CAF waits until that thread has called
//             caf::logger::set_current_actor_system(nullptr) or has ended. `system` and the like throw std::logic_error while there
//             is no life
#pragma once
#include "cluster/local_node.hpp"
#include "cluster/settings.hpp"
#include "runtime/error.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe {
class node final : public local_node {
 public:
  using callback = std::function<void(node&)>;
  // Blocks SIGTERM and SIGINT in this thread, so that those that the node starts leave them to `run`.
  explicit node(node_settings settings, callback on_start = {});
  node(const node&) = delete;
  node& operator=(const node&) = delete;
  ~node() override;  // stops

  // Nothing where it went well, else a sentence: a port that is taken, a directory in use, a bad setting.
  result<void, std::string> start();
  // Starts if that was not done, and returns when the node has ended: by a signal, a leave or a stop.
  exit_code run();
  // For a program with a loop of its own, in place of `run`: waits so long for what `run` waits for, and builds a downed
  // node anew. True: the node has ended or should, so come to an end and let it stop.
  bool stop_requested(std::chrono::milliseconds wait);
  // Leaves the cluster and ends, in order and within settings.stop_within. Twice, too, and any thread but those of the
  // node's own actors: `run` then returns first. From within on_start it is a wish that `run` serves.
  void stop();

  // While it is started:
  const std::string& name() const override;
  std::string address() const override;
  caf::actor_system& system() override;
  caf::actor receptionist() override;
  caf::actor membership() override;
  caf::actor log() override;
  caf::actor tree() override;
  caf::actor names() override;
  caf::actor group(const std::string& name, machine_maker make) override;
  event_log_ptr events() const override;
  member_list members() override;
  bool wait_until_up(std::chrono::milliseconds timeout);  // this node itself
  bool wait_for_members(std::size_t up, std::chrono::milliseconds timeout);
  caf::actor own(caf::actor actor) override;

 private:
  struct state;
  class turn;
  result<void, std::string> begin();
  std::unique_ptr<state> state_;
};
}  // namespace troupe

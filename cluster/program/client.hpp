// The program's way to a cluster: a client of one node, without a place in the membership itself.
#pragma once
#include "actors/consensus/protocol.hpp"
#include "cluster/management.hpp"
#include "cluster/program/command.hpp"
#include "patterns/result.hpp"
#include "patterns/storage/map_messages.hpp"
#include "patterns/storage/watch_hub.hpp"
#include "patterns/tree/messages.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>
namespace troupe::program {
struct problem {
  exit_code code = exit_code::not_done;
  std::string sentence;
};
template <class T>
using answer = result<T, problem>;

class client {
 public:
  // Connects to the first node of `to` that answers: those of --at, else those of the local cluster.
  static answer<std::unique_ptr<client>> connect(const target& to);
  virtual ~client() = default;

  virtual const std::string& node() const = 0;   // the name of the node we talk to
  virtual void patience(milliseconds left) = 0;  // with each answer from now on
  virtual answer<management::members_reply> members() = 0;
  virtual answer<management::what_if_reply> what_if(std::vector<std::string> unreachable) = 0;
  virtual answer<management::done_reply> leave(const std::string& name) = 0;
  virtual answer<management::done_reply> down(const std::string& name) = 0;
  virtual answer<management::done_reply> stop() = 0;
  virtual answer<management::stats_reply> stats() = 0;
  virtual answer<management::submit_reply> submit(const mapreduce::job_spec& job) = 0;
  virtual answer<management::job_reply> job(const std::string& id) = 0;
  virtual answer<management::jobs_reply> jobs() = 0;
  virtual answer<management::done_reply> cancel(const std::string& id) = 0;
  // The replicated map and its log.
  virtual answer<storage::reply> change(const storage::command& what) = 0;
  virtual answer<storage::reply> look(const storage::question& what, bool stale = false) = 0;
  // Calls `seen` for each revision that concerns the keys, until it returns false or `stopped` is true; the error says
  // why it ended by itself. `began` is told where it begins.
  virtual std::optional<problem> watch(const storage::watch& what,
                                       const std::function<void(storage::revision next)>& began,
                                       const std::function<bool(const storage::watch_events&)>& seen,
                                       const std::function<bool()>& stopped) = 0;
  virtual caf::actor_system& system() = 0;
  virtual answer<caf::actor> log() = 0;  // the node's way to the replicated log
  // The coordination tree. Who asks for it begins it, where nobody has used it yet.
  virtual answer<caf::actor> tree() = 0;
  virtual answer<caf::actor> elections() = 0;  // the node's keeper of them (cluster/elections.hpp)
  virtual answer<tree::reply> change_tree(const tree::command& what) = 0;  // under no session
  virtual answer<tree::reply> look_at_tree(const tree::question& what, bool stale = false) = 0;
  virtual answer<consensus::group_status> log_status(bool here, const std::string& group = {}) = 0;
  virtual answer<management::done_reply> log_add(const std::string& node, bool learner) = 0;
  virtual answer<management::done_reply> log_remove(const std::string& node) = 0;
  virtual answer<management::done_reply> log_transfer(const std::string& node) = 0;
  // What log() and tree() give, for whoever goes on when the node has gone: through another of those that were named, or the
  // same one when it is back.
  virtual answer<caf::actor> lasting_log() = 0;
  virtual answer<caf::actor> lasting_tree() = 0;
};

exit_code fail(const problem& what);

// What `run` does with a client, or how connecting failed.
template <class F>
exit_code with_client(const target& to, F&& run) {
  auto connected = client::connect(to);
  if (!connected) return fail(connected.error());
  return run(**connected);
}
}  // namespace troupe::program

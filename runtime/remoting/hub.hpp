// What all parts of one system's remoting share: who we are, the sessions by incarnation, our exported actors, requests
// under way, and the way to the broker's thread.
#pragma once
#include "patterns/link/identity.hpp"
#include "runtime/codec/type_table.hpp"
#include "runtime/remoting/environment.hpp"
#include "runtime/remoting/export_table.hpp"
#include "runtime/remoting/pending.hpp"
#include "runtime/remoting/remoting.hpp"

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string_view>
#include <vector>

#include <caf/actor.hpp>
#include <caf/scoped_execution_unit.hpp>

namespace troupe::remoting {
class association;
class broker;

// What the broker is sent.
struct wake_up {
  std::shared_ptr<association> who;
};
struct task {
  std::function<void()> run;
};

class hub : public std::enable_shared_from_this<hub> {
 public:
  hub(caf::actor_system& system, settings config, std::shared_ptr<environment> world);
  ~hub();

  caf::actor_system& system() { return system_; }
  const settings& config() const { return config_; }
  environment& world() { return *world_; }
  export_table::instant now() { return world_->now(); }
  const link::incarnation& life() const { return life_; }
  const caf::node_id& node() const { return node_; }
  const codec::type_table& types() const { return *types_; }
  caf::scoped_execution_unit& unit() { return unit_; }
  export_table& exports() { return exports_; }
  pending& requests() { return requests_; }
  bool registered(caf::actor_id id);

  void make_types();  // once the system's configuration is complete
  void broker_handle(caf::actor broker);
  void wake(std::shared_ptr<association> who);
  void later(std::function<void()> what);  // in the broker's thread, if it still runs
  void attach_broker(broker* loop) { loop_.store(loop); }
  bool in_broker(std::function<void(broker&)> what);  // false: it does not run

  // The session with an incarnation, or one to come: the broker dials by the directory. Past the bound of those, and for
  // who is forbidden, a session that is over already.
  std::shared_ptr<association> reach(const link::incarnation& life);
  std::shared_ptr<association> find(const link::incarnation& life) const;
  std::shared_ptr<association> begin(
      const link::incarnation& life);  // a new session; takes over one to come
  void ended(const association& gone);
  std::vector<std::shared_ptr<association>> overdue();  // to come, and did not
  void flooded(std::shared_ptr<association> who);       // the peer makes us write and does not read
  void stop();  // no more sessions; those to come are over, and nobody is held any more
  void on_reach(std::function<void(std::shared_ptr<association>)> dial) { dial_ = std::move(dial); }

  caf::strong_actor_ptr gateway() const;
  caf::actor_id gateway_id() const { return gateway_id_.load(std::memory_order_relaxed); }
  bool gateway_known() const {
    return gateway_known_.load() || config_.client;
  }  // peers are told none before
  void gateway(const caf::actor& mine);
  void directory(std::function<std::optional<endpoint>(const caf::node_id&)> find);
  std::optional<endpoint> address_of(const link::incarnation& life) const;
  void forbid(const link::incarnation& life);
  bool forbidden(const link::incarnation& life) const;

  void add_observer(const caf::actor& who);
  std::vector<caf::actor> observers() const;
  void dead_letter(const association& on, std::string_view reason, const std::string& detail = {});

  // What keeps this node from speaking to anybody: a wrong setting, certificates that cannot be used. Set before it starts.
  const caf::error& problem() const { return problem_; }
  void problem(caf::error what) { problem_ = std::move(what); }
  caf::expected<endpoint> listening() const;
  void listening(caf::expected<endpoint> bound);

 private:
  static constexpr std::size_t waiting_sessions_max = 64, forbidden_max = 4096;
  std::shared_ptr<association> make(const link::incarnation& life);

  caf::actor_system& system_;
  const settings config_;
  const std::shared_ptr<environment> world_;
  link::incarnation life_;
  caf::node_id node_;
  std::unique_ptr<codec::type_table> types_;
  caf::scoped_execution_unit unit_;
  export_table exports_;
  pending requests_;
  std::function<void(std::shared_ptr<association>)> dial_;

  mutable std::shared_mutex broker_mutex_;
  caf::actor broker_;
  std::atomic<broker*> loop_{nullptr};
  mutable std::shared_mutex mutex_;
  std::map<link::incarnation, std::shared_ptr<association>> sessions_;
  std::map<link::incarnation, export_table::instant> waiting_;  // since when
  std::set<link::incarnation> forbidden_;
  std::deque<link::incarnation> forbidden_order_;
  bool stopped_ = false;
  std::uint32_t numbers_ = 1;  // own_process is no session
  caf::strong_actor_ptr gateway_;
  std::atomic<caf::actor_id> gateway_id_{0};
  std::atomic<bool> gateway_known_{false};
  std::function<std::optional<endpoint>(const caf::node_id&)> directory_;
  std::vector<caf::actor> observers_;
  caf::expected<endpoint> listening_;
  caf::error problem_;
};
}  // namespace troupe::remoting

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::remoting::wake_up)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::remoting::task)

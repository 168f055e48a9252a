// One life of a node: its actor system, its parts, and everything else that goes when the node is downed.
//   Promises  `ended` is told once a part has ended that should not have: such a life is none, and is built anew
//   Beware    `stop` may leave actors of the user running; the life can then only be abandoned, for destroying its
//             system would wait for them
#pragma once
#include "cluster/address_book.hpp"
#include "cluster/gateway.hpp"
#include "cluster/settings.hpp"
#include "cluster/surroundings.hpp"
#include "patterns/result.hpp"
#include "runtime/event_log.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/expected.hpp>
namespace troupe {
class life {
 public:
  using clock = std::chrono::steady_clock;

  life(const node_settings& s, const remoting::endpoint& listen, surroundings world = {});

  struct beginning {
    std::filesystem::path data;
    std::vector<std::string> known;  // addresses of former members
    std::function<bool(ending)> ended;
    std::function<void(const std::vector<std::string>&)> remember;
  };
  result<void, std::string> start(beginning with);
  // Tells the others, gives the work back, and waits until that is done or the time is up.
  void leave(clock::time_point end, const std::function<bool()>& has_left);
  // False where an actor was still running at `end`.
  bool stop(const char* reason, clock::time_point end);

  // Any thread, also while it stops.
  caf::expected<membership::view_reply> view(std::chrono::milliseconds timeout);
  std::vector<std::string> known();
  caf::actor own(caf::actor actor);
  caf::actor_system& system() { return system_; }
  const std::string& address() const { return address_; }
  caf::actor receptionist() const { return part(receptionist_); }
  caf::actor membership() const { return part(membership_); }
  caf::actor gateway() const { return part(gateway_); }
  caf::actor log() const { return part(log_client_); }
  caf::actor tree();  // which is used from now on
  caf::actor names() const { return part(names_); }
  caf::actor group(const std::string& name, machine_maker make);
  const event_log_ptr& events() const { return events_; }
  const std::string& incarnation() const { return incarnation_; }

 private:
  result<void, std::string> spawn_parts(beginning with);
  caf::actor part(const caf::actor& which) const {
    const std::lock_guard guard{mutex_};
    return which;
  }

  struct config : caf::actor_system_config {
    config(const node_settings& s, const remoting::endpoint& listen, const surroundings& world);
  };
  const node_settings settings_;
  const surroundings world_;
  config config_;
  caf::actor_system system_;
  std::shared_ptr<address_book> addresses_ = std::make_shared<address_book>();
  event_log_ptr events_ = event_log::none();
  std::string address_, incarnation_;
  mutable std::mutex mutex_;
  caf::actor membership_, receptionist_, tracker_, worker_, log_, log_client_, lease_, groups_,
      tree_keeper_, tree_, names_, elections_, config_follower_, gateway_;
  std::map<std::string, caf::actor> group_clients_;
  std::vector<caf::actor> parts_, owned_;
  bool stopped_ = false;
};
}  // namespace troupe

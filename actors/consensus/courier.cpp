#include "actors/consensus/courier.hpp"

#include "runtime/codec/inspect.hpp"
#include "runtime/in_loop.hpp"
#include "runtime/metrics.hpp"
#include "runtime/peers.hpp"

#include <map>
#include <utility>

#include <caf/all.hpp>
namespace troupe::consensus {
struct carry_now {};
TROUPE_MESSAGE(carry_now)
}  // namespace troupe::consensus
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::consensus::posted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::consensus::receives)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::consensus::carry_now)

namespace troupe::consensus {
namespace {
class courier : public caf::event_based_actor {
 public:
  using caf::event_based_actor::event_based_actor;
  const char* name() const override { return "courier"; }
  void on_exit() override {
    peers_.clear();
    replicas_.clear();
  }
  caf::behavior make_behavior() override {
    return {
        [this](posted& p) {
          letters_.add();
          waiting_[p.to].letters.push_back({std::move(p.group), std::move(p.what)});
          if (!std::exchange(carrying_, true)) send(this, carry_now{});
        },
        [this](carry_now) {
          carrying_ = false;
          for (auto& [node, all] : std::exchange(waiting_, {})) {
            const auto to = peers_.find(node);
            if (to == peers_.end()) continue;
            parcels_.add();
            send<caf::message_priority::high>(to->second, std::move(all));
          }
        },
        [this](parcel& p) {
          for (auto& [group, what] : p.letters)
            if (const auto to = replicas_.find(group); to != replicas_.end())
              send<caf::message_priority::high>(to->second, std::move(what));
        },
        [this](receives& r) { replicas_[r.group] = std::move(r.whom); },
        [this](peer_up& up) { peers_[up.id] = std::move(up.handle); },
        [this](const peer_down& down) { peers_.erase(down.id); },
    };
  }

 private:
  std::map<std::string, caf::actor> peers_;     // by node
  std::map<std::string, caf::actor> replicas_;  // by group
  std::map<std::string, parcel> waiting_;       // by node
  bool carrying_ = false;
  metrics::counter_handle& letters_ = metrics::counter(
      "troupe_log_heartbeats_total", "Heartbeats of groups and their answers, one by one.");
  metrics::counter_handle& parcels_ = metrics::counter(
      "troupe_log_heartbeat_parcels_total", "Messages that carried them to another node.");
};
}  // namespace

caf::actor spawn_courier(caf::actor_system& system) { return system.spawn<in_loop<courier>>(); }

void register_courier_types(caf::actor_system_config& config) {
  config.add_message_type<parcel>("log.parcel");
}
}  // namespace troupe::consensus

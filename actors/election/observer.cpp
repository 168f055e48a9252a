#include "actors/election/campaign.hpp"
#include "actors/election/errand.hpp"
#include "runtime/codec/inspect.hpp"

#include <optional>
#include <utility>

#include <caf/all.hpp>
namespace troupe::election {
struct observer_tick {};
TROUPE_MESSAGE(observer_tick)
}  // namespace troupe::election
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::election::observer_tick)

namespace troupe::election {
namespace {
class onlooker : public caf::event_based_actor {
 public:
  onlooker(caf::actor_config& config, caf::actor client, caf::actor whom, observer_settings s)
      : caf::event_based_actor{config},
        client_{client},
        whom_{std::move(whom)},
        patience_{s.patience},
        core_{s.election, s.retry},
        watch_{std::move(client), s.prefer} {}
  const char* name() const override { return "election-observer"; }
  void on_exit() override {
    watch_.end(this);
    client_ = whom_ = nullptr;
  }

  caf::behavior make_behavior() override {
    monitor(whom_);
    set_down_handler([this](const caf::down_msg&) { quit(); });
    step(tick{});
    caf::message_handler own{
        [this](observer_tick) {
          armed_.reset();
          step(tick{});
        },
    };
    return own.or_else(heard_by(watch_, [this](auto what) { step(std::move(what)); }));
  }

 private:
  void step(const observer::input& in) {
    observation out;
    core_.step(in, std::chrono::floor<storage::instant>(clock().now().time_since_epoch()), out);
    for (const auto& what : out.told) std::visit([this](const auto& x) { send(whom_, x); }, what);
    if (out.watch) watch_.begin(this, *out.watch);
    for (const auto& r : out.send)
      run(this, client_, patience_, r, [this](outcome_of_errand what) {
        std::visit([this](auto& x) { step(std::move(x)); }, what);
      });
    arm();
  }
  void arm() {
    const auto due = core_.due();
    if (!due || (armed_ && *armed_ <= *due)) return;
    armed_ = due;
    const auto at = clock().now().time_since_epoch();
    delayed_send(this, *due > at ? *due - at : caf::timespan{0}, observer_tick{});
  }

  caf::actor client_, whom_;
  storage::duration patience_;
  observer core_;
  watch_errand watch_;
  std::optional<storage::instant> armed_;
};
}  // namespace

caf::actor spawn_observer(caf::actor_system& system, caf::actor client, caf::actor whom,
                          observer_settings settings) {
  return system.spawn<onlooker>(std::move(client), std::move(whom), std::move(settings));
}
}  // namespace troupe::election

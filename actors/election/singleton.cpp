#include "actors/election/singleton.hpp"

#include "actors/election/campaign.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/log.hpp"

#include <map>
#include <utility>

#include <caf/all.hpp>
namespace troupe::election {
struct stand_again {};
TROUPE_MESSAGE(stand_again)
}  // namespace troupe::election
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::election::stand_again)

namespace troupe::election {
namespace {
class manager : public caf::event_based_actor {
 public:
  manager(caf::actor_config& config, caf::actor client, singleton_settings s,
          singleton_factory make)
      : caf::event_based_actor{config},
        client_{std::move(client)},
        s_{std::move(s)},
        make_{std::move(make)} {}
  const char* name() const override { return "singleton-manager"; }
  void on_exit() override {
    if (running_) caf::anon_send_exit(running_, caf::exit_reason::kill);
    for (auto& [token, whom] : asking_) whom.deliver(not_here());
    asking_.clear();
    running_ = campaign_ = client_ = nullptr;
  }

  caf::behavior make_behavior() override {
    campaign_ = spawn_campaign(system(), client_, this,
                               {.election = s_.name,
                                .name = s_.node,
                                .bounds = s_.bounds,
                                .prefer = s_.node,
                                .resigns_with_owner = false});
    monitor(campaign_);
    set_down_handler([this](const caf::down_msg& gone) {
      if (running_ && gone.source == running_.address()) return stopped(gone.reason);
      if (!campaign_ || gone.source != campaign_.address()) return;
      quit(leaving_ ? caf::error{caf::exit_reason::user_shutdown} : gone.reason);
    });
    stand();
    return {
        [this](const elected& x) { start(x.token); },
        [this](const lost&) -> caf::result<void> {
          leads_ = false;
          if (!running_) {
            stand_later();
            return caf::unit;
          }
          kill();
          letting_go_ = make_response_promise();
          return letting_go_;
        },
        [this](const declined& x) {
          log::warn("singleton", "cannot stand",
                    {{"singleton", s_.name}, {"reason", storage::explain(x.why)}});
          stand_later(s_.bounds.ttl);
        },
        [](proclaimed) {},
        [this](stand_again) { stand(); },
        [this](leave_singleton) {
          if (!std::exchange(leaving_, true)) send(campaign_, retire{});
        },
        [this](where_is what) -> caf::result<caf::actor> {
          if (running_ && what.token == token_ && leads_) return running_;
          if (leaving_ || what.token <= token_) return not_here();
          auto whom = make_response_promise<caf::actor>();
          asking_.emplace(what.token, whom);
          return whom;
        },
    };
  }

 private:
  caf::error not_here() const {
    return make_error(errc::not_ready, "'" + s_.name + "' does not run on node " + s_.node);
  }
  // Refused only when it has lost meanwhile, which comes as `lost`.
  template <class What>
  void command(What what) {
    request(campaign_, caf::infinite, std::move(what)).then([] {}, [](const caf::error&) {});
  }
  void stand() {
    if (!leaving_) command(campaign{});
  }
  void stand_later(storage::duration after = storage::duration{0}) {
    delayed_send(this, after + std::exchange(pause_, storage::duration{0}), stand_again{});
  }

  void start(std::uint64_t token) {
    token_ = token;
    leads_ = true;
    running_ = make_(system(), token);
    monitor(running_);
    log::info("singleton", "runs here",
              {{"singleton", s_.name}, {"node", s_.node}, {"token", token}});
    const auto end = asking_.upper_bound(token);
    for (auto it = asking_.begin(); it != end; it = asking_.erase(it)) {
      if (it->first == token)
        it->second.deliver(running_);
      else
        it->second.deliver(not_here());
    }
  }
  void kill() { send_exit(running_, caf::exit_reason::kill); }
  void stopped(const caf::error& why) {
    running_ = nullptr;
    if (leads_) {  // by itself: another begins, with a new token
      leads_ = false;
      log::warn("singleton", "has ended", {{"singleton", s_.name}, {"reason", sentence_of(why)}});
      pause_ = s_.restart;
      command(resign{});
      return;
    }
    if (letting_go_.pending()) letting_go_.deliver(caf::unit);
    stand_later();
  }

  caf::actor client_;
  singleton_settings s_;
  singleton_factory make_;
  caf::actor campaign_, running_;
  std::uint64_t token_ = 0;
  bool leads_ = false, leaving_ = false;
  storage::duration pause_{0};
  caf::response_promise letting_go_;  // once it has ended
  std::multimap<std::uint64_t, caf::typed_response_promise<caf::actor>> asking_;
};
}  // namespace

caf::actor spawn_singleton(caf::actor_system& system, caf::actor client,
                           singleton_settings settings, singleton_factory make) {
  return system.spawn<manager>(std::move(client), std::move(settings), std::move(make));
}

void register_election_types(caf::actor_system_config& config) {
  config.add_message_type<where_is>("singleton.where");
}
}  // namespace troupe::election

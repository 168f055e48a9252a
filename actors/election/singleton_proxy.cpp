#include "actors/election/campaign.hpp"
#include "actors/election/singleton.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/log.hpp"
#include "runtime/peers.hpp"

#include <chrono>
#include <deque>
#include <map>
#include <utility>

#include <caf/all.hpp>
namespace troupe::election {
struct ask_again {
  std::uint64_t token = 0;
};
TROUPE_MESSAGE(ask_again, token)
}  // namespace troupe::election
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::election::ask_again)

namespace troupe::election {
namespace {
using namespace std::chrono_literals;
constexpr auto patience = 2s;  // with a manager, before it is asked again
constexpr auto pause = 100ms;

class proxy : public caf::event_based_actor {
 public:
  proxy(caf::actor_config& config, caf::actor client, singleton_proxy_settings s)
      : caf::event_based_actor{config}, client_{std::move(client)}, s_{std::move(s)} {}
  const char* name() const override { return "singleton-proxy"; }
  void on_exit() override {
    for (auto& m : kept_)
      refuse(m.whom, make_error(errc::not_ready, "this node is shutting down: nothing was sent"));
    kept_.clear();
    managers_.clear();
    client_ = at_ = nullptr;
  }

  caf::behavior make_behavior() override {
    spawn_observer(system(), client_, this, {.election = s_.name, .prefer = s_.prefer});
    set_down_handler([this](const caf::down_msg& gone) {
      if (!at_ || gone.source != at_.address()) return;
      at_ = nullptr;  // the next leader, or its node's next answer, says where another is
      ask();
    });
    set_default_handler(
        [this](caf::scheduled_actor*, caf::message_view& what) -> caf::result<caf::message> {
          return take(what.move_content_to_message());
        });
    return {
        [this](leader& x) {
          leader_ = std::move(x);
          at_ = nullptr;
          ask();
        },
        [this](vacant) {
          leader_ = {};
          at_ = nullptr;
        },
        [this](peer_up& peer) {
          const auto id = peer.id;
          managers_[id] = std::move(peer.handle);
          if (!at_ && leader_.name == id) ask();
        },
        [this](const peer_down& peer) {
          managers_.erase(peer.id);
          if (leader_.name == peer.id) at_ = nullptr;
        },
        [this](ask_again x) {
          if (!at_ && x.token == leader_.token) ask();
        },
    };
  }

 private:
  struct kept {
    caf::response_promise whom;
    caf::message what;
    bool urgent = false;
  };

  void ask() {
    const auto found = managers_.find(leader_.name);
    if (leader_.token == 0 || found == managers_.end()) return;
    const auto token = leader_.token;
    request(found->second, patience, where_is{token})
        .then(
            [this, token](const caf::actor& there) {
              if (token != leader_.token || at_ || !there) return;
              at_ = there;
              monitor(at_);
              for (auto& m : std::exchange(kept_, {})) pass(m);
            },
            [this, token](const caf::error&) {
              if (token == leader_.token) delayed_send(this, pause, ask_again{token});
            });
  }

  caf::result<caf::message> take(caf::message what) {
    kept m{make_response_promise(), std::move(what), current_message_id().is_urgent_message()};
    const auto whom = m.whom;  // from here on an answer goes by it alone
    if (at_) {
      pass(m);
    } else if (kept_.size() < s_.buffer) {
      kept_.push_back(std::move(m));
    } else {
      static log::once_per quiet{std::chrono::seconds{10}};
      quiet.warn("singleton", "messages are refused while it does not run",
                 {{"singleton", s_.name}, {"kept", kept_.size()}});
      refuse(m.whom,
             make_error(errc::overloaded, "'" + s_.name + "' runs nowhere at the moment, and " +
                                              std::to_string(s_.buffer) +
                                              " messages wait for it already: try again later"));
    }
    return whom;
  }
  void pass(kept& m) {
    if (m.urgent)
      m.whom.delegate<caf::message_priority::high>(at_, std::move(m.what));
    else
      m.whom.delegate<caf::message_priority::normal>(at_, std::move(m.what));
  }
  static void refuse(caf::response_promise& whom, caf::error why) {
    if (!whom.async()) whom.deliver(std::move(why));
  }

  caf::actor client_;
  singleton_proxy_settings s_;
  std::map<std::string, caf::actor> managers_;  // by node
  leader leader_{};
  caf::actor at_;  // the singleton; null: not known
  std::deque<kept> kept_;
};
}  // namespace

caf::actor spawn_singleton_proxy(caf::actor_system& system, caf::actor client,
                                 singleton_proxy_settings settings) {
  return system.spawn<proxy>(std::move(client), std::move(settings));
}
}  // namespace troupe::election

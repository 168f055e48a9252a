#include "actors/election/campaign.hpp"

#include "actors/election/errand.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/log.hpp"

#include <optional>
#include <utility>
#include <vector>

#include <caf/all.hpp>
namespace troupe::election {
struct campaign_tick {};
TROUPE_MESSAGE(campaign_tick)
}  // namespace troupe::election
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::election::campaign_tick)

namespace troupe::election {
namespace {
caf::error to_error(refusal why) {
  switch (why) {
    case refusal::already_campaigning:
      return make_error(errc::refused, "it is campaigning, or leads, already: resign first");
    case refusal::not_leading:
      return make_error(errc::refused, "only the leader can proclaim: wait to be elected");
    case refusal::not_campaigning:
      return make_error(errc::refused, "it does not campaign: there is nothing to resign from");
  }
  return make_error(errc::refused);
}
bool revokes(const errand& r) {
  const auto* c = std::get_if<storage::command>(&r.what);
  return c != nullptr && std::holds_alternative<storage::lease_revoke>(*c);
}

class campaigner : public caf::event_based_actor {
 public:
  campaigner(caf::actor_config& config, caf::actor client, caf::actor owner, campaign_settings s)
      : caf::event_based_actor{config},
        client_{client},
        owner_{std::move(owner)},
        s_{std::move(s)},
        core_{s_.election, s_.name, s_.bounds},
        watch_{std::move(client), s_.prefer} {}
  const char* name() const override { return "campaign"; }
  void on_exit() override {
    watch_.end(this);
    client_ = owner_ = nullptr;
  }

  caf::behavior make_behavior() override {
    monitor(owner_);
    set_down_handler([this](const caf::down_msg&) {
      if (!s_.resigns_with_owner) return quit();
      owner_ = nullptr;
      let_go();
      go();
    });
    caf::message_handler own{
        [this](campaign& x) { return commanded(std::move(x)); },
        [this](proclaim& x) { return commanded(std::move(x)); },
        [this](resign x) { return commanded(x); },
        [this](retire) { go(); },
        [this](observe) {
          if (auto whom = caf::actor_cast<caf::actor>(current_sender()))
            spawn_observer(system(), client_, std::move(whom),
                           {.election = s_.election, .prefer = s_.prefer});
        },
        [this](campaign_tick) {
          armed_.reset();
          step(tick{});
        },
    };
    return own.or_else(heard_by(watch_, [this](auto what) { step(std::move(what)); }));
  }

 private:
  storage::instant now() {
    return std::chrono::floor<storage::instant>(clock().now().time_since_epoch());
  }

  caf::result<void> commanded(input x) {
    if (going_) return make_error(errc::not_ready, "this campaign has been ended: begin another");
    if (const auto no = step(x)) return to_error(*no);
    return caf::unit;
  }

  std::optional<refusal> step(const input& in) {
    output out;
    core_.step(in, now(), out);
    for (auto& what : out.told) std::visit([this](auto& x) { tell(x); }, what);
    if (out.unwatch) watch_.end(this);
    if (out.watch) watch_.begin(this, *out.watch);
    for (auto& r : out.send) {
      if (letting_go_ > 0 && revokes(r))
        held_.push_back(std::move(r));
      else
        post(r);
    }
    arm();
    if (out.refused.empty()) return std::nullopt;
    return out.refused.front();
  }
  void post(const errand& r) {
    run(this, client_, s_.bounds.ttl, r, [this](outcome_of_errand what) {
      std::visit([this](auto& x) { step(std::move(x)); }, what);
    });
  }

  void tell(const elected& x) {
    log::info("election", "elected",
              {{"election", s_.election}, {"name", s_.name}, {"token", x.token}});
    send<caf::message_priority::high>(owner_, x);
  }
  void tell(const lost& x) {
    log::info("election", "lost",
              {{"election", s_.election}, {"name", s_.name}, {"reason", to_string(x.why)}});
    if (!owner_) return;
    ++letting_go_;
    request<caf::message_priority::high>(owner_, caf::infinite, x)
        .then([this] { let_go(); }, [this](const caf::error&) { let_go(); });
  }
  template <class What>
  void tell(const What& x) {
    send(owner_, x);
  }
  // The owner acts as a leader no more: the next one may.
  void let_go() {
    if (letting_go_ > 0) --letting_go_;
    if (!owner_) letting_go_ = 0;
    if (letting_go_ > 0) return;
    for (const auto& r : std::exchange(held_, {})) post(r);
    arm();
  }
  void go() {
    if (std::exchange(going_, true)) return;
    step(resign{});
  }

  void arm() {
    const auto due = core_.due();
    if (!due) {
      if (going_ && letting_go_ == 0) quit();
      return;
    }
    if (armed_ && *armed_ <= *due) return;
    armed_ = due;
    const auto at = clock().now().time_since_epoch();
    delayed_send(this, *due > at ? *due - at : caf::timespan{0}, campaign_tick{});
  }

  caf::actor client_, owner_;
  campaign_settings s_;
  candidate core_;
  watch_errand watch_;
  std::vector<errand> held_;  // until the owner has let go
  int letting_go_ = 0;
  bool going_ = false;
  std::optional<storage::instant> armed_;
};
}  // namespace

caf::actor spawn_campaign(caf::actor_system& system, caf::actor client, caf::actor owner,
                          campaign_settings settings) {
  return system.spawn<campaigner>(std::move(client), std::move(owner), std::move(settings));
}
}  // namespace troupe::election

#include "cluster/membership.hpp"

#include "cluster/downing_lease.hpp"
#include "cluster/membership_events.hpp"
#include "patterns/membership/swim.hpp"
#include "runtime/chance.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/failpoint.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"
#include "runtime/remoting/identity.hpp"
#include "runtime/remoting/remoting.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include <caf/all.hpp>
namespace troupe {
namespace membership {
struct wake_up {  // to the actor itself; only the newest counts
  std::uint64_t number = 0;
};
}  // namespace membership
}  // namespace troupe
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::membership::wake_up)

namespace troupe {
using namespace membership;
namespace {
constexpr std::size_t waiting_max = 8;

// The node id of an incarnation that may never have had a link to us.
caf::node_id node_of(const std::string& incarnation) {
  link::incarnation life;
  if (incarnation.size() != 2 * life.bytes.size()) return {};
  for (std::size_t i = 0; i < life.bytes.size(); ++i) {
    life.bytes[i] =
        static_cast<std::uint8_t>(std::strtoul(incarnation.substr(2 * i, 2).c_str(), nullptr, 16));
  }
  return remoting::node_of(life);
}

record self_of(const membership_settings& s, const std::string& incarnation) {
  record self;
  self.id = {s.name, incarnation};
  self.address = s.address;
  self.roles = s.roles;
  std::sort(self.roles.begin(), self.roles.end());
  self.roles.erase(std::unique(self.roles.begin(), self.roles.end()), self.roles.end());
  return self;
}

caf::error error_of(refusal why, const std::string& name) {
  switch (why) {
    case refusal::not_found:
      return make_error(errc::not_found,
                        "no member is named '" + name + "': `troupe members` lists them");
    case refusal::not_joined:
      return make_error(errc::not_ready, "this node is in no cluster yet");
    case refusal::over:
      return make_error(errc::refused, "this node is no member any more");
  }
  return make_error(errc::failed);
}

class member_actor : public caf::event_based_actor {
 public:
  member_actor(caf::actor_config& config, membership_settings settings)
      : caf::event_based_actor{config},
        incarnation_{remoting::incarnation_text(links().incarnation())},
        settings_{std::move(settings)},
        lease_{settings_.lease},
        core_{settings_.how,        self_of(settings_, incarnation_),
              settings_.seeds,      settings_.known,
              fresh_seed(system()), now()} {}

  const char* name() const override { return "membership"; }

  caf::behavior make_behavior() override {
    set_down_handler([this](const caf::down_msg& gone) {
      std::erase_if(subscribers_, [&](const caf::actor& a) { return a.address() == gone.source; });
    });
    links().observe(this);
    step(tick{});
    return wire().or_else(local()).or_else(link_news());
  }
  void on_exit() override {
    lease_ = nullptr;
    subscribers_.clear();
    gateways_.clear();
    waiting_.clear();
  }

 private:
  remoting::service& links() { return remoting::service::of(system()); }
  instant now() { return std::chrono::duration_cast<instant>(clock().now().time_since_epoch()); }

  template <class Message>
  auto heard() {
    return [this](const Message& m) {
      const auto sender = current_sender();
      const auto life = sender
                            ? remoting::incarnation_text(remoting::incarnation_of(sender->node()))
                            : std::string{};
      if (m.head.from.incarnation != life) {
        static log::once_per quiet{std::chrono::seconds{10}};
        quiet.warn("membership", "dropped a message under another's name",
                   {{"claims", to_string(m.head.from)}, {"is", life.substr(0, 8)}});
        forged_.add();
        return;
      }
      step(message{m});
    };
  }
  caf::message_handler wire() {
    return {heard<ping>(),
            heard<ping_request>(),
            heard<ack>(),
            heard<nack>(),
            heard<gossip>(),
            heard<membership::sync>(),
            heard<membership::join>(),
            heard<welcome>(),
            heard<turned_away>()};
  }

  caf::message_handler local() {
    return {
        [this](wake_up w) {
          if (w.number == wakes_) {
            armed_ = false;
            step(tick{});
          }
        },
        [this](const get_view&) { return seen(); },
        [this](const membership::leave& l) -> caf::result<void> {
          if (troupe::reached(failpoint::membership_leave))
            return make_error(errc::failed, "a failpoint does not let '" + l.name + "' leave");
          auto answer = order(l, l.name);
          troupe::reached(failpoint::membership_left);
          return answer;
        },
        [this](const membership::down& d) -> caf::result<void> { return order(d, d.name); },
        [this](const subscribe& s) {
          if (!s.who) return;
          for (const auto& [id, r] : core_.members()) {
            if (auto e = as_event(r)) send(s.who, std::move(*e));
            if (present(r) && !reachable(r)) send(s.who, event{event_kind::unreachable, r, {}});
          }
          subscribers_.push_back(s.who);
          monitor(s.who);
        },
    };
  }
  static std::optional<event> as_event(const record& r) {
    switch (r.state) {
      case member_state::joining:
        return event{event_kind::joined, r, {}};
      case member_state::up:
        return event{event_kind::up, r, {}};
      case member_state::leaving:
        return event{event_kind::leaving, r, {}};
      case member_state::exiting:
        return event{event_kind::exiting, r, {}};
      case member_state::down:
      case member_state::removed:
        return std::nullopt;
    }
    return std::nullopt;
  }

  caf::message_handler link_news() {
    return {
        [this](remoting::link_up& up) {
          if (up.who.client || !up.gateway) return;
          const auto life = remoting::incarnation_text(up.who.incarnation);
          const auto address = to_string(up.who.address);
          // Told again where the peer's gateway came late.
          if (std::exchange(gateways_[life], up.gateway) != up.gateway)
            write_event(*settings_.events, up);
          reached(address, life, up.gateway);
          if (const auto text = up.dialed ? to_string(*up.dialed) : address; text != address) {
            step(also_known{text, address});
            reached(text, life, up.gateway);
          }
          step(link_hint{life, true});
        },
        [this](const remoting::link_found& found) {
          const auto life = remoting::incarnation_text(found.who.incarnation);
          const auto text = to_string(found.dialed), address = to_string(found.who.address);
          const auto gateway = gateways_.find(life);
          if (gateway == gateways_.end()) return;
          if (text != address) step(also_known{text, address});
          reached(text, life, gateway->second);
        },
        [this](const remoting::link_broken& lost) {
          if (!lost.who.client) write_event(*settings_.events, lost);
          step(link_hint{remoting::incarnation_text(lost.who.incarnation), false});
        },
        [this](const remoting::link_resumed& back) {
          if (!back.who.client) write_event(*settings_.events, back);
          step(link_hint{remoting::incarnation_text(back.who.incarnation), true});
        },
        [this](const remoting::link_down& down) {
          if (!down.who.client) write_event(*settings_.events, down);
          const auto life = remoting::incarnation_text(down.who.incarnation);
          gateways_.erase(life);
          std::erase_if(lives_, [&](const auto& known) { return known.second == life; });
          step(link_hint{life, false});
        },
        [this](const remoting::link_refused& no) {
          waiting_.erase(to_string(no.address));
          if (no.downed) step(disowned{to_string(no.address)});
          if (no.myself) return static_cast<void>(step(own_address{to_string(no.address)}));
          turned_down(no);
        },
    };
  }
  // There is a session with this life, and this text leads to it.
  void reached(const std::string& text, const std::string& life, const caf::actor& gateway) {
    lives_[text] = life;
    refusals_.erase(text);
    const auto found = waiting_.find(text);
    if (found == waiting_.end()) return;
    for (auto& what : found->second) put(gateway, std::move(what));
    waiting_.erase(found);
  }

  // Who looks for a cluster should hear why a seed's link refuses it; once, not with each try.
  void turned_down(const remoting::link_refused& no) {
    constexpr std::size_t remembered_max = 64;
    if (refusals_.size() >= remembered_max) refusals_.clear();
    const auto why = sentence_of(no.reason);
    if (std::exchange(refusals_[to_string(no.address)], why) == why) return;
    write_event(*settings_.events, no);
    if (core_.where() != standing::looking) return;
    event refused;
    refused.what = event_kind::refused;
    refused.member.address = to_string(no.address);
    refused.reason = why;
    tell(refused);
  }

  view_reply seen() {
    view_reply all{core_.id(), core_.where(), core_.cluster(), {}, {}, core_.known_addresses()};
    for (const auto& [id, r] : core_.members()) {
      all.members.push_back(r);
      all.suspicion.push_back(core_.suspicion(id, now()));
    }
    return all;
  }

  template <class Order>
  caf::result<void> order(const Order& what, const std::string& name) {
    if (const auto refused = step(what); !refused.empty()) return error_of(refused.front(), name);
    return caf::unit;
  }

  std::vector<refusal> step(const input& in) {
    output out;
    core_.step(in, now(), out);
    for (auto& what : out.send) deliver(std::move(what));
    for (const auto& what : out.events) tell(what);
    if (!out.events.empty()) remember();
    wake_at(core_.due());
    for (auto& what : out.lease) std::visit([this](auto& o) { order_lease(std::move(o)); }, what);
    return std::move(out.refused);
  }

  // The core looks at the clock itself, and asks again.
  void order_lease(lease_claim&& claim) {
    const auto number = claim.number;
    const auto failed = [this, number](std::string why) {
      step(lease_answer{.number = number, .reason = std::move(why)});
    };
    if (!lease_) return failed("this node has no way to the replicated log");
    const auto patience = 2 * settings_.how.resolving.acquire_within;
    request(lease_, patience, std::move(claim))
        .then([this](const lease_answer& a) { step(a); },
              [failed](const caf::error& e) { failed(sentence_of(e)); });
  }
  void order_lease(lease_return&& what) { send(lease_, std::move(what)); }

  // Whom a process that comes back here should ask, and before it has met anybody that stays as it was.
  void remember() {
    if (!settings_.remember || core_.where() != standing::member) return;
    auto others = core_.present_addresses();
    if (remembered_ == others) return;
    settings_.remember(others);
    remembered_ = std::move(others);
  }

  // One timer at a time, but for those that an earlier one has overtaken.
  void wake_at(instant due) {
    if (armed_ && armed_for_ <= due) return;
    armed_ = true;
    armed_for_ = due;
    delayed_send(this, std::max<instant>(due - now(), std::chrono::milliseconds{1}),
                 wake_up{++wakes_});
  }

  void put(const caf::actor& gateway, message what) {
    std::visit([&](auto& m) { send<caf::message_priority::high>(gateway, std::move(m)); }, what);
  }
  void deliver(outgoing what) {
    if (troupe::reached(failpoint::membership_send)) return;
    auto life = what.incarnation;
    if (life.empty())
      if (const auto known = lives_.find(what.address); known != lives_.end()) life = known->second;
    if (const auto there = gateways_.find(life); there != gateways_.end())
      return put(there->second, std::move(what.what));
    const auto where = remoting::parse_endpoint(what.address);
    if (!where) return;
    auto& queue = waiting_[what.address];
    if (queue.size() >= waiting_max) queue.pop_front();
    queue.push_back(std::move(what.what));
    links().connect(*where);
  }

  void tell(const event& what) {
    for (const auto& who : subscribers_) send(who, what);
    write_event(*settings_.events, what, settings_.how.resolving.how.kind);
    // From now on no message of that life is delivered here, and it is told so when it comes again.
    if (what.what == event_kind::downed && what.member.id != core_.id()) {
      if (const auto id = node_of(what.member.id.incarnation)) links().forbid(id);
    }
    const bool quiet = what.what == event_kind::suspected || what.what == event_kind::cleared;
    const auto level = what.what == event_kind::waiting ? log::level::warn
                       : quiet                          ? log::level::debug
                                                        : log::level::info;
    log::write(level, "membership", to_string(what.what),
               {{"member", to_string(what.member.id)}, {"reason", what.reason}});
    const auto up = std::count_if(core_.members().begin(), core_.members().end(),
                                  [](const auto& m) { return m.second.state == member_state::up; });
    up_.set(static_cast<double>(up));
  }
  const std::string incarnation_;
  const membership_settings settings_;
  caf::actor lease_;
  swim core_;
  std::uint64_t wakes_ = 0;
  bool armed_ = false;
  instant armed_for_{};
  std::map<std::string, caf::actor> gateways_;  // by incarnation
  std::map<std::string, std::string> lives_;    // linked incarnation by address, as dialed too
  std::map<std::string, std::deque<message>> waiting_;  // by address
  std::map<std::string, std::string> refusals_;         // the last of each address
  std::optional<std::vector<std::string>> remembered_;
  std::vector<caf::actor> subscribers_;
  metrics::gauge_handle& up_ =
      metrics::gauge("troupe_members_up", "Members that are up, as this node sees it.");
  metrics::counter_handle& forged_ =
      metrics::counter("troupe_membership_forged_total",
                       "Messages dropped because their sender is not who it claims to be.");
};
}  // namespace

caf::actor spawn_membership(caf::actor_system& system, membership_settings settings) {
  return system.spawn<member_actor>(std::move(settings));
}

void register_membership_types(caf::actor_system_config& config) {
  config.add_message_type<ping>("swim.ping")
      .add_message_type<ping_request>("swim.ping_req")
      .add_message_type<ack>("swim.ack")
      .add_message_type<nack>("swim.nack")
      .add_message_type<gossip>("swim.gossip")
      .add_message_type<membership::sync>("swim.sync")
      .add_message_type<join>("swim.join")
      .add_message_type<welcome>("swim.welcome")
      .add_message_type<turned_away>("swim.turned_away");
}
}  // namespace troupe

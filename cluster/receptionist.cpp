#include "cluster/receptionist.hpp"

#include "cluster/membership.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"
#include "runtime/remoting/remoting.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <caf/all.hpp>
namespace troupe::receptionist {
struct beat {};  // to the receptionist itself
}  // namespace troupe::receptionist
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::receptionist::beat)

namespace troupe {
namespace {
using namespace receptionist;

caf::error error_of(refusal why, const std::string& key) {
  switch (why) {
    case refusal::key_empty:
      return make_error(errc::invalid_argument, "a service key must not be empty");
    case refusal::key_too_long:
      return make_error(errc::invalid_argument, "a service key has at most 255 bytes");
    case refusal::too_many:
      return make_error(errc::overloaded,
                        "this node has 100,000 services already: deregister some first");
    case refusal::not_enrolled:
      return make_error(errc::not_found, "this actor is not registered under '" + key + "'");
  }
  return make_error(errc::failed);
}

caf::error no_actor() {
  return make_error(errc::invalid_argument,
                    "an invalid handle was given: there is no actor behind it");
}

class receptionist_actor : public caf::event_based_actor {
 public:
  receptionist_actor(caf::actor_config& config, settings how)
      : caf::event_based_actor{config},
        how_{std::move(how)},
        core_{how_.incarnation, how_.beacon_interval} {}

  const char* name() const override { return "receptionist"; }

  caf::behavior make_behavior() override {
    set_down_handler([this](const caf::down_msg& gone) { died(gone.source); });
    if (how_.membership) send(how_.membership, membership::subscribe{this});
    delayed_send(this, how_.beacon_interval, beat{});
    return users().or_else(wire()).or_else(news());
  }
  void on_exit() override {
    how_ = {};
    handles_.clear();
    gateways_.clear();
    subscribers_.clear();
  }

 private:
  caf::message_handler users() {
    return {
        [this](const register_service& r) -> caf::result<void> {
          if (!r.who) return no_actor();
          const auto refused = step(enroll{{r.key, number_of(r.who)}});
          if (refused.empty()) watch(r.who);
          drop_unused(how_.incarnation);
          return answer(refused, r.key);
        },
        [this](const deregister_service& r) -> caf::result<void> {
          const auto known = r.who ? numbers_.find(r.who.address()) : numbers_.end();
          if (known == numbers_.end()) return error_of(refusal::not_enrolled, r.key);
          const auto refused = step(withdraw{{r.key, known->second}});
          drop_unused(how_.incarnation);
          return answer(refused, r.key);
        },
        [this](const find_service& f) { return listing_of(f.key); },
        [this](const subscribe_service& s) -> caf::result<void> {
          if (!s.who) return no_actor();
          auto& all = subscribers_[s.key];
          if (std::find(all.begin(), all.end(), s.who) == all.end()) all.push_back(s.who);
          watch(s.who);
          send(s.who, listing_of(s.key));
          return caf::unit;
        },
        [this](const unsubscribe_service& s) {
          if (s.who) unsubscribe(s.key, s.who.address());
        },
    };
  }

  caf::message_handler wire() {
    return {
        [this](const whole_handles& m) { hear(m.what, m.actors); },
        [this](const change_handles& m) { hear(m.what, m.actors); },
        [this](const beacon& m) { hear(m, {}); },
        [this](const ask& m) { hear(m, {}); },
    };
  }

  caf::message_handler news() {
    return {
        [this](const remoting::link_up& up) {
          if (up.who.client || !up.gateway) return;
          const auto owner = remoting::incarnation_text(up.who.incarnation);
          gateways_[owner] = up.gateway;
          step(linked{owner});
        },
        [](const remoting::link_found&) {},
        [](const remoting::link_broken&) {},
        [](const remoting::link_resumed&) {},
        [](const remoting::link_refused&) {},
        [this](const remoting::link_down& down) {
          const auto owner = remoting::incarnation_text(down.who.incarnation);
          gateways_.erase(owner);
          step(unlinked{owner});
          drop_unused(owner);
        },
        [this](const membership::event& e) { changed(e); },
        [this](beat) {
          step(receptionist::tick{});
          delayed_send(this, how_.beacon_interval, beat{});
        },
    };
  }

  // Whoever leaves is given no new work; whoever cannot be reached is not waited for.
  void changed(const membership::event& e) {
    using membership::event_kind;
    const auto& r = e.member;
    switch (e.what) {
      case event_kind::joined:
      case event_kind::up:
      case event_kind::reachable:
        if (r.state > membership::member_state::up || !membership::reachable(r)) return;
        if (how_.connect && r.id.incarnation != how_.incarnation) how_.connect(r.address);
        step(shown{r.id.incarnation});
        return;
      case event_kind::leaving:
      case event_kind::exiting:
      case event_kind::downed:
      case event_kind::removed:
      case event_kind::unreachable:
        step(hidden{r.id.incarnation});
        drop_unused(r.id.incarnation);
        return;
      case event_kind::suspected:
      case event_kind::cleared:
      case event_kind::formed:
      case event_kind::welcomed:
      case event_kind::refused:
      case event_kind::self_downed:
      case event_kind::self_left:
      case event_kind::decided:
      case event_kind::waiting:
      case event_kind::asks_lease:
        return;
    }
  }

  template <class Message>
  void hear(const Message& what, const std::vector<numbered>& actors) {
    const auto owner = how_.owner_of ? how_.owner_of(current_sender()) : std::string{};
    if (owner.empty() || owner == how_.incarnation || gateways_.count(owner) == 0) return;
    // Numbers are never used twice by one owner: to know one more does no harm, even of an old message.
    auto& known = handles_[owner];
    for (const auto& a : actors) {
      if (a.handle) known.insert_or_assign(a.number, a.handle);
    }
    step(heard{owner, what});
    drop_unused(owner);
  }

  std::vector<refusal> step(const input& in) {
    output out;
    core_.step(in, std::chrono::duration_cast<instant>(clock().now().time_since_epoch()), out);
    for (auto& o : out.send) deliver(o);
    for (const auto& key : out.changed) {
      const auto waiting = subscribers_.find(key);
      if (waiting == subscribers_.end()) continue;
      const auto now = listing_of(key);
      log::debug("receptionist", "listing changed", {{"key", key}, {"actors", now.who.size()}});
      for (const auto& who : waiting->second) send(who, now);
    }
    services_.set(static_cast<double>(core_.offered()));
    return std::move(out.refused);
  }

  void deliver(const outgoing& o) {
    const auto there = gateways_.find(o.to);
    if (there == gateways_.end()) return;
    if (const auto* w = std::get_if<whole>(&o.what)) {
      send(there->second, whole_handles{*w, with_handles(w->offers)});
    } else if (const auto* c = std::get_if<change>(&o.what)) {
      send(there->second, change_handles{*c, with_handles(c->added)});
    } else if (const auto* b = std::get_if<beacon>(&o.what)) {
      send(there->second, *b);
    } else {
      send(there->second, std::get<ask>(o.what));
    }
  }

  std::vector<numbered> with_handles(const std::vector<offer>& offers) const {
    std::set<std::uint64_t> wanted;
    for (const auto& o : offers) wanted.insert(o.actor);
    std::vector<numbered> all;
    for (const auto& number : wanted) {
      if (auto handle = handle_of(how_.incarnation, number))
        all.push_back({number, std::move(handle)});
    }
    return all;
  }

  caf::actor handle_of(const std::string& owner, std::uint64_t number) const {
    const auto at = handles_.find(owner);
    if (at == handles_.end()) return nullptr;
    const auto found = at->second.find(number);
    return found == at->second.end() ? nullptr : found->second;
  }

  service_listing listing_of(const std::string& key) const {
    service_listing all{key, {}};
    for (const auto& [owner, number] : core_.listing(key)) {
      if (auto handle = handle_of(owner, number)) all.who.push_back(std::move(handle));
    }
    return all;
  }

  caf::result<void> answer(const std::vector<refusal>& refused, const std::string& key) {
    if (!refused.empty()) return error_of(refused.front(), key);
    return caf::unit;
  }

  std::uint64_t number_of(const caf::actor& who) {
    const auto [at, fresh] = numbers_.try_emplace(who.address(), last_number_ + 1);
    if (fresh) handles_[how_.incarnation][++last_number_] = who;
    return at->second;
  }

  void watch(const caf::actor& who) {
    if (watched_.insert(who.address()).second) monitor(who);
  }

  void died(const caf::actor_addr& who) {
    watched_.erase(who);
    if (const auto known = numbers_.find(who); known != numbers_.end()) {
      step(ended{known->second});
      drop_unused(how_.incarnation);
    }
    for (auto at = subscribers_.begin(); at != subscribers_.end();) {
      const auto key = (at++)->first;
      unsubscribe(key, who);
    }
  }

  void unsubscribe(const std::string& key, const caf::actor_addr& who) {
    const auto at = subscribers_.find(key);
    if (at == subscribers_.end()) return;
    std::erase_if(at->second, [&](const caf::actor& a) { return a.address() == who; });
    if (at->second.empty()) subscribers_.erase(at);
  }

  // Handles that nothing is offered of any more are let go.
  void drop_unused(const std::string& owner) {
    const auto at = handles_.find(owner);
    if (at == handles_.end()) return;
    const auto used = core_.actors_of(owner);
    if (used.size() == at->second.size()) return;
    std::erase_if(at->second, [&](const auto& h) {
      if (used.contains(h.first)) return false;
      if (owner == how_.incarnation) numbers_.erase(h.second.address());
      return true;
    });
    if (at->second.empty()) handles_.erase(at);
  }

  settings how_;
  core core_;
  std::map<std::string, caf::actor> gateways_;                          // by incarnation
  std::map<std::string, std::map<std::uint64_t, caf::actor>> handles_;  // by owner and number
  std::map<caf::actor_addr, std::uint64_t> numbers_;                    // of this node's own
  std::uint64_t last_number_ = 0;
  std::set<caf::actor_addr> watched_;
  std::map<std::string, std::vector<caf::actor>> subscribers_;
  metrics::gauge_handle& services_ = metrics::gauge(
      "troupe_receptionist_services", "Services that this node's actors have registered.");
};
}  // namespace

caf::actor spawn_receptionist(caf::actor_system& system, receptionist::settings how) {
  return system.spawn<receptionist_actor>(std::move(how));
}

caf::actor spawn_receptionist(caf::actor_system& system, caf::actor membership) {
  auto& links = remoting::service::of(system);
  receptionist::settings how;
  how.incarnation = remoting::incarnation_text(links.incarnation());
  how.membership = std::move(membership);
  how.owner_of = [](const caf::strong_actor_ptr& sender) {
    return sender ? remoting::incarnation_text(remoting::incarnation_of(sender->node()))
                  : std::string{};
  };
  how.connect = [&links](const std::string& address) {
    if (const auto where = remoting::parse_endpoint(address)) links.connect(*where);
  };
  auto actor = spawn_receptionist(system, std::move(how));
  links.observe(actor);
  return actor;
}

void register_receptionist_types(caf::actor_system_config& config) {
  config.add_message_type<register_service>("service.register")
      .add_message_type<deregister_service>("service.deregister")
      .add_message_type<find_service>("service.find")
      .add_message_type<subscribe_service>("service.subscribe")
      .add_message_type<unsubscribe_service>("service.unsubscribe")
      .add_message_type<service_listing>("service.listing")
      .add_message_type<receptionist::whole_handles>("service.whole")
      .add_message_type<receptionist::change_handles>("service.change")
      .add_message_type<receptionist::beacon>("service.beacon")
      .add_message_type<receptionist::ask>("service.ask");
}
}  // namespace troupe

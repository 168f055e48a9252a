#include "runtime/error.hpp"
#include "runtime/remoting/broker.hpp"
#include "runtime/remoting/identity.hpp"
#include "runtime/remoting/module.hpp"

#include <charconv>
#include <future>
#include <stdexcept>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

namespace troupe::remoting {
std::string to_string(const endpoint& where) {
  const bool colons = where.host.find(':') != std::string::npos;
  return (colons ? "[" + where.host + "]" : where.host) + ":" + std::to_string(where.port);
}

caf::expected<endpoint> parse_endpoint(const std::string& text) {
  const auto refuse = [&](const char* why) {
    return make_error(errc::invalid_argument, "'" + text + "' is no address (" + why +
                                                  "): write HOST:PORT, or [HOST]:PORT for IPv6");
  };
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return refuse("it has no port");
  endpoint result{text.substr(0, colon), 0};
  if (result.host.size() >= 2 && result.host.front() == '[' && result.host.back() == ']') {
    result.host = result.host.substr(1, result.host.size() - 2);
  } else if (result.host.find(':') != std::string::npos) {
    return refuse("its host has colons");
  }
  if (result.host.empty()) return refuse("it has no host");
  const auto* const end = text.data() + text.size();
  const auto [stopped, code] = std::from_chars(text.data() + colon + 1, end, result.port);
  if (code != std::errc{} || stopped != end)
    return refuse("its port is not a number from 0 to 65535");
  return result;
}

service::service(std::shared_ptr<hub> home) : hub_{std::move(home)} {}
service::~service() = default;

void service::load(caf::actor_system_config& config, settings wanted) {
  remoting::load(config, std::move(wanted), real_environment());
}

service& service::of(caf::actor_system& system) {
  auto* const found = system.has_middleman() ? dynamic_cast<module*>(&system.middleman()) : nullptr;
  if (found == nullptr)
    throw std::runtime_error{
        "remoting is not loaded: call troupe::remoting::service::load on the configuration"};
  return found->face();
}

caf::expected<endpoint> service::listening() const { return hub_->listening(); }
caf::node_id service::incarnation() const { return hub_->node(); }

void service::gateway(caf::actor mine) {
  hub_->gateway(mine);
  hub_->in_broker([](broker& b) { b.tell_gateway_again(); });
}

void service::observe(caf::actor who) {
  hub_->in_broker([who = std::move(who)](broker& b) { b.observe(who); });
}

void service::connect(endpoint to) {
  hub_->in_broker([to = std::move(to)](broker& b) { b.connect(to); });
}

void service::directory(std::function<std::optional<endpoint>(const caf::node_id&)> find) {
  hub_->directory(std::move(find));
}

void service::disconnect(const caf::node_id& who, std::string reason) {
  hub_->in_broker([life = link_incarnation(who), reason = std::move(reason)](broker& b) {
    b.disconnect(life, link::ending::closed_here, reason);
  });
}

void service::forbid(const caf::node_id& who) {
  const auto life = link_incarnation(who);
  hub_->forbid(life);
  hub_->in_broker([life](broker& b) { b.disconnect(life, link::ending::downed, ""); });
}

std::vector<peer_stats> service::stats() const {
  auto answer = std::make_shared<std::promise<std::vector<peer_stats>>>();
  auto result = answer->get_future();
  if (!hub_->in_broker([answer](broker& b) { answer->set_value(b.stats()); })) return {};
  if (result.wait_for(std::chrono::seconds{2}) != std::future_status::ready) return {};
  return result.get();
}

void service::stop() {
  auto& owner = dynamic_cast<module&>(hub_->system().middleman());
  owner.stop_links();
}
}  // namespace troupe::remoting

#include "runtime/remoting/hub.hpp"

#include "runtime/error.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"
#include "runtime/remoting/association.hpp"
#include "runtime/remoting/broker.hpp"
#include "runtime/remoting/identity.hpp"

#include <caf/actor_registry.hpp>
#include <caf/actor_system.hpp>
#include <caf/send.hpp>

namespace troupe::remoting {
namespace {
link::incarnation mint(entropy& chance) {
  link::incarnation life;
  while (!life) chance.fill(life.bytes);
  return life;
}
}  // namespace

hub::hub(caf::actor_system& system, settings config, std::shared_ptr<environment> world)
    : system_{system},
      config_{std::move(config)},
      world_{std::move(world)},
      life_{mint(world_->chance())},
      node_{node_of(life_)},
      unit_{&system},
      exports_{system},
      listening_{make_error(errc::not_ready, "this node does not listen")} {}
hub::~hub() = default;

void hub::make_types() { types_ = std::make_unique<codec::type_table>(system_); }

bool hub::registered(caf::actor_id id) {
  return system_.registry().get<caf::strong_actor_ptr>(id) != nullptr;
}

void hub::broker_handle(caf::actor broker) {
  std::unique_lock guard{broker_mutex_};
  std::swap(broker_, broker);
  guard.unlock();
}

bool hub::in_broker(std::function<void(broker&)> what) {
  std::shared_lock guard{broker_mutex_};
  auto* const loop = loop_.load();
  if (!broker_ || loop == nullptr) return false;
  caf::anon_send(broker_, task{[loop, what = std::move(what)] { what(*loop); }});
  return true;
}

void hub::wake(std::shared_ptr<association> who) {
  std::shared_lock guard{broker_mutex_};
  if (broker_) caf::anon_send(broker_, wake_up{std::move(who)});
}

void hub::later(std::function<void()> what) {
  std::shared_lock guard{broker_mutex_};
  if (broker_) caf::anon_send(broker_, task{std::move(what)});
}

std::shared_ptr<association> hub::make(const link::incarnation& life) {
  return std::make_shared<association>(shared_from_this(), life, ++numbers_);
}

std::shared_ptr<association> hub::find(const link::incarnation& life) const {
  std::shared_lock guard{mutex_};
  const auto found = sessions_.find(life);
  return found != sessions_.end() ? found->second : nullptr;
}

std::shared_ptr<association> hub::reach(const link::incarnation& life) {
  if (auto known = find(life)) return known;
  std::shared_ptr<association> made;
  bool refused = false;
  {
    std::unique_lock guard{mutex_};
    if (const auto found = sessions_.find(life); found != sessions_.end()) return found->second;
    made = make(life);
    refused = stopped_ || life == life_ || waiting_.size() >= waiting_sessions_max ||
              forbidden_.count(life) != 0;
    if (!refused) {
      made->out().high_mark(config_.bounds.waiting_max);
      sessions_.emplace(life, made);
      made->waits(true);
      waiting_.emplace(life, now());
    }
  }
  if (refused) {
    made->close(make_error(errc::unreachable, "there is no way to the actor's node"),
                caf::exit_reason::remote_link_unreachable);
  } else {
    later([this, made] { dial_(made); });
  }
  return made;
}

std::shared_ptr<association> hub::begin(const link::incarnation& life) {
  std::unique_lock guard{mutex_};
  const bool waited = waiting_.erase(life) != 0;
  auto& session = sessions_[life];
  if (!waited || !session) session = make(life);
  session->waits(false);
  session->out().high_mark(config_.link.queue_max);
  return session;
}

std::vector<std::shared_ptr<association>> hub::overdue() {
  std::vector<std::shared_ptr<association>> late;
  const auto before = now() - config_.bounds.dial_deadline - config_.bounds.handshake_deadline;
  std::shared_lock guard{mutex_};
  for (const auto& [life, since] : waiting_) {
    const auto found = sessions_.find(life);
    if (since < before && found != sessions_.end()) late.push_back(found->second);
  }
  return late;
}

void hub::flooded(std::shared_ptr<association> who) {
  in_broker([who](broker& loop) {
    loop.disconnect(who->peer(), link::ending::faults,
                    "it makes us answer and does not take the answers");
  });
}

void hub::ended(const association& gone) {
  std::unique_lock guard{mutex_};
  const auto found = sessions_.find(gone.peer());
  if (found == sessions_.end() || found->second.get() != &gone) return;
  sessions_.erase(found);
  waiting_.erase(gone.peer());
}

void hub::stop() {
  std::map<link::incarnation, std::shared_ptr<association>> left;
  std::vector<caf::actor> observers;
  caf::strong_actor_ptr gateway;
  std::function<std::optional<endpoint>(const caf::node_id&)> directory;
  {
    std::unique_lock guard{mutex_};
    stopped_ = true;
    left.swap(sessions_);
    waiting_.clear();
    observers.swap(observers_);
    gateway.swap(gateway_);
    directory.swap(directory_);
  }
  for (auto& [life, session] : left)
    session->close(make_error(errc::unknown_outcome, "this node's links were stopped"),
                   caf::exit_reason::remote_link_unreachable);
  exports_.clear();  // what only peers have held ends now, and with it the system's wait for it
}

caf::strong_actor_ptr hub::gateway() const {
  std::shared_lock guard{mutex_};
  return gateway_;
}

void hub::gateway(const caf::actor& mine) {
  auto handle = caf::actor_cast<caf::strong_actor_ptr>(mine);
  if (handle) exports_.hold(handle);
  std::unique_lock guard{mutex_};
  if (gateway_) exports_.release(gateway_->id(), now());
  gateway_id_.store(handle ? handle->id() : 0, std::memory_order_relaxed);
  gateway_ = std::move(handle);
  gateway_known_.store(true);
}

void hub::directory(std::function<std::optional<endpoint>(const caf::node_id&)> find) {
  std::unique_lock guard{mutex_};
  directory_ = std::move(find);
}

std::optional<endpoint> hub::address_of(const link::incarnation& life) const {
  std::function<std::optional<endpoint>(const caf::node_id&)> ask;
  {
    std::shared_lock guard{mutex_};
    ask = directory_;
  }
  return ask ? ask(node_of(life)) : std::nullopt;
}

void hub::forbid(const link::incarnation& life) {
  std::unique_lock guard{mutex_};
  if (!forbidden_.insert(life).second) return;
  forbidden_order_.push_back(life);
  if (forbidden_order_.size() <= forbidden_max) return;
  forbidden_.erase(forbidden_order_.front());
  forbidden_order_.pop_front();
}

bool hub::forbidden(const link::incarnation& life) const {
  std::shared_lock guard{mutex_};
  return forbidden_.count(life) != 0;
}

void hub::add_observer(const caf::actor& who) {
  std::unique_lock guard{mutex_};
  std::erase_if(observers_, [](const caf::actor& each) {
    return caf::actor_cast<caf::abstract_actor*>(each)->getf(
        caf::abstract_actor::is_terminated_flag);
  });
  observers_.push_back(who);
}

std::vector<caf::actor> hub::observers() const {
  std::shared_lock guard{mutex_};
  return observers_;
}

void hub::dead_letter(const association& on, std::string_view reason, const std::string& detail) {
  static log::once_per quiet{std::chrono::seconds{5}};
  metrics::counter("troupe_link_dead_letters_total",
                   "Messages that could not be sent or delivered.", {{"reason", reason}})
      .add();
  quiet.warn("link", "dead letter",
             {{"reason", reason},
              {"peer", to_string(on.peer())},
              {"session", on.number()},
              {"detail", detail}});
}

caf::expected<endpoint> hub::listening() const {
  std::shared_lock guard{mutex_};
  return listening_;
}

void hub::listening(caf::expected<endpoint> bound) {
  std::unique_lock guard{mutex_};
  listening_ = std::move(bound);
}
}  // namespace troupe::remoting

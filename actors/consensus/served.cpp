#include "actors/consensus/served.hpp"

#include "actors/consensus/protocol.hpp"
#include "runtime/chance.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/peers.hpp"

#include <utility>

#include <caf/all.hpp>
namespace troupe::consensus {
struct served_tick {};
TROUPE_MESSAGE(served_tick)
struct served_again {};
TROUPE_MESSAGE(served_again)
}  // namespace troupe::consensus
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::consensus::served_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::consensus::served_again)

namespace troupe::consensus {
served::served(caf::event_based_actor* self, caf::actor client, served_settings settings)
    : self_{self},
      client_{std::move(client)},
      s_{std::move(settings)},
      core_{{.prefer = s_.prefer, .follows = s_.leader, .seed = fresh_seed(self->system())}} {}

void served::clear() {
  part();
  client_ = nullptr;
  replicas_.clear();
}

void served::begin() {
  if (std::exchange(begun_, true)) return;
  self_->send(client_, tell_replicas{self_});
  if (s_.leader) self_->send(client_, tell_leader{self_});
}

void served::want(bool is) {
  begin();
  if (std::exchange(wanted_, is) != is) take(core_.wanted(is));
  arm();
}

caf::message_handler served::handlers() {
  return {
      [this](peer_up& peer) {
        auto& known = replicas_[peer.id];
        if (known == peer.handle) return;
        known = std::move(peer.handle);
        take(core_.up(peer.id));
      },
      [this](const peer_down& peer) { gone(peer.id); },
      [this](const leads& news) { take(core_.leads(news.node)); },
      [this](served_tick) {
        ticking_ = false;
        if (wanted_) take(core_.tick());
        arm();
      },
      [this](served_again) {
        waits_ = false;
        take(core_.again());
      },
  };
}

void served::down(const caf::down_msg& msg) {
  if (replica_ && replica_.address() == msg.source) gone(std::string{node_});
}
void served::gone(const std::string& node) {
  replicas_.erase(node);
  take(core_.down(node));
}

void served::take(const serving::output& out) {
  if (out.leave) part();
  if (!out.serve.empty()) {
    node_ = out.serve;
    replica_ = replicas_.at(node_);
    self_->monitor(replica_);
    open();
  }
  if (out.ping) ping();
  if (out.exhausted && s_.again.count() > 0 && !std::exchange(waits_, true))
    self_->delayed_send(self_, s_.again, served_again{});
}
void served::part() {
  if (!replica_) return;
  close();
  self_->demonitor(replica_.address());
  replica_ = nullptr;
}
void served::arm() {
  if (wanted_ && !std::exchange(ticking_, true))
    self_->delayed_send(self_, s_.silence, served_tick{});
}
}  // namespace troupe::consensus

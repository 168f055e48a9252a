#include "runtime/remoting/proxy.hpp"

#include "runtime/remoting/association.hpp"

#include <caf/actor_config.hpp>
#include <caf/default_attachable.hpp>
#include <caf/mailbox_element.hpp>

namespace troupe::remoting {
proxy::proxy(caf::actor_config& config, std::shared_ptr<association> way)
    : caf::actor_proxy{config}, way_{std::move(way)} {}
proxy::~proxy() = default;

void proxy::enqueue(caf::mailbox_element_ptr what, caf::execution_unit*) {
  way_->send(*this, std::move(what));
}

// The pin comes first: were it second, a detach between the two could take it away with the watcher in place.
void proxy::attach(caf::attachable_ptr watcher) {
  if (!getf(is_terminated_flag)) way_->pin(caf::strong_actor_ptr{ctrl()}, 1);
  caf::actor_proxy::attach(std::move(watcher));
}

size_t proxy::detach(const caf::attachable::token& what) {
  const auto gone = caf::actor_proxy::detach(what);
  if (gone > 0) way_->unpin(id(), gone);
  return gone;
}

// Called with this actor's and the other's lock held, so nothing below may take an actor's lock.
bool proxy::add_backlink(caf::abstract_actor* other) {
  if (!caf::actor_proxy::add_backlink(other)) return false;
  way_->pin(caf::strong_actor_ptr{ctrl()}, 1);
  way_->link(id(), *other, true);
  return true;
}

bool proxy::remove_backlink(caf::abstract_actor* other) {
  if (!caf::actor_proxy::remove_backlink(other)) return false;
  way_->unpin(id(), 1);
  way_->link(id(), *other, false);
  return true;
}

void proxy::link_quietly(caf::abstract_actor* ours) {
  caf::default_attachable::observe_token token{ours->address(), caf::default_attachable::link};
  detach(token);  // a link is one, however often it is told
  attach(caf::default_attachable::make_link(address(), ours->address()));
}

void proxy::unlink_quietly(caf::abstract_actor* ours) {
  caf::default_attachable::observe_token token{ours->address(), caf::default_attachable::link};
  detach(token);
}

void proxy::on_destroy() { way_->dropped(id(), ctrl()); }

void proxy::die(const caf::error& reason) { cleanup(caf::error{reason}, nullptr); }
}  // namespace troupe::remoting

#include "runtime/remoting/receiver.hpp"

#include "runtime/error.hpp"
#include "runtime/remoting/association.hpp"
#include "runtime/remoting/hub.hpp"
#include "runtime/remoting/proxy.hpp"

#include <caf/actor_cast.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/message.hpp>
#include <caf/message_builder.hpp>
#include <caf/sec.hpp>
#include <caf/system_messages.hpp>

namespace troupe::remoting {
namespace {
// Gives its bytes back to the peer's credit when the actor is done with it, or dies with it in its mailbox.
class delivered final : public caf::mailbox_element {
 public:
  delivered(caf::strong_actor_ptr sender, caf::message_id id, forwarding_stack stages,
            caf::message content, std::shared_ptr<association> from, link::lane on,
            std::size_t bytes)
      : caf::mailbox_element{std::move(sender), id, std::move(stages)},
        content_{std::move(content)},
        from_{std::move(from)},
        bytes_{bytes},
        on_{on} {
    if (content_.vals() == nullptr) content_ = caf::message_builder{}.to_message();
  }
  ~delivered() override { from_->consumed(on_, bytes_); }
  caf::type_erased_tuple& content() override { return content_; }
  const caf::type_erased_tuple& content() const override { return content_.content(); }
  caf::message move_content_to_message() override { return std::move(content_); }
  caf::message copy_content_to_message() const override { return content_; }

 private:
  caf::message content_;
  std::shared_ptr<association> from_;
  std::size_t bytes_;
  link::lane on_;
};

caf::message_id id_of(const link::record& r) {
  const auto category = r.urgent ? 0 : caf::message_id::default_async_value;
  switch (r.kind) {
    case link::message_kind::asynchronous:
      return caf::message_id{category};
    case link::message_kind::request:
      return caf::message_id{category | r.id};
    case link::message_kind::response:
      return caf::message_id{category | r.id | caf::message_id::response_flag_mask};
  }
  return caf::message_id{category};
}

constexpr std::size_t element_bytes = sizeof(delivered) + 64;
}  // namespace

receiver::result receiver::take(association& from, link::lane on, link::view batch) {
  result out;
  link::record_reader records{batch};
  while (auto r = records.next()) on_record(from, on, *r, out);
  out.problem = records.problem();
  return out;
}

// The control lane is for the two gateways alone.
bool receiver::misplaced(const association& from, link::lane on, const link::record& r) const {
  if (on != link::lane::control) return false;
  const bool from_gateway = r.by == link::sender::mine && r.source == from.gateway_of_peer();
  return r.what != link::op::message ||
         (r.target != 0 && r.target != home_.gateway_id() && !from_gateway);
}

void receiver::on_record(association& from, link::lane on, const link::record& r, result& out) {
  if (misplaced(from, on, r)) {
    from.dead_letters.fetch_add(1, std::memory_order_relaxed);
    return home_.dead_letter(from, "not_for_the_control_lane");
  }
  switch (r.what) {
    case link::op::message:
      return r.target == 0 ? on_node_word(from, r, out) : on_message(from, on, r);
    case link::op::monitor:
      return from.watch(r.target);
    case link::op::demonitor:
      return from.unwatch(r.target);
    case link::op::down:
      return on_down(from, on, r);
    case link::op::link:
    case link::op::unlink:
      return on_link(from, r);
    case link::op::release:
      return from.released(r.target, r.id);
    case link::op::error: {
      from.dead_letters.fetch_add(1, std::memory_order_relaxed);
      return home_.dead_letter(from, "not_readable_there", sentence_of(load_reason(home_, r.body)));
    }
  }
}

caf::strong_actor_ptr receiver::resolve(association& from, const link::handle& who) {
  if (who.actor == 0 || !who.node) return nullptr;
  if (who.node == home_.life()) return home_.exports().find(who.actor);
  if (who.node == from.peer()) return from.import(who.actor, true);
  return home_.reach(who.node)->import_from_third(who.actor);
}

caf::strong_actor_ptr receiver::source_of(association& from, const link::record& r) {
  switch (r.by) {
    case link::sender::none:
      return nullptr;
    case link::sender::yours:
      return home_.exports().find(r.source);
    case link::sender::mine:
      return r.source == 0 ? nullptr : from.import(r.source, true);
    case link::sender::third:
      return resolve(from, r.from);
  }
  return nullptr;
}

// What a peer may say of a sender that is not its own: only that a request of ours has come back to us, delegated; and
// nothing at all to the node's gateway, where who speaks is what matters.
bool receiver::forged(const link::record& r) {
  const bool ours =
      r.by == link::sender::yours || (r.by == link::sender::third && r.from.node == home_.life());
  const auto asker = r.by == link::sender::yours ? r.source : r.from.actor;
  const bool foreign = r.by == link::sender::yours || r.by == link::sender::third;
  if (foreign && r.target == home_.gateway_id()) return true;
  if (!ours || r.kind != link::message_kind::request) return false;
  return !home_.requests().remove(asker, r.id);
}

void receiver::on_message(association& from, link::lane on, const link::record& r) {
  from.received.fetch_add(1, std::memory_order_relaxed);
  if (forged(r)) {
    from.dead_letters.fetch_add(1, std::memory_order_relaxed);
    return home_.dead_letter(from, "forged_sender");
  }
  auto sender = source_of(from, r);
  caf::mailbox_element::forwarding_stack stages;
  for (std::size_t i = 0; i < r.stage_count(); ++i) {
    if (auto actor = resolve(from, r.stage(i))) stages.push_back(std::move(actor));
  }
  caf::message content;
  std::size_t held = 0;
  if (auto failed = reader_.load(from, r.body, content, held))
    return reject(from, r, sender, std::move(failed));
  if (r.kind == link::message_kind::response && !home_.requests().remove(r.target, r.id)) {
    from.dead_letters.fetch_add(1, std::memory_order_relaxed);
    return home_.dead_letter(from, "late_response");
  }
  const auto target = home_.exports().find(r.target);
  if (!target) return reject(from, r, sender, caf::make_error(caf::sec::request_receiver_down));
  held += element_bytes;
  from.delivered(on, held);  // before its actor can be done with it
  target->enqueue(caf::mailbox_element_ptr{new delivered{std::move(sender), id_of(r),
                                                         std::move(stages), std::move(content),
                                                         from.shared_from_this(), on, held}},
                  nullptr);
}

// Who asked is answered; who asked us and gets an answer that cannot be read gets that as its error.
void receiver::reject(association& from, const link::record& r, const caf::strong_actor_ptr& sender,
                      caf::error why) {
  from.dead_letters.fetch_add(1, std::memory_order_relaxed);
  home_.dead_letter(from, "not_deliverable", sentence_of(why));
  if (r.kind == link::message_kind::response) {
    const auto asker =
        home_.requests().remove(r.target, r.id) ? home_.exports().find(r.target) : nullptr;
    if (asker)
      asker->enqueue(caf::make_mailbox_element(nullptr, id_of(r), {}, std::move(why)), nullptr);
    return;
  }
  if (r.kind != link::message_kind::request) return from.tell_error(r.target, r.id, why);
  if (sender)
    sender->enqueue(caf::make_mailbox_element(nullptr, id_of(r).response_id(), {}, std::move(why)),
                    nullptr);
}

void receiver::on_node_word(association& from, const link::record& r, result& out) {
  if (r.body.empty()) return;
  switch (static_cast<node_word>(r.body.front())) {
    case node_word::gateway:
      out.greeted = true;
      out.gateway = source_of(from, r);
      from.gateway_of_peer(r.by == link::sender::mine ? r.source : 0);
      return;
    case node_word::hold:
      return from.held_by_peer(r.id);
  }
}

void receiver::on_down(association& from, link::lane on, const link::record& r) {
  auto reason = load_reason(home_, r.body);
  if (r.target == 0) return from.peer_ended(r.source, reason);
  const auto target = home_.exports().find(r.target);
  const auto source = source_of(from, r);
  if (!target) return;
  const auto held = r.body.size() + element_bytes;
  from.delivered(on, held);
  auto content =
      caf::make_message(caf::exit_msg{caf::actor_cast<caf::actor_addr>(source), std::move(reason)});
  target->enqueue(caf::mailbox_element_ptr{new delivered{source,
                                                         caf::make_message_id(),
                                                         {},
                                                         std::move(content),
                                                         from.shared_from_this(),
                                                         on,
                                                         held}},
                  nullptr);
}

// The one who is linked to us dies with its node, too: its proxy tells our actor, by a link of its own.
void receiver::on_link(association& from, const link::record& r) {
  const auto ours = home_.exports().find(r.target);
  const auto theirs = r.by == link::sender::mine ? source_of(from, r) : nullptr;
  if (!ours || !theirs) return;
  auto& there = static_cast<proxy&>(*theirs->get());
  if (r.what == link::op::link) {
    there.link_quietly(ours->get());
  } else {
    there.unlink_quietly(ours->get());
  }
}
}  // namespace troupe::remoting
